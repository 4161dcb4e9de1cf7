import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Family, Target } from "../../family/family.ts";
import { exit, Failure } from "../../system/errors.ts";
import { say } from "../../system/output.ts";
import { statePath } from "../../system/project.ts";
import type { Outcome } from "../../system/shell.ts";
import type { Progress } from "../../system/steps.ts";
import { podmanBuild } from "../../tools/leftovers.ts";
import { csvWord } from "../../tools/mount-words.ts";
import { nextAfter } from "../../tools/podman-failures.ts";
import type { Job as AnyJob, Draft } from "../builder.ts";
import { contextFolder, ignoreWords } from "./context-folder.ts";
import { refuseCopiedKey } from "./copied-secrets.ts";
import { linesOf, parseContainerfile } from "./instructions.ts";
import { keepFiles, refuseHarmfulMounts, refuseLostFiles, tellsOfLostFiles } from "./lost-root.ts";
import { hideSecretsOf, secretWords } from "./secrets.ts";

/** A Containerfile for podman, and the values of its ARGs. */
export interface ContainerfileDraft extends Draft {
  containerfile: string;
  args: Record<string, string>;
}

type Job = AnyJob<ContainerfileDraft>;

/** Where a target's expanded Containerfile is written. */
export function containerfilePath({ flavor, arch }: Target): string {
  return statePath("build", `${flavor.name}-${arch.name}.Containerfile`);
}

/** The words after `podman build`, as pure data: what a dry run shows is what runs. */
export function buildWords(job: Job, family: Family): string[] {
  const pairs = (flag: string, map: Record<string, string>) =>
    Object.entries(map).flatMap(([name, value]) => [flag, `${name}=${value}`]);
  const oci = Object.fromEntries(Object.entries(job.labels).filter(([k]) => k.startsWith("org.opencontainers.")));
  return [
    ...["--file", csvWord(containerfilePath(job.target)), "--tag", job.target.reference],
    ...["--format", "oci", "--network", "host", "--force-rm", "--layers", "--timestamp", String(job.origin.epoch)],
    ...(job.noCache ? ["--no-cache"] : []),
    ...pairs("--build-arg", job.draft.args),
    ...pairs("--annotation", oci),
    ...secretWords(job.target),
    ...ignoreWords(job.target, family),
    contextFolder(job.target, family),
  ];
}

/** A label's value as a word of a Containerfile: nothing in it is a variable, a quote or the end of the line. */
function labelValue(text: string): string {
  const line = text.replaceAll(/\p{Cc}/gu, " ");
  return `"${line.replaceAll(/[\\"$]/g, "\\$&")}"`;
}

/** All labels as one instruction: podman makes an instruction, and so a commit, of each `--label` on its command line. */
export function labelLines(labels: Record<string, string>): string {
  const words = Object.entries(labels).map(([name, value]) => `"${name}"=${labelValue(value)}`);
  return words.length ? `LABEL ${words.join(" \\\n    ")}\n` : "";
}

/** Writes what podman gets; a dry run does it too, so that its lines can be pasted. @returns the path */
export function writeContainerfile(job: Job): string {
  const text = job.draft.containerfile.replace(/\n?$/, "\n");
  const path = containerfilePath(job.target);
  writeFileSync(path, text + labelLines(job.labels));
  return path;
}

/** Words that only a build has: of our helpers, of package managers, and of pins. */
const advice: [RegExp, string][] = [
  [
    /manifest unknown|has no commit [0-9a-f]{40}/,
    "what is pinned is not there any more: `bun run pins --update` looks up the newest; then read what changed",
  ],
  [/there is no package/, "correct the name in the flavor's YAML, or ask for new package lists with --refresh"],
  [
    /Could not resolve|Temporary failure|Failed to fetch|failed retrieving/i,
    "check the network, then run this again: finished steps come from the cache",
  ],
];

/** @param lost podman's line about files that it removed: the steps in its cache lack them */
function buildFailure(target: Target, { said, code }: Outcome, lost: string | undefined, log: string): Failure {
  const lines = said.trimEnd().split("\n");
  const ours = lines.findIndex((l) => l.startsWith("slipway: "));
  const words = (ours >= 0 ? lines.slice(ours).filter((l) => /^(slipway: | {4})/.test(l)) : lines.slice(-8)).slice(
    0,
    16,
  );
  const next = advice.find(([pattern]) => pattern.test(said))?.[1];
  const [first, ...rest] = words.map((w) => w.replace(/^slipway: /, ""));
  const what = ours >= 0 ? first : `podman build ended with exit code ${code}`;
  const shown = ours >= 0 ? rest : words;
  return new Failure(exit.failed, [`${target.reference}: ${what}`, ...shown.map((l) => `  ${l}`)].join("\n"), {
    ...(lost === undefined ? {} : { tried: [lost] }),
    next:
      lost !== undefined
        ? `${keepFiles}; then run this again with --no-cache`
        : (next ?? nextAfter(said, "read the log: its last STEP line is the step that failed")),
    log,
  });
}

/** "STEP 12/60: RUN /usr/libexec/slipway/group fonts …" → what to show of it. */
function stepTitle(line: string): string | undefined {
  const m = /STEP (\d+\/\d+): (.*)$/.exec(line);
  if (!m) return undefined;
  const text = (m[2] ?? "").replace(/\/usr\/libexec\/slipway\//, "").replace(/--mount=\S+ /, "");
  return `${m[1]} ${text.split(" -- ")[0]}`;
}

/**
 * Builds one image with podman. The tag moves only when everything went well.
 * @throws Failure with the failing group, package or step, the tool's own words and the log.
 */
export async function buildImage(job: Job, family: Family, progress: Progress): Promise<void> {
  const file = writeContainerfile(job);
  hideSecretsOf(job.target, family);
  refuseCopiedKey({ target: job.target, family, ...parseContainerfile(linesOf(job.draft.containerfile)) });
  await refuseHarmfulMounts(job.draft.containerfile, file);
  let lost: string | undefined;
  const outcome = await podmanBuild(buildWords(job, family), {
    cwd: family.root,
    log: progress.log,
    onLine: (line) => {
      const title = stepTitle(line);
      if (title) progress.now(title);
      if (tellsOfLostFiles(line)) lost ??= line;
      // The user must see this, not only the log.
      if (line.startsWith("not pinned: ")) say(line);
    },
  });
  // After a failed build the tag is still that of the last good image.
  if (outcome.code !== 0) throw buildFailure(job.target, outcome, lost, progress.log);
  if (lost !== undefined) await refuseLostFiles(lost, job.target.reference, progress.log);
}

/** The plain `podman build` that a person could type at the project's root, for dry runs. */
export function shownCommand(job: Job, family: Family): string[] {
  return ["podman", "build", ...buildWords(job, family)].map((word) =>
    word === family.root ? "." : word.replace(`${join(family.root)}/`, ""),
  );
}
