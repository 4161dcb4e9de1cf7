import { keyMistake, logKeyMistake } from "./key-file.ts";
import type { Rule } from "./rule.ts";
import { isInside } from "./usual-registries.ts";

/** Rules about whom the family's machines trust. */

export const keyIsPublic: Rule = ({ family: { root, key }, top, topWhole }) => {
  const wrong = topWhole ? keyMistake(root, key) : undefined;
  return wrong ? [top.mistake(["key"], wrong.message, wrong.expected)] : [];
};

/** containers/image takes a log's key of ECDSA only. Source: prepareTrustRoot in its signature/policy_eval_sigstore.go. */
export const logKeyIsPublic: Rule = ({ family: { root, rekor }, top, topWhole }) => {
  if (!topWhole || !rekor) return [];
  const wrong = logKeyMistake(root, rekor.key);
  const expected =
    "one PEM block of an ECDSA key that begins with BEGIN PUBLIC KEY: ask the log for it at /api/v1/log/publicKey";
  return wrong === undefined ? [] : [top.mistake(["rekor", "key"], wrong, expected)];
};

/**
 * An open registry may contain the family's namespace, because the longest matching name in policy.json counts. It must not be
 * that namespace, nor be in it. Source: containers-policy.json(5), "Policy Requirements".
 */
export const signedIsNotOpen: Rule = ({ family: { registry, openRegistries }, top, topWhole }) => {
  if (!topWhole) return [];
  return openRegistries.flatMap((open, i) => {
    if (!isInside(open, registry)) return [];
    const message = `\`${open}\` would be open, but what is in \`${registry}\` must be signed`;
    return [
      top.mistake(["openRegistries", i], message, `no registry that is in \`${registry}\`; \`registry\` may be in it`),
    ];
  });
};
