import type { Family } from "../family/family.ts";
import { exit, Failure } from "../system/errors.ts";
import { keyPath, logKey, policyJson } from "./policy.ts";
import { ignoresName, isWithin, type Policy, type Requirement, requirements } from "./policy-file.ts";

/**
 * A base's policy.json with the family's own rules in it. Whatever the base refuses stays refused, and whatever it wants signed stays
 * so; the one thing that is added is the family's namespace, for its key. What the base lets in unsigned from anywhere is closed, but
 * for the registries that the family names as open.
 * Format: containers-policy.json(5).
 */

type Scopes = Record<string, Requirement[]>;

export interface Merged {
  policy: { default: Requirement[]; transports: Record<string, Scopes> } & Record<string, unknown>;
  /** What is other than in the base, as sentences; none where nothing had to change. */
  changes: string[];
}

/** Transports that fetch from somewhere else; the others read what is on the machine already. */
const remote = ["docker", "atomic"];

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isList = (value: unknown): value is Requirement[] =>
  Array.isArray(value) && value.length > 0 && value.every((one) => isMap(one) && typeof one.type === "string");

/** All requirements of a list have to be met, so one that lets everything in counts only where it is alone. */
const isOpen = (asks: Requirement[]) => asks.every(({ type }) => type === "insecureAcceptAnything");
const isClosed = (asks: Requirement[]) => asks.some(({ type }) => type === "reject");

/** @throws Failure for a text that is no policy; nobody can tell what it would let in. */
export function parsePolicy(text: string, whose: string): Policy {
  const broken = (what: string) =>
    new Failure(exit.failed, `${whose} is not a policy: ${what}; nothing was written`, {
      next: "fix it in the base, or in the overlay where it lies; containers-policy.json(5) describes it",
    });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw broken(`no JSON (${error instanceof Error ? error.message : String(error)})`);
  }
  if (!isMap(value) || !isList(value.default)) throw broken("it has no list `default`");
  const { transports = {} } = value;
  if (!isMap(transports)) throw broken("`transports` is no map");
  for (const [transport, scopes] of Object.entries(transports)) {
    if (!isMap(scopes)) throw broken(`\`${transport}\` is no map`);
    const wrong = Object.entries(scopes).find(([, asks]) => !isList(asks));
    if (wrong) throw broken(`\`${transport}\` has no list of requirements for \`${wrong[0]}\``);
  }
  return { ...value, path: whose, default: value.default, transports: transports as Policy["transports"] };
}

/** Whether these requirements are the family's own already. */
function isOurs(asks: Requirement[], family: Family): boolean {
  return asks.some(
    (ask) => ask.type === "sigstoreSigned" && ask.keyPath === keyPath(family) && !ignoresName(ask, family.registry),
  );
}

/** They ask for the log as the family's own rule does. */
function asksLog(asks: Requirement[], family: Family): boolean {
  const { rekorPublicKeyData: log } = logKey(family);
  return log === undefined || asks.some(({ rekorPublicKeyData }) => rekorPublicKeyData === log);
}

/** The family's namespace, and whatever the base says of parts of it. @throws Failure where the base refuses it, or wants another key */
function ownScopes(scopes: Scopes, ours: Requirement[], family: Family, changes: string[]): Scopes {
  const { registry } = family;
  const made: Scopes = {};
  for (const [scope, asks] of Object.entries(scopes)) {
    if (!isWithin(scope, registry)) continue;
    if (isOpen(asks)) {
      made[scope] = ours;
      changes.push(`${scope} was open, and needs the family's signature now`);
    } else if (scope === registry && !isOurs(asks, family)) {
      const says = isClosed(asks) ? "refuses it" : "wants it signed by another key";
      throw new Failure(exit.failed, `the base has a rule for ${registry} and ${says}; nothing was written`, {
        tried: [`transports.docker["${scope}"]: ${JSON.stringify(asks)}`],
        next: "change that rule in the base, or name another registry in flavors/family.yaml",
      });
    } else if (scope === registry && !asksLog(asks, family)) {
      made[scope] = ours;
      changes.push(`${scope} now asks for an entry in the family's transparency log`);
    }
  }
  if (!Object.hasOwn(scopes, registry)) {
    made[registry] = ours;
    changes.push(`${registry} needs the family's signature`);
  }
  return made;
}

/**
 * Pure: the policy of an image of the family that is built on a base.
 * @param base undefined where it ships none
 * @throws Failure where the base has another rule for the family's namespace
 */
export function mergePolicy(base: Policy | undefined, family: Family): Merged {
  const ours = policyJson(family) as Merged["policy"];
  if (!base) return { policy: ours, changes: ["the base has no policy: this is the family's own"] };
  const { path: _, ...kept } = structuredClone(base);
  const policy: Merged["policy"] = kept;
  const changes: string[] = [];
  const docker = ours.transports.docker ?? {};
  const scopes = policy.transports.docker ?? {};
  const own = ownScopes(scopes, docker[family.registry] ?? [], family, changes);

  // What was open to all stays open for the registries that the family names, and for what is on the machine.
  const opened: Scopes = {};
  for (const [scope, asks] of Object.entries(docker)) {
    if (isWithin(scope, family.registry) || Object.hasOwn(scopes, scope)) continue;
    const before = requirements(base, "docker", scope);
    const byAll = ["default", "any docker image"].includes(before.scope);
    if (byAll && isOpen(before.asks)) opened[scope] = asks;
  }
  const isOpenToAll = isOpen(policy.default);
  for (const transport of remote) {
    const all = policy.transports[transport];
    if (!all?.[""] || !isOpen(all[""])) continue;
    delete all[""];
    changes.push(`${transport}: closed for registries that nothing is said of`);
  }
  if (isOpenToAll) {
    for (const [transport, all] of Object.entries(ours.transports))
      if (!remote.includes(transport)) policy.transports[transport] = { ...all, ...policy.transports[transport] };
    policy.default = ours.default;
    changes.push("default: closed for whatever nothing is said of");
  }
  if (Object.keys(opened).length) changes.push(`open as before: ${Object.keys(opened).join(", ")}`);
  policy.transports.docker = { ...scopes, ...opened, ...own };
  return { policy, changes };
}
