import { spawnSync } from "node:child_process";
import { createPublicKey } from "node:crypto";
import { existsSync, lstatSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { readProjectFile } from "./project-file.ts";

/** The family's public key as a file. Every image has it, and it decides whom machines trust, so nothing else may be in it. */

/** A public key of RSA with 4096 bits has 800 bytes. */
const mostKey = 16_000;

/** One block as cosign writes it. Source: RFC 7468, "Textual Encoding of Subject Public Key Info". */
const oneBlock = /^\s*-----BEGIN PUBLIC KEY-----\r?\n(?:[A-Za-z0-9+/=]+\r?\n)+-----END PUBLIC KEY-----\s*$/;

/** Where the private half of a key is, if it is next to the public one. */
function privateHalves(key: string): string[] {
  const beside = (name: string) => join(dirname(key), name);
  const names = [`${key.replace(/\.pub$/, "")}.key`, beside("cosign.key"), "cosign.key"];
  return [...new Set(names)].filter((name) => name !== key);
}

/** The files that git tracks. None if git is missing or does not trust the folder: then we cannot know. */
function tracked(root: string, names: string[]): string[] {
  const there = names.filter((name) => existsSync(join(root, name)));
  if (there.length === 0) return [];
  const { stdout } = spawnSync("git", ["-C", root, "ls-files", "-z", "--", ...there], { encoding: "utf8" });
  return (stdout ?? "").split("\0").filter(Boolean);
}

/** What is wrong with the family's public key, and what is right; undefined for a good one. */
export function keyMistake(root: string, key: string): { message: string; expected: string } | undefined {
  const expected = "one PEM block that begins with BEGIN PUBLIC KEY, in a file of the project";
  if (!existsSync(join(root, key)))
    return {
      message: `there is no ${key}: images would lack the public key`,
      expected: `${expected}; \`bun run keys\` makes it`,
    };
  const read = readProjectFile(root, key, mostKey);
  if ("wrong" in read) return { message: `${key}: ${read.wrong}`, expected };
  if (read.text.includes("PRIVATE KEY"))
    return { message: `${key} is not a public key`, expected: `${expected}: images would carry this private one` };
  if (!oneBlock.test(read.text)) return { message: `${key} is not a public key`, expected };
  const [shown] = tracked(root, privateHalves(key));
  return shown === undefined
    ? undefined
    : {
        message: `${shown}, the private half of ${key}, is in git: whoever reads the project can sign for the family`,
        expected: `git rm --cached ${shown}, and a new pair if it was ever pushed`,
      };
}

/** What is wrong with the public key of a transparency log; undefined for a good one. */
export function logKeyMistake(root: string, key: string): string | undefined {
  if (!existsSync(join(root, key))) return `there is no ${key}: machines could not check what the log says`;
  const read = readProjectFile(root, key, mostKey);
  if ("wrong" in read) return `${key}: ${read.wrong}`;
  try {
    if (oneBlock.test(read.text) && createPublicKey(read.text).asymmetricKeyType === "ec") return undefined;
  } catch {
    // said below
  }
  return `${key} is not a public key that machines can use for a log`;
}

/** Changes when the key or another thing that `keyMistake` looks at changes. */
export function keyTrace(root: string, key: string): string {
  const halves = privateHalves(key).filter((name) => existsSync(join(root, name)));
  const index = halves.length ? [".git/index"] : [];
  return [key, ...halves, ...index]
    .flatMap((name) => [lstatSync, statSync].map((look) => look(join(root, name), { throwIfNoEntry: false })))
    .map((stat) => `${stat?.mode} ${stat?.size} ${stat?.mtimeMs} ${stat?.ino}`)
    .join("\n");
}
