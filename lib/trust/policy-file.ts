import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { withoutItsTag } from "../oci/reference.ts";
import { exit, Failure } from "../system/errors.ts";

/** A machine's policy.json, read. Format and search order: containers-policy.json(5). */

export interface Requirement {
  type: string;
  keyPath?: string;
  keyPaths?: string[];
  rekorPublicKeyData?: string;
  signedIdentity?: { type?: unknown; dockerRepository?: unknown; dockerReference?: unknown };
}

export interface Policy {
  path: string;
  default: Requirement[];
  transports: Record<string, Record<string, Requirement[]>>;
}

/**
 * The file that counts when bootc, as root, fetches an image.
 * @param at turns a path of that machine into one that can be read here.
 */
export function policyInForce(at: (path: string) => string, env = process.env): string | undefined {
  // Another user's variable and home folder mean nothing to root.
  const root = process.getuid?.() === 0;
  const own = root && env.HOME ? [join(env.HOME, ".config/containers/policy.json")] : [];
  const candidates = [
    ...(root && env.CONTAINERS_POLICY_JSON ? [env.CONTAINERS_POLICY_JSON] : []),
    ...own.map(at),
    at("/etc/containers/policy.json"),
    at("/usr/share/containers/policy.json"),
  ];
  return candidates.find((path) => existsSync(path));
}

/** @throws Failure for a file that is no policy */
export function readPolicy(path: string): Policy {
  const broken = (what: string) =>
    new Failure(exit.failed, `${path}: ${what}`, { next: "fix the file; containers-policy.json(5) describes it" });
  let value: Partial<Policy>;
  try {
    value = JSON.parse(readFileSync(path, "utf8")) as Partial<Policy>;
  } catch (error) {
    throw broken(`no JSON (${error instanceof Error ? error.message : error})`);
  }
  if (!Array.isArray(value?.default)) throw broken("it has no list `default`");
  return { path, default: value.default, transports: value.transports ?? {} };
}

/** The scopes that could hold a registry's image, the narrowest first. */
export function scopesOf(reference: string): string[] {
  const repository = reference.replace(/@.*$/, "").replace(/:[^/:]*$/, "");
  const parts = repository.split("/");
  const parents = parts.map((_, i) => parts.slice(0, parts.length - i).join("/"));
  const host = (parts[0] ?? "").replace(/:\d+$/, "");
  const labels = host.split(".");
  const wildcards = labels.slice(1).map((_, i) => `*.${labels.slice(i + 1).join(".")}`);
  return [reference, ...parents, ...wildcards, ""];
}

/** What a policy asks of an image, and which of its scopes says so. */
export function requirements(
  policy: Policy,
  transport: string,
  reference: string,
): { scope: string; asks: Requirement[] } {
  const scopes = policy.transports[transport] ?? {};
  for (const scope of transport === "docker" ? scopesOf(reference) : [reference, ""]) {
    const asks = scopes[scope];
    if (asks) return { scope: scope === "" ? `any ${transport} image` : scope, asks };
  }
  return { scope: "default", asks: policy.default };
}

/** Whether a scope is a namespace, or names a part of it. */
export function isWithin(scope: string, namespace: string): boolean {
  return scope === namespace || scope.startsWith(`${namespace}/`);
}

/** A signature is asked for: to be accepted means to be signed. */
export function asksForSignature(asks: Requirement[]): boolean {
  return asks.some(({ type }) => type === "sigstoreSigned" || type === "signedBy");
}

/**
 * This requirement accepts a signature for one fixed name, so another image of the same key gets in under the name of
 * `repository`. Every other kind of signedIdentity, the default too, compares the signature with the image's own name.
 */
export function ignoresName({ signedIdentity: identity }: Pick<Requirement, "signedIdentity">, repository: string) {
  if (identity?.type === "exactRepository") return identity.dockerRepository !== repository;
  const name = withoutItsTag(String(identity?.dockerReference));
  return identity?.type === "exactReference" && name !== repository;
}

/** What is signed is signed for this image's name. */
export function asksForName(asks: Requirement[], repository: string): boolean {
  return asks.some((ask) => asksForSignature([ask]) && !ignoresName(ask, repository));
}

/** Anybody's image is accepted, signed or not. */
export function acceptsAnything(asks: Requirement[]): boolean {
  return asks.length > 0 && asks.every(({ type }) => type === "insecureAcceptAnything");
}

/** Words of a policy that name files: keyPath, keyPaths, rekorPublicKeyPath(s), caPath, caRootsPath, and what comes yet. */
export const pathWord = /Paths?$/;

/** The files that a policy names: public keys, those of transparency logs, certificates (`fulcio` and `pki` are maps in a requirement). */
export function policyKeys(policy: Policy): string[] {
  const all = Object.values(policy.transports).flatMap((scopes) => Object.values(scopes).flat());
  const maps = [...policy.default, ...all].flatMap((asks) => [asks, ...Object.values(asks)]);
  const words = maps.flatMap((map) => (typeof map === "object" && map !== null ? Object.entries(map) : []));
  const named = words.flatMap(([word, said]) => (pathWord.test(word) ? [said].flat() : []));
  return named.filter((path): path is string => typeof path === "string" && path !== "");
}
