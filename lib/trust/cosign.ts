import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Family } from "../family/family.ts";
import { login } from "../oci/login.ts";
import { exit, Failure } from "../system/errors.ts";
import { type Outcome, run } from "../system/shell.ts";
import type { Progress } from "../system/steps.ts";
import { nextAfter } from "../tools/podman-failures.ts";
import { tool } from "../tools/tools.ts";
import type { SigningKey } from "./key.ts";

/**
 * cosign, which gets the key and its password on stdin: they are on no command line, in no file, and not in the settings that
 * podman keeps of a container. The first line is the password, the rest is the key.
 */
const withSecrets = `IFS= read -r COSIGN_PASSWORD || :
COSIGN_PRIVATE_KEY=$(cat)
export COSIGN_PASSWORD COSIGN_PRIVATE_KEY
exec "$@" </dev/null`;

/** How cosign names the key that the script above puts into its environment. */
export const keyInEnvironment = "env://COSIGN_PRIVATE_KEY";

/** podman-run(1): podman itself failed, the program could not be started, there is none. cosign never ends so. */
const neverRan = [125, 126, 127];

interface CosignOptions {
  /** Handed over; without one cosign gets no secret at all. */
  secrets?: { pem: string; password: string };
  progress?: Progress;
  cwd?: string;
  mounts?: string[];
  env?: Record<string, string>;
}

export async function cosign(args: readonly string[], options: CosignOptions = {}): Promise<Outcome> {
  const { secrets, progress, cwd, mounts = [] } = options;
  const known = login(args);
  const env = { ...known.env, ...options.env };
  try {
    const words = await tool("cosign", {
      mounts: [...mounts, ...known.mounts],
      env: Object.keys(env),
      ...(cwd ? { cwd } : {}),
      ...(secrets ? { stdin: true } : {}),
      ...(progress ? { progress } : {}),
    });
    const program = words.at(-1) ?? "cosign";
    const argv = secrets
      ? [...words.slice(0, -1), "sh", "-c", withSecrets, "sh", program, ...args]
      : [...words, ...args];
    const outcome = await run(argv, {
      env,
      ...(secrets ? { stdin: `${secrets.password}\n${secrets.pem}` } : {}),
      ...(progress ? { log: progress.log } : {}),
      ...(cwd ? { cwd } : {}),
    });
    if (neverRan.includes(outcome.code))
      throw new Failure(exit.failed, "cosign could not be run", {
        tried: [program, ...cosignWords(outcome.said)],
        next: nextAfter(outcome.said, "bun run doctor"),
      });
    return outcome;
  } finally {
    known.remove();
  }
}

/** cosign's own sentence, without its prefixes. */
export function cosignWords(said: string): string[] {
  const lines = said.split("\n").filter((line) => /\S/.test(line) && !/^(WARNING|main\.go|\s*Usage|\s*$)/i.test(line));
  return lines.slice(-3).map((line) => line.replace(/^(Error: |error during command execution: )+/, ""));
}

let forms: Promise<string[]> | undefined;

/**
 * The flags by which any cosign writes the form of a signature that podman, skopeo and bootc look for (a tag
 * `sha256-….sig`). From version 3 on it writes another one that they do not see, unless it is asked; before, it does not
 * know the words.
 */
export function oldFormFlags(progress?: Progress): Promise<string[]> {
  forms ??= cosign(["sign", "--help"], progress ? { progress } : {}).then(({ said, stdout }) =>
    formFlags(`${stdout}\n${said}`),
  );
  return forms;
}

/**
 * Pure: the flags for a cosign whose `sign --help` is given. One that knows signing configurations (3) knows both flags, but does not
 * list the one about the bundle.
 */
export function formFlags(help: string): string[] {
  const bundle = "--new-bundle-format=false";
  if (help.includes("--use-signing-config")) return [bundle, "--use-signing-config=false"];
  return help.includes("--new-bundle-format") ? [bundle] : [];
}

/**
 * Pure: the words of cosign that sign a digest. Without a log in family.yaml nothing goes to one: the key alone is what machines ask for.
 */
