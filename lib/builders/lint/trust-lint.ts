import type { Family, Target } from "../../family/family.ts";
import { needProjectFile } from "../../family/project-file.ts";
import type { Progress } from "../../system/steps.ts";
import { policyPlaces as policies, registriesFolder as registries, textsInImage } from "../../trust/image-texts.ts";
import { keyPath } from "../../trust/policy.ts";
import { type PolicyHole, policyHoles } from "../../trust/policy-lint.ts";
import { registriesHoles } from "../../trust/registries-lint.ts";
import type { Finding, Outcome } from "./finding.ts";

/** What a built image says about whom it trusts, as it stands in the image: keys that it names must be in it. */

/** Every path that a policy names a key by. */
function keysNamed(policy: string): string[] {
  const found = [...policy.matchAll(/"(\/(?:[^"\\]|\\.)*)"/g)].map((m) => m[1] ?? "");
  return [...new Set(found)].filter((path) => /^\/[\w./@+-]+$/.test(path));
}

export async function trustInImage(target: Target, family: Family, progress: Progress): Promise<Outcome> {
  const { reference } = target;
  const files = await textsInImage(reference, [...policies, `${registries}/*.yaml`, keyPath(family)], progress.log);
  if (!files) return { skipped: "the image has no sh to look with" };
  const place = policies.find((path) => files.has(path));
  if (place === undefined) return { skipped: "the image has no policy.json" };
  const text = files.get(place) ?? "";
  const keys = await textsInImage(reference, keysNamed(text), progress.log);
  const finding = (severity: Finding["severity"], message: string, next: string): Finding => {
    return { check: "trust", severity, targets: [reference], message, next };
  };
  const told = (holes: PolicyHole[], file: string) =>
    holes.map(({ where, what, next }) => finding("error", `${file}: ${where}: ${what}`, next));
  const around = { namespace: family.registry, keys: [...(keys?.keys() ?? [])] };
  const shipped = [...files]
    .filter(([path]) => path.startsWith(registries))
    .map(([name, content]) => ({ name, text: content }));
  const findings = [
    ...told(policyHoles(parsed(text), around), place),
    ...told(registriesHoles(shipped, family.registry), registries),
  ];
  const key = files.get(keyPath(family));
  if (key !== undefined && key.trim() !== needProjectFile(family.root, family.key).trim())
    findings.push(
      finding(
        "warning",
        `${keyPath(family)} is not ${family.key}: its machines refuse what is signed now`,
        "build it again",
      ),
    );
  return { findings };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
