import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { exit, Failure } from "../system/errors.ts";
import { run } from "../system/shell.ts";
import type { Progress } from "../system/steps.ts";
import { workFolder } from "../system/work-folder.ts";
import { cosign, cosignWords } from "./cosign.ts";
import { privateKeyFile } from "./key.ts";

/** @throws Failure where one of the files is there already: a new pair would shut every machine of the family out. */
export function refuseOverwriting(root: string, publicKey: string): void {
  const there = [publicKey, privateKeyFile].filter((name) => existsSync(join(root, name)));
  if (there.length === 0) return;
  const other = there.includes(publicKey)
    ? `bring its private half, as ${privateKeyFile} or in COSIGN_PRIVATE_KEY`
    : `cosign public-key --key ${privateKeyFile} >${publicKey} gives its public half`;
  throw new Failure(
    exit.failed,
    `${there.join(" and ")} ${there.length > 1 ? "are" : "is"} there already; nothing was made`,
    {
      tried: there.map((name) => join(root, name)),
      next: there.length > 1 ? "this is the pair, and all is set: a new one would lock every machine out" : other,
    },
  );
}

/** As far as a .gitignore can be read without git. */
function listed(gitignore: string): boolean {
  const lines = gitignore.split(/\r?\n/).map((line) => line.trim());
  return lines.some((line) => [privateKeyFile, `/${privateKeyFile}`, "*.key"].includes(line));
}

/** @throws Failure where git would take the private key into the repository. */
export async function refuseUnignored(root: string): Promise<void> {
  const { code } = await run(["git", "-C", root, "check-ignore", "--quiet", privateKeyFile]);
  if (code === 0) return;
  const gitignore = join(root, ".gitignore");
  if (code !== 1) {
    // No git, no repository, or one that git does not trust: what the file says has to do.
    const text = existsSync(gitignore) ? readFileSync(gitignore, "utf8") : undefined;
    if (text === undefined ? !existsSync(join(root, ".git")) : listed(text)) return;
  }
  throw new Failure(exit.failed, `git would take ${privateKeyFile} into the repository; nothing was made`, {
    tried: [`git check-ignore ${privateKeyFile}`, gitignore],
    next: `add the line ${privateKeyFile} to .gitignore (and if it was added before: git rm --cached ${privateKeyFile})`,
  });
}

/**
 * Makes a key pair with cosign and writes its halves where they belong.
 * @param publicKey where the public half goes, from the root
 * @throws Failure with cosign's words; then nothing is left behind
 */
export async function makeKeys(root: string, publicKey: string, password: string, progress?: Progress): Promise<void> {
  const work = workFolder();
  try {
    const { code, said } = await cosign(["generate-key-pair", "--output-key-prefix", "made"], {
      cwd: work.path,
      secrets: { pem: "", password },
      ...(progress ? { progress } : {}),
    });
    const [secretHalf, publicHalf] = ["key", "pub"].map((kind) => join(work.path, `made.${kind}`));
    if (code !== 0 || !secretHalf || !publicHalf || !existsSync(secretHalf) || !existsSync(publicHalf))
      throw new Failure(exit.failed, "cosign made no key pair", {
        tried: cosignWords(said),
        next: "bun run doctor shows which cosign is used",
      });
    // "wx": whatever came into being meanwhile is not overwritten.
    const path = join(root, privateKeyFile);
    writeFileSync(path, readFileSync(secretHalf), { mode: 0o600, flag: "wx" });
    try {
      writeFileSync(join(root, publicKey), readFileSync(publicHalf), { mode: 0o644, flag: "wx" });
    } catch (error) {
      rmSync(path, { force: true });
      throw error;
    }
  } finally {
    work.remove();
  }
}