export function signWords(reference: string, flags: string[], rekor: Family["rekor"]): string[] {
  const url = rekor?.url === undefined ? [] : [`--rekor-url=${rekor.url}`];
  return ["sign", "--yes", "--key", keyInEnvironment, `--tlog-upload=${!!rekor}`, ...url, ...flags, reference];
}

/**
 * Pure: the words of cosign that verify a digest with a public key. The log is not asked: what it said when the signature was made lies
 * beside it, as machines read it.
 */
export function verifyWords(reference: string, publicKey: string, rekor: Family["rekor"]): string[] {
  return ["verify", "--key", publicKey, rekor ? "--offline=true" : "--insecure-ignore-tlog=true", reference];
}

/** How cosign gets the key of a family's log: it would ask Sigstore for those that it knows. Source: cosign's pkg/cosign/env. */
function logSettings({ root, rekor }: Family): Pick<CosignOptions, "mounts" | "env"> {
  if (!rekor) return {};
  const key = join(root, rekor.key);
  return { mounts: [key], env: { SIGSTORE_REKOR_PUBLIC_KEY: key } };
}

/** Has cosign sign a digest, and write that to the family's log, if it has one. */
export async function signByKey(image: string, family: Family, secrets: SigningKey, progress: Progress) {
  const words = signWords(image, await oldFormFlags(progress), family.rekor);
  return cosign(words, { secrets, progress, ...logSettings(family) });
}

/** Asks cosign whether the family's key, and its log where it has one, verify a digest. */
export function verifyByKey(image: string, family: Family, progress: Progress): Promise<Outcome> {
  const key = join(family.root, family.key);
  const { mounts = [], ...log } = logSettings(family);
  return cosign(verifyWords(image, key, family.rekor), { progress, mounts: [key, ...mounts], ...log });
}

/** What is odd about a password that does not open its key, without showing any of it. */
function passwordInWords(password: string): string {
  if (password === "") return "COSIGN_PASSWORD, which is empty";
  const odd = /^\s|\s$/.test(password) ? "blanks" : /^(["']).*\1$/.test(password) ? "quotes" : undefined;
  const around = odd && `; it has ${odd} around it, which a secret store may have put there`;
  return `COSIGN_PASSWORD, or the password that was typed${around ?? ""}`;
}

/** A public key without what editors do to line ends. */
function plain(pem: string): string {
  return pem.replaceAll(/\s+/g, "");
}

/**
 * Sees to it that the key opens with its password and belongs to the family's public key, before anything is done.
 * @throws Failure saying which of these is not so
 */
export async function checkKey(family: Family, key: SigningKey, progress?: Progress): Promise<void> {
  const asked = ["public-key", "--key", keyInEnvironment];
  const { code, stdout, said } = await cosign(asked, { secrets: key, ...(progress ? { progress } : {}) });
  if (code !== 0) {
    const wrong = /decrypt|password|passphrase/i.test(said);
    throw new Failure(
      exit.failed,
      wrong ? `the password does not open ${key.from}` : `cosign cannot read ${key.from}`,
      wrong
        ? {
            tried: [passwordInWords(key.password)],
            next: "give the password that the key was made with; if it is that, compare the key with the copy that you keep",
          }
        : {
            tried: [cosignWords(said).join(" "), "its block is whole: what cosign encrypts is in it"],
            next: "take the copy of the key that you keep, or a newer cosign (bun run doctor shows which is used)",
          },
    );
  }
  const block = /-----BEGIN PUBLIC KEY-----[^-]+-----END PUBLIC KEY-----/.exec(stdout)?.[0] ?? "";
  if (plain(block) === plain(readFileSync(join(family.root, family.key), "utf8"))) return;
  throw new Failure(exit.failed, `${key.from} does not belong to ${family.key}: machines would refuse what it signs`, {
    tried: [`the public half of ${key.from}, against ${family.key}`],
    next: `take the private half of ${family.key}: until an image signed by it brings another one, machines accept no other`,
  });
}
