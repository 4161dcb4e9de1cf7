import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Family } from "../family/family.ts";
import { exit, Failure } from "../system/errors.ts";
import { canAsk } from "../system/output.ts";
import { hideFromNow, secret } from "../system/secrets.ts";
import { readKeyForm } from "./key-form.ts";

/** Where the private key lies, from the project's root. */
export const privateKeyFile = "cosign.key";

/** A private key and its password: what a signature is made with. Both stay in memory. */
export interface SigningKey {
  /** Where the key comes from, in words. */
  from: string;
  /** As cosign writes it: an encrypted PEM block. */
  pem: string;
  password: string;
}

/** How to change the key: machines accept only the old one, so the old key must sign the image that brings the new one. */
const afterLeak = `if others may have read the key, make a new pair: first ship its public key in images that the old key signs, then change keys`;

/**
 * The private key as it lies here: COSIGN_PRIVATE_KEY, else `cosign.key`. What a secret store did to its line ends is undone.
 * @returns undefined where there is none.
 * @throws Failure for a file that others can read, or that is not a private key of cosign's
 */
export function findPrivateKey(root: string): Omit<SigningKey, "password"> | undefined {
  const given = secret("COSIGN_PRIVATE_KEY");
  if (given) return repaired("COSIGN_PRIVATE_KEY", given);
  const path = join(root, privateKeyFile);
  if (!existsSync(path)) return undefined;
  const { mode } = statSync(path);
  if (mode & 0o077)
    throw new Failure(exit.failed, `${privateKeyFile} can be read by others (mode ${(mode & 0o777).toString(8)})`, {
      tried: [path],
      next: `chmod 600 ${privateKeyFile}; ${afterLeak}`,
    });
  const text = readFileSync(path, "utf8");
  hideFromNow(text);
  return repaired(privateKeyFile, text);
}

function repaired(from: string, text: string): { from: string; pem: string } {
  const form = readKeyForm(text);
  if ("pem" in form) {
    hideFromNow(form.pem);
    return { from, pem: form.pem };
  }
  throw new Failure(exit.failed, `${from} is not a private key that cosign made`, {
    tried: [form.why],
    next:
      from === privateKeyFile
        ? `put the copy of the key that you keep in its place; a new pair would lock every machine out`
        : `give it the file as it is, such as: gh secret set ${from} <${privateKeyFile}`,
  });
}

/**
 * COSIGN_PASSWORD, without the line end that `echo` and secret stores put behind it: a password of ours is one line.
 * @returns undefined where it is not set; an empty one counts as given
 */
export function givenPassword(): string | undefined {
  const password = secret("COSIGN_PASSWORD")?.replace(/[\r\n]+$/, "");
  if (password === undefined || !/[\r\n]/.test(password)) return password;
  throw new Failure(exit.failed, "COSIGN_PASSWORD has several lines, and a password is one", {
    tried: ["line ends at its end were left out"],
    next: "give it the password alone; the key goes into COSIGN_PRIVATE_KEY",
  });
}

/** The key's password: COSIGN_PASSWORD, else asked for; undefined where nobody can be asked. */
async function passwordFor(from: string): Promise<string | undefined> {
  const given = givenPassword();
  if (given !== undefined || !canAsk) return given;
  const { askSecret } = await import("../cli/prompts.ts");
  const answer = await askSecret(`Password of ${from}`);
  hideFromNow(answer);
  return answer;
}

/** What to do without a private key here: if the family has a public key, its private key exists somewhere. */
function whereFrom({ root, key }: Pick<Family, "root" | "key">): string {
  return existsSync(join(root, key))
    ? `bring the private half of ${key}: as ${privateKeyFile}, or in COSIGN_PRIVATE_KEY; machines accept no other`
    : "make the family's first pair: bun run keys";
}

/**
 * The key that signs, with its password.
 * @throws Failure (missing) with what was looked at
 */
export async function signingKey(family: Pick<Family, "root" | "key">): Promise<SigningKey> {
  const key = findPrivateKey(family.root);
  if (!key) {
    const empty = secret("COSIGN_PRIVATE_KEY") === undefined ? "not set" : "empty: the secret store gives it no value";
    throw new Failure(exit.missing, "there is no private key to sign with", {
      tried: [`COSIGN_PRIVATE_KEY in the environment: ${empty}`, join(family.root, privateKeyFile)],
      next: whereFrom(family),
    });
  }
  const password = await passwordFor(key.from);
  if (password === undefined)
    throw new Failure(exit.missing, `the password of ${key.from} is not known, and there is no terminal to ask`, {
      tried: ["COSIGN_PASSWORD in the environment"],
      next: "set COSIGN_PASSWORD; for a key without a password set it to nothing",
    });
  return { ...key, password };
}
