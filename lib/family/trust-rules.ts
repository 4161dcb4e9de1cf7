import { keyMistake } from "./key-file.ts";
import type { Rule } from "./rule.ts";

/** Rules about whom the family's machines trust. */

export const keyIsPublic: Rule = ({ family: { root, key }, top, topWhole }) => {
  const wrong = topWhole ? keyMistake(root, key) : undefined;
  return wrong ? [top.mistake(["key"], wrong.message, wrong.expected)] : [];
};

/** Other names of the same registry: docker.io's older ones, and the port that https has anyway. */
function usualName(registry: string): string {
  return registry.replace(/^(index|registry-1)\.docker\.io\b/, "docker.io").replace(/^([^/]*):443(?=\/|$)/, "$1");
}

/**
 * An open registry may contain the family's namespace, because the longest matching name in policy.json counts. It must not be
 * that namespace, nor be in it. Source: containers-policy.json(5), "Policy Requirements".
 */
export const signedIsNotOpen: Rule = ({ family: { registry, openRegistries }, top, topWhole }) => {
  if (!topWhole) return [];
  const signed = usualName(registry);
  return openRegistries.flatMap((open, i) => {
    if (!`${usualName(open)}/`.startsWith(`${signed}/`)) return [];
    const message = `\`${open}\` would be open, but what is in \`${registry}\` must be signed`;
    return [
      top.mistake(["openRegistries", i], message, `no registry that is in \`${registry}\`; \`registry\` may be in it`),
    ];
  });
};
