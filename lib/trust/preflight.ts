import type { Family } from "../family/family.ts";
import { checkKey } from "./cosign.ts";
import { findPrivateKey, givenPassword } from "./key.ts";

/**
 * Looks at the signing key before a push, so that nothing goes out which could not be signed then: a key that others can
 * read, that its password does not open, or that is of another pair, ends the push before it begins.
 * @returns what could not be looked at, as a sentence: a push alone needs no key, and may be signed elsewhere
 * @throws Failure
 */
export async function keyBeforePush(family: Family): Promise<string | undefined> {
  const key = findPrivateKey(family.root);
  if (!key) return "there is no private key here: machines refuse what is pushed until it is signed";
  const password = givenPassword();
  if (password === undefined) return `${key.from} was not tried, since COSIGN_PASSWORD is not set`;
  await checkKey(family, { ...key, password });
  return undefined;
}
