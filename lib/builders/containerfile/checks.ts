import { existsSync } from "node:fs";
import { join } from "node:path";
import { loudLint } from "../../family/recipe-rules.ts";
import { pinsFile, readPins } from "../../tools/pins.ts";
import { keyPath } from "../../trust/policy.ts";
import { type ContainerfileCheck, hits, type Subject } from "./check.ts";
import { contextFolder } from "./context-folder.ts";
import { copiedSecrets } from "./copied-secrets.ts";
import { helpersPath, programPath } from "./expand.ts";
import { commandsOf, copyWords, type Instruction, imageStages, takenFrom } from "./instructions.ts";
import { strangers, withoutTag } from "./named-images.ts";
import { notPinned } from "./not-pinned.ts";

/** Instructions of a kind, in the whole file. */
const each = (subject: Subject, keywords: string[]) => subject.instructions.filter((i) => keywords.includes(i.keyword));

/** Instructions of a kind whose result is in the image. */
function eachInImage(subject: Subject, keywords: string[]): Instruction[] {
  const stages = imageStages(subject);
  return each(subject, keywords).filter((i) => stages.includes(i.stage));
}

const secretName = /(^|_)(PASS(WORD|WD|PHRASE)?|SECRET|TOKEN|CREDENTIALS?|(PRIVATE|API|SIGNING)_?KEY)(_|$)/i;
const address = /\b(?:https?|hkps?|ftps?|git|ssh|rsync):\/\/[^\s"']+/g;
const installs =
  /^(?:sudo\s+)?(pacman\s+(-\S+\s+)*-[SU]|(paru|yay)\b|apt(-get)?\s+(-\S+\s+)*install|dpkg\s+-i|(dnf5?|microdnf|yum)\s+(-\S+\s+)*(install|upgrade|swap)|rpm\s+-[iUF])/;
const forbiddenPlace = /(?:^|[\s=>"'])(\/opt|\/usr\/etc|\/var\/swap)(?=[/\s"']|$)/;
const harmless = /^(?:(?:rm|rmdir|test|if|ls|find|for)\b|\[|!)/;

/** A place in the image that only the finished layout, or the machine, may fill. */
function placesWritten(at: Instruction): string[] {
  if (at.keyword !== "RUN") {
    const place = forbiddenPlace.exec(copyWords(at).to)?.[1];
    return place ? [`${at.keyword} to ${place}`] : [];
  }
  return commandsOf(at).flatMap((command) => {
    // Of a file that is written only the path counts: its text may name any place.
    if (command.startsWith("/usr/libexec/slipway/write ")) command = command.split(" ").slice(0, 2).join(" ");
    const place = harmless.test(command) ? undefined : forbiddenPlace.exec(command)?.[1];
    return place ? [`RUN writes to ${place}: ${command.slice(0, 60)}`] : [];
  });
}

/** The checks of an expanded Containerfile. A new one is one row. */
export const containerfileChecks: ContainerfileCheck[] = [
  {
    name: "secret-in-image",
    severity: "error",
    sentence: "a secret never is an ARG or ENV: both are readable in the image's history; use RUN --mount=type=secret",
    find: (subject) =>
      each(subject, ["ARG", "ENV"]).flatMap((at) => {
        const names = at.keyword === "ARG" ? [/^\w+/] : [/^\w+/, /\b\w+(?==)/g];
        const all = names.flatMap((n) => at.text.match(n) ?? []);
        return hits(
          at,
          [...new Set(all)].filter((n) => secretName.test(n)).map((n) => `${at.keyword} ${n}`),
        );
      }),
  },
  {
    name: "secret-copied",
    severity: "error",
    sentence: "a file that is a secret of the build is outside of what COPY takes, or is named in .containerignore",
    find: copiedSecrets,
  },
  {
    name: "address-inline",
    severity: "error",
    sentence: "an outside address is an ARG with the real one as default, so that a mirror can take its place",
    ofRecipes: true,
    find: (subject) =>
      each(subject, ["RUN", "COPY", "ADD", "ENV", "FROM"]).flatMap((at) => hits(at, at.text.match(address) ?? [])),
  },
  {
    name: "from-unknown",
    severity: "error",
    sentence: "FROM and --from name an ARG that stands before the first FROM, or an earlier stage",
    ofRecipes: true,
    find: strangers,
  },
  {
    name: "base-without-tag",
    severity: "warning",
    sentence: "a base image is named with its tag or digest",
    find: (subject) =>
      each(subject, ["ARG", "FROM"]).flatMap((at) => {
        if (at.keyword === "FROM") return hits(at, withoutTag(subject, at));
        const [, name = "", value = ""] = /^(\w+)=["']?([^"']*)/.exec(at.text) ?? [];
        const used = at.stage === -1 && subject.stages.some((s) => s.from.replaceAll(/[${}]/g, "") === name);
        return used && !/[:@][^/]*$/.test(value) ? [{ at, what: `ARG ${name}=${value}` }] : [];
      }),
  },
  {
    name: "not-pinned",
    severity: "warning",
    sentence: `an image is taken by its digest, a repository by its commit: bun run pins --update writes both to ${pinsFile}`,
    ofRecipes: true,
    // A project without this file does not use pins.
    find: (subject) =>
      (readPins(subject.family.root) ? notPinned(subject, subject.target, subject.family) : []).map(
        ({ at, address }) => ({
          at,
          what: `${address} is taken as it is on the day of the build`,
        }),
      ),
  },
  {
    name: "add-address",
    severity: "error",
    sentence: "ADD of an address is not in the cache's key and unverified; a helper fetches and checks it",
    ofRecipes: true,
    find: (subject) =>
      each(subject, ["ADD"]).flatMap((at) =>
        hits(
          at,
          copyWords(at).sources.filter((s) => /:\/\/|^\$/.test(s)),
        ),
      ),
  },
  {
    name: "forbidden-place",
    severity: "error",
    sentence: "use /usr/lib/opt for /opt and /etc for /usr/etc; the swap file is made at first boot",
    find: (subject) => eachInImage(subject, ["RUN", "COPY", "ADD"]).flatMap((at) => hits(at, placesWritten(at))),
  },
  {
    name: "install-outside-group",
    severity: "error",
    sentence: "packages come through the helper `group`, which merges a stray /usr/etc and says whose files they are",
    ofRecipes: true,
    find: (subject) =>
      eachInImage(subject, ["RUN"]).flatMap((at) =>
        hits(
          at,
          commandsOf(at).filter((c) => installs.test(c)),
        ),
      ),
  },
  {
    name: "hook-removed",
    severity: "error",
    sentence: "pacman's hooks for an initramfs stay links to /dev/null: it is made once, at the end of the build",
    ofRecipes: true,
    find: (subject) =>
      eachInImage(subject, ["RUN"]).flatMap((at) =>
        hits(
          at,
          commandsOf(at).filter((c) => /\/etc\/pacman\.d\/hooks\b/.test(c) && !/\bln\b.*\s\/dev\/null\s/.test(c)),
        ),
      ),
  },
  {
    name: "heredoc",
    severity: "error",
    sentence: "podman 4.3 does not know heredocs; the helper `write` writes files of several lines",
    ofRecipes: true,
    find: (subject) =>
      each(subject, ["RUN", "COPY", "ADD"]).flatMap((at) =>
        hits(at, /(?<!<)<<-?["']?[A-Za-z_]\w*/.exec(at.text) ?? []),
      ),
  },
  {
    name: "copy-of-nothing",
    severity: "error",
    sentence: "what COPY names is a file or folder of the project",
    find: (subject) =>
      each(subject, ["COPY", "ADD"])
        .filter((at) => takenFrom(at).length === 0)
        .flatMap((at) =>
          hits(
            at,
            copyWords(at).sources.filter(
              // a build makes these itself when it needs them
              (s) =>
                ![programPath, `${helpersPath}/`].includes(s) &&
                !/[*?[$]|:\/\/|^<</.test(s) &&
                !existsSync(join(contextFolder(subject.target, subject.family), s)),
            ),
          ),
        ),
  },
  {
    name: "not-root-at-the-end",
    severity: "error",
    sentence: "the last USER of the image's stage is root: systemd starts as it",
    find: (subject) => {
      const last = subject.instructions
        .filter((i) => i.stage === subject.stages.length - 1 && i.keyword === "USER")
        .at(-1);
      return last && !/^(root|0)(:|$)/.test(last.text) ? [{ at: last, what: `USER ${last.text}` }] : [];
    },
  },
  {
    name: "image-without-key",
    severity: "error",
    sentence: "an image carries the family's public key, with which its machine checks the next one",
    find: (subject) => {
      const { target, family } = subject;
      if (target.flavor.from || Object.keys(target.flavor.groups).length === 0) return [];
      const copied = eachInImage(subject, ["COPY"]).some((at) => copyWords(at).to === keyPath(family));
      return copied ? [] : [{ at: undefined, what: `nothing is copied to ${keyPath(family)}` }];
    },
  },
  {
    name: "lint-not-last",
    severity: "error",
    sentence: "`RUN bootc container lint` is the last step of a bootc image: what comes after it is not checked",
    find: (subject) => {
      if (!subject.target.flavor.bootc) return [];
      const last = each(subject, ["RUN", "COPY", "ADD", "FROM"]).at(-1);
      return last?.keyword === "RUN" && loudLint.test(last.rest.replace(/^[\s\S]*&&\s*/, ""))
        ? []
        : [{ at: last, what: `the last step is ${last?.keyword} ${last?.text.slice(0, 60)}` }];
    },
  },
];
