import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { exit, Failure } from "../cli/errors.ts";
import { canAsk } from "../cli/output.ts";
import { hideFromNow, secret } from "../cli/secrets.ts";

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

const withoutKey = "keys are made with `bun run keys`; a key elsewhere is handed over in COSIGN_PRIVATE_KEY";

/**
 * The private key as it lies here: COSIGN_PRIVATE_KEY, else `cosign.key`.
 * @returns undefined where there is none.
 * @throws Failure for a file that others can read, or that is no private key of cosign's
 */
export function findPrivateKey(root: string): Omit<SigningKey, "password"> | undefined {
  const given = secret("COSIGN_PRIVATE_KEY");
  if (given) return checkForm({ from: "COSIGN_PRIVATE_KEY", pem: given });
  const path = join(root, privateKeyFile);
  if (!existsSync(path)) return undefined;
  const { mode } = statSync(path);
  if (mode & 0o077)
    throw new Failure(exit.failed, `${privateKeyFile} can be read by others (mode ${(mode & 0o777).toString(8)})`, {
      tried: [path],
      next: `chmod 600 ${privateKeyFile}; if others may have read it, make a new pair with \`bun run keys\``,
    });
  const pem = readFileSync(path, "utf8");
  hideFromNow(pem);
  return checkForm({ from: privateKeyFile, pem });
}

function checkForm(key: { from: string; pem: string }): { from: string; pem: string } {
  if (/^\s*-----BEGIN ENCRYPTED (SIGSTORE|COSIGN) PRIVATE KEY-----/.test(key.pem)) return key;
  throw new Failure(exit.failed, `${key.from} is not a private key that cosign made`, {
    tried: ["looked for a block that begins with BEGIN ENCRYPTED SIGSTORE PRIVATE KEY"],
    next: withoutKey,
  });
}

/** The key's password: COSIGN_PASSWORD, else asked for; undefined where nobody can be asked. */
export async function passwordFor(from: string): Promise<string | undefined> {
  const given = secret("COSIGN_PASSWORD");
  if (given !== undefined || !canAsk) return given;
  const { askSecret } = await import("../cli/prompts.ts");
  const answer = await askSecret(`Password of ${from}`);
  hideFromNow(answer);
  return answer;
}

/**
 * The key that signs, with its password.
 * @throws Failure (missing) with what was looked at
 */
export async function signingKey(root: string): Promise<SigningKey> {
  const key = findPrivateKey(root);
  if (!key)
    throw new Failure(exit.missing, "there is no private key to sign with", {
      tried: ["COSIGN_PRIVATE_KEY in the environment", join(root, privateKeyFile)],
      next: withoutKey,
    });
  const password = await passwordFor(key.from);
  if (password === undefined)
    throw new Failure(exit.missing, `the password of ${key.from} is not known, and there is no terminal to ask`, {
      tried: ["COSIGN_PASSWORD in the environment"],
      next: "set COSIGN_PASSWORD; for a key without a password set it to nothing",
    });
  return { ...key, password };
}
