import { type Family, lineage, type Target } from "../../family/family.ts";
import type { LocalImage } from "../../oci/storage.ts";
import { Failure } from "../../system/errors.ts";
import type { Step } from "../../system/steps.ts";
import { builderOf } from "../all.ts";
import { planBuild } from "../build.ts";
import { origin } from "../epoch.ts";
import { checkStep, type Finding, type Outcome } from "./finding.ts";
import { bootcLint, contents } from "./image-lint.ts";
import { overlayFiles } from "./overlay-lint.ts";
import { pipes } from "./pipe-lint.ts";
import { policies } from "./policy-files.ts";
import { readmeRows } from "./readme-lint.ts";
import { type Kind, shippedFiles } from "./shell-files.ts";
import { dataSyntax, shellcheck, shellSyntax } from "./shell-lint.ts";
import { trustInImage } from "./trust-lint.ts";
import { unitFiles } from "./unit-lint.ts";

/** Checks of what the targets ship, each of its kind of file. */
function fileSteps(targets: Target[], family: Family): Step<Outcome>[] {
  const { root } = family;
  const flavors = new Set(targets.flatMap((t) => lineage(t.flavor).map((f) => f.name)));
  const files = shippedFiles(root, [...flavors]);
  const of = (...kinds: Kind[]) => files.filter((f) => kinds.includes(f.kind));
  return [
    checkStep("shellcheck", "shell scripts", (progress) => shellcheck(root, of("sh", "bash"), progress)),
    checkStep("early-reader", "pipes of shell scripts", () => pipes(root, of("sh", "bash"))),
    checkStep("zsh-syntax", "zsh files", () => shellSyntax("zsh", root, of("zsh"))),
    checkStep("fish-syntax", "fish files", () => shellSyntax("fish", root, of("fish"))),
    checkStep("data-syntax", "JSON and TOML files", () => dataSyntax(root, of("json", "toml"))),
    checkStep("unit-file", "systemd units", () => unitFiles(root, of("unit"))),
    checkStep("overlay", "files of the overlays", () => overlayFiles(targets, family)),
    checkStep("policy", "policy.json", () => policies(family, flavors)),
  ];
}

/** The recipe of each target, by its builder; one that cannot be read is a finding too. */
function recipeStep(targets: Target[], family: Family): Step<Outcome> {
  const look = (target: Target): Finding[] => {
    try {
      return builderOf(target).lint(target, family);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      const [, place, line, column, message] = /^(.*?):(\d+):(\d+): (.*)/.exec(error.message) ?? [];
      const at = line === undefined ? {} : { line: Number(line), column: Number(column) };
      const next = error.details.tried?.join("; ") ?? error.details.next ?? "";
      const file = place ?? `flavors/${target.flavor.name}.yaml`;
      return [{ check: "recipe", severity: "error", file, ...at, message: message ?? error.message, next }];
    }
  };
  const title = `recipes of ${targets.length === 1 ? targets[0]?.reference : `${targets.length} targets`}`;
  return checkStep("recipe", title, async () => ({ findings: targets.flatMap(look) }));
}

/** Whether a build would make the image anew: then what is found in it may be fixed already. */
async function age(target: Target, family: Family, images: Map<string, LocalImage>): Promise<Outcome> {
  const options = { force: false, refresh: false, noCache: false };
  const plan = (await planBuild([target], family, images, options, await origin())).at(-1);
  if (!plan?.build) return { findings: [] };
  const next = `bun run build ${target.arch.name} ${target.flavor.name}`;
  const message = `the image is out of date: ${plan.why}`;
  return { findings: [{ check: "age", severity: "warning", targets: [target.reference], message, next }] };
}

function imageSteps(target: Target, family: Family, images: Map<string, LocalImage>): Step<Outcome>[] {
  const { reference } = target;
  return [
    checkStep(`age ${reference}`, `age of ${reference}`, () => age(target, family, images)),
    checkStep(`bootc ${reference}`, `bootc container lint in ${reference}`, (progress) => bootcLint(target, progress)),
    checkStep(`contents ${reference}`, `contents of ${reference}`, (progress) => contents(target, progress)),
    checkStep(`trust ${reference}`, `whom ${reference} trusts`, (progress) => trustInImage(target, family, progress)),
  ];
}

/** The checks to run, as steps of which none waits for another, and those that have nothing to look at. */
export interface LintPlan {
  steps: Step<Outcome>[];
  skipped: { check: string; why: string }[];
}

/**
 * Every check of the targets. The manifest's own rules are not among them: a family that could be loaded has passed them.
 * @param images those of podman's storage; undefined where podman does not answer.
 */
export function planLint(targets: Target[], family: Family, images: Map<string, LocalImage> | undefined): LintPlan {
  const [built, missing] = [true, false].map((is) => targets.filter((t) => !!images?.has(t.reference) === is));
  const why = ({ arch, flavor }: Target) =>
    images ? `it is not built: bun run build ${arch.name} ${flavor.name}` : "podman does not answer: bun run doctor";
  return {
    steps: [
      ...fileSteps(targets, family),
      recipeStep(targets, family),
      checkStep("readme", "rows of README.md", () => readmeRows(targets, family)),
      ...(images ? (built ?? []).flatMap((t) => imageSteps(t, family, images)) : []),
    ],
    skipped: (missing ?? []).map((t) => ({ check: `image ${t.reference}`, why: why(t) })),
  };
}
