import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Family } from "../../family/family.ts";
import { readOverlays } from "../../family/overlay.ts";
import { keyPath, policyJson } from "../../trust/policy.ts";
import { policyHoles } from "../../trust/policy-lint.ts";
import type { Finding, Outcome } from "./finding.ts";

const shippedPolicy = /^\/(etc|usr\/share)\/containers\/policy\.json$/;

/** A file's content, or what is no policy where it cannot be read. */
function parsed(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return undefined;
  }
}

/** The policy that the manifest makes, and those that the flavors' overlays ship in its place. */
export async function policies(family: Family, flavors: Set<string>): Promise<Outcome> {
  const files = readOverlays(family.root).files.filter((f) => flavors.has(f.flavor));
  const keys = [keyPath(family), ...files.map((f) => f.place)];
  const shipped = files.filter((f) => shippedPolicy.test(f.place));
  const all = [
    { file: "flavors/family.yaml", policy: policyJson(family) as unknown },
    ...shipped.map(({ file }) => ({ file, policy: parsed(join(family.root, file)) })),
  ];
  const findings = all.flatMap(({ file, policy }) =>
    policyHoles(policy, { namespace: family.registry, keys }).map(
      ({ where, what, next }): Finding => ({
        check: "policy",
        severity: "error",
        file,
        message: `${file === "flavors/family.yaml" ? "the policy made from this: " : ""}${where}: ${what}`,
        next,
      }),
    ),
  );
  return { findings };
}
