import { basename } from "node:path";
import type { Family } from "../../family/family.ts";
import { readOverlays } from "../../family/overlay.ts";
import { readProjectFile } from "../../family/project-file.ts";
import { keyPath, policyJson, registriesYaml } from "../../trust/policy.ts";
import { policyHoles } from "../../trust/policy-lint.ts";
import { registriesHoles } from "../../trust/registries-lint.ts";
import type { Finding, Outcome } from "./finding.ts";

const shippedRegistries = /^\/etc\/containers\/registries\.d\/[^/]+\.yaml$/;
const shippedPolicy = /^\/(etc|usr\/share)\/containers\/policy\.json$/;

/** A file's text; empty if it cannot be read, and that is not a valid policy. */
function textOf(root: string, file: string): string {
  const read = readProjectFile(root, file);
  return "text" in read ? read.text : "";
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** registries.d as the manifest makes it, with the files that overlays put beside it. */
function registries(family: Family, files: { place: string; file: string }[]): Finding[] {
  const own = { name: `${family.prefix}.yaml`, text: registriesYaml(family).join("\n") };
  const shipped = files.filter((f) => shippedRegistries.test(f.place));
  const all = new Map(shipped.map(({ place, file }) => [basename(place), { name: file, file }]));
  const texts = [...all.values()].map(({ file }) => ({
    name: file,
    text: textOf(family.root, file),
  }));
  const together = [...(all.has(own.name) ? [] : [own]), ...texts];
  return registriesHoles(together, family.registry).map(({ where, what, next }): Finding => {
    const file = shipped.find((f) => where.startsWith(f.file))?.file ?? "flavors/family.yaml";
    return { check: "policy", severity: "error", file, message: `${where}: ${what}`, next };
  });
}

/** The policy that the manifest makes, and those that the flavors' overlays ship in its place. */
export async function policies(family: Family, flavors: Set<string>): Promise<Outcome> {
  const files = readOverlays(family.root).files.filter((f) => flavors.has(f.flavor));
  const keys = [keyPath(family), ...files.map((f) => f.place)];
  const shipped = files.filter((f) => shippedPolicy.test(f.place));
  const all = [
    { file: "flavors/family.yaml", policy: policyJson(family) as unknown },
    ...shipped.map(({ file }) => ({ file, policy: parsed(textOf(family.root, file)) })),
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
  return { findings: [...findings, ...registries(family, files)] };
}
