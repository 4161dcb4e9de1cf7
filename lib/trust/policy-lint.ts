import { withoutItsTag } from "../oci/reference.ts";
import { ignoresName, isWithin, type Requirement as Read } from "./policy-file.ts";

/**
 * Holes of a policy.json: ways in which a machine that has it would run an image that nobody signed.
 * Format: containers-policy.json(5). The most specific scope of a transport counts; `""` is the transport's default.
 */

export interface PolicyHole {
  /** Where in the file, such as `transports.docker[""]`. */
  where: string;
  what: string;
  next: string;
}

interface Requirement {
  type?: unknown;
  keyPath?: unknown;
  keyPaths?: unknown;
  keyData?: unknown;
  keyDatas?: unknown;
  fulcio?: unknown;
  pki?: unknown;
  signedIdentity?: Read["signedIdentity"];
}

/** What the policy stands in. */
export interface Surroundings {
  /** The family's own namespace: only what its key has signed may come from there. */
  namespace: string;
  /** Absolute paths of the keys that the image ships. */
  keys: string[];
}

/** Transports that fetch from somewhere else; the others read what is on the machine already. */
const remote = ["docker", "atomic"];
const types = ["insecureAcceptAnything", "reject", "signedBy", "sigstoreSigned"];
const sources = ["keyPath", "keyPaths", "keyData", "keyDatas", "fulcio", "pki"] as const;

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const accepts = (value: unknown) => Array.isArray(value) && value.some((r) => r?.type === "insecureAcceptAnything");
const signed = (value: unknown) =>
  Array.isArray(value) && value.some((r) => r?.type === "sigstoreSigned" || r?.type === "signedBy");

/** One list of requirements: known types, and keys that are there. */
function requirementHoles(where: string, value: unknown, keys: string[]): PolicyHole[] {
  const hole = (what: string, next: string) => ({ where, what, next });
  if (!Array.isArray(value) || value.length === 0)
    return [hole("no requirement at all, which no tool can read", 'a list such as [{"type": "reject"}]')];
  return value.flatMap((requirement: Requirement) => {
    if (!types.includes(String(requirement?.type)))
      return [hole(`unknown type ${JSON.stringify(requirement?.type)}`, `one of ${types.join(", ")}`)];
    if (requirement.type !== "sigstoreSigned" && requirement.type !== "signedBy") return [];
    if (!sources.some((s) => requirement[s] !== undefined))
      return [hole("a signature is asked for, but of no key", `keyPath: one of ${keys.join(", ")}`)];
    const paths = [requirement.keyPath, requirement.keyPaths].flat().filter((p) => p !== undefined);
    return paths
      .filter((path) => !keys.includes(String(path)))
      .map((path) =>
        hole(`the key ${path} is in no overlay and is not the family's`, `ship it, or use ${keys.join(", ")}`),
      );
  });
}

/** Registries' scopes that let the family's own images in unsigned. */
function namespaceHoles(transport: string, scopes: Record<string, unknown>, namespace: string): PolicyHole[] {
  const where = (scope: string) => `transports.${transport}["${scope}"]`;
  const next = "sigstoreSigned with the family's key";
  const holes = Object.entries(scopes)
    .filter(([scope, value]) => isWithin(scope, namespace) && !signed(value) && accepts(value))
    .map(([scope]) => ({ where: where(scope), what: "images of the family are accepted unsigned", next }));
  for (const [scope, value] of Object.entries(scopes)) {
    const own = isWithin(scope, namespace);
    const repository = withoutItsTag(scope);
    if (own && signed(value) && (value as Requirement[]).some((r) => isMap(r) && ignoresName(r, repository)))
      holes.push({
        where: where(scope),
        what: "another image's signature is accepted: signedIdentity names one image for all of them",
        next: 'signedIdentity: {"type": "matchRepository"}',
      });
  }
  const above = namespace.split("/").map((_, i, parts) => parts.slice(0, i + 1).join("/"));
  const open = above.slice(0, -1).find((scope) => accepts(scopes[scope]));
  if (scopes[namespace] === undefined && open !== undefined)
    holes.push({
      where: where(open),
      what: `images of the family are accepted unsigned: nothing is said of ${namespace}`,
      next,
    });
  return holes;
}

/** All holes of a policy; none means that only the family's key opens the family's namespace. */
export function policyHoles(policy: unknown, { namespace, keys }: Surroundings): PolicyHole[] {
  if (!isMap(policy)) return [{ where: "the file", what: "not a policy", next: "a map with default and transports" }];
  const holes: PolicyHole[] = requirementHoles("default", policy.default, keys);
  if (accepts(policy.default))
    holes.push({
      where: "default",
      what: "anything is accepted that nothing else is said of",
      next: '[{"type": "reject"}]',
    });
  const transports = isMap(policy.transports) ? policy.transports : {};
  for (const [transport, scopes] of Object.entries(transports)) {
    if (!isMap(scopes)) {
      holes.push({ where: `transports.${transport}`, what: "not a map of scopes", next: "scope: [requirements]" });
      continue;
    }
    for (const [scope, value] of Object.entries(scopes))
      holes.push(...requirementHoles(`transports.${transport}["${scope}"]`, value, keys));
    if (!remote.includes(transport)) continue;
    if (accepts(scopes[""]))
      holes.push({
        where: `transports.${transport}[""]`,
        what: "any image of any registry is accepted",
        next: "name the registries that are open, and reject the others",
      });
    holes.push(...namespaceHoles(transport, scopes, namespace));
  }
  return holes;
}
