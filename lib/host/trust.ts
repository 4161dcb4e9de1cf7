import { existsSync } from "node:fs";
import type { Family } from "../family/family.ts";
import { exit, Failure } from "../system/errors.ts";
import { commandLine } from "../system/shell.ts";
import { factsOf } from "../trust/facts.ts";
import { peek, type Resolved, repositoryOf } from "../trust/judge-remote.ts";
import { unchecked } from "../trust/old-images.ts";
import { keyPath, ownScope } from "../trust/policy.ts";
import {
  acceptsAnything,
  asksForName,
  asksForSignature,
  type Policy,
  policyInForce,
  type Requirement,
  readPolicy,
  requirements,
} from "../trust/policy-file.ts";
import type { Host } from "./bootc.ts";
import { hostPath } from "./host-path.ts";
import { type Allowed, refuseOld, shownTo } from "./old-image.ts";
import { asRoot } from "./root.ts";

/** What this machine's policy says of an image that it is to be moved to. */
export interface Trust {
  policy: string;
  /** The part of the policy that decides. */
  scope: string;
  signed: boolean;
  /** What of a registry's image could not be looked at, as sentences. */
  unchecked: string[];
  /** When a registry's image was made, as its labels say: milliseconds since 1970. */
  made?: number | undefined;
}

/**
 * What to do next: `refused` is containers/image's reason; undefined where the policy itself is not good enough.
 * @param composefs the backend of the machine
 */
export type Advice = (refused: string | undefined, composefs: boolean) => string;

/** For a machine that is moved to the family: nothing but the family's own flavors carries its policy. */
export const familyAdvice =
  (family: Family): Advice =>
  (refused, composefs) => {
    if (refused !== undefined)
      return /signature was required/.test(refused)
        ? "sign it (bun run sign); if it is signed, see that registries.d says `use-sigstore-attachments: true` for it"
        : "see that the image is signed with the key that the policy names (bun run verify)";
    const key = commandLine(asRoot(["install", "-Dm644", family.key, keyPath(family)]));
    const scope = JSON.stringify(ownScope(family)).slice(1, -1);
    const place = JSON.stringify({ docker: { [family.registry]: { "use-sigstore-attachments": true } } });
    return [
      `have it ask for the signature. Add to \`transports.docker\` of policy.json: ${scope}`,
      ...(composefs ? [] : ["make its `default` reject"]),
      `write into /etc/containers/registries.d/${family.prefix}.yaml: ${place}`,
      `and install the key: ${key}`,
    ].join("; ");
  };

function policyOf(): Policy {
  const path = policyInForce(hostPath);
  if (path) return readPolicy(path);
  throw new Failure(exit.failed, "this machine has no policy.json: nothing is accepted, signed or not", {
    tried: ["/etc/containers/policy.json", "/usr/share/containers/policy.json"],
    next: "put the family's policy there: its images carry it in /etc/containers",
  });
}

/**
 * A policy under which bootc would not protect the machine. On ostree bootc refuses a default that accepts anything, and remembers
 * that the policy was asked for. On composefs it does neither: skopeo obeys what the policy says of this very image, so that has to
 * be strict.
 * @throws Failure
 */
function refuseWeak(
  policy: Policy,
  { scope, asks, composefs }: { scope: string; asks: Requirement[]; composefs: boolean },
  reference: string,
  advice: Advice,
): void {
  if (composefs ? !acceptsAnything(asks) : !acceptsAnything(policy.default)) return;
  const what = composefs
    ? `this machine's policy takes ${reference} unsigned, and its bootc checks no more than that`
    : "this machine's policy accepts anything, so bootc would not enforce it";
  throw new Failure(exit.failed, what, {
    tried: [
      `${policy.path}: ${composefs ? scope : "default"} is insecureAcceptAnything`,
      ...(composefs ? ["bootc status: the composefs backend, which ignores --enforce-container-sigpolicy"] : []),
    ],
    next: advice(undefined, composefs),
  });
}

/**
 * The verdict of containers/image on a registry's image, and whether a signed image is the one that belongs there now.
 * @param at what the machine has, and which old images it takes anyway
 * @throws Failure where it is refused, with the reason
 */
export async function judge(image: Resolved, advice: Advice, at: { host: Host; allow: Allowed }): Promise<Trust> {
  const policy = policyOf();
  const { composefs } = at.host;
  const { scope, asks } = requirements(policy, "docker", image.reference);
  refuseWeak(policy, { scope, asks, composefs }, image.reference, advice);
  const folder = hostPath("/etc/containers/registries.d");
  const found = await peek(image, policy, existsSync(folder) ? folder : undefined);
  if (found.is === "refused")
    throw new Failure(exit.failed, `this machine's policy refuses ${image.reference}: ${found.said}`, {
      tried: [`${policy.path}, ${scope}`, `the digest ${image.digest}`],
      next: advice(found.said, composefs),
    });
  const facts = factsOf(found.config);
  const shown = shownTo(at.host, image, facts, Date.now());
  refuseOld(shown, at.allow);
  const signed = asksForSignature(asks);
  const named = !signed || asksForName(asks, repositoryOf(image.reference));
  const names = named ? [] : [`whether it was signed under this name: ${policy.path} fixes another for ${scope}`];
  return { policy: policy.path, scope, signed, unchecked: [...names, ...unchecked(shown)], made: facts.made };
}

/** A local image has no signature to look at; a policy may refuse local images altogether. */
export function judgeLocal(reference: string): Trust {
  const policy = policyOf();
  const { scope, asks } = requirements(policy, "containers-storage", reference);
  if (asks.some(({ type }) => type === "reject"))
    throw new Failure(exit.failed, "this machine's policy refuses images from podman's storage", {
      tried: [`${policy.path}, ${scope}`],
      next: "allow them there (transports, containers-storage), or push the image and switch without --local",
    });
  return { policy: policy.path, scope, signed: false, unchecked: [] };
}
