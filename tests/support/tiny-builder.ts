import { readFileSync } from "node:fs";
import { join } from "node:path";
import { builders } from "../../lib/builders/all.ts";
import { buildSteps, planBuild } from "../../lib/builders/build.ts";
import type { Builder } from "../../lib/builders/builder.ts";
import { origin } from "../../lib/builders/epoch.ts";
import { report, showPlans } from "../../lib/builders/report.ts";
import { command } from "../../lib/cli/command.ts";
import { loadFamily } from "../../lib/family/manifest.ts";
import { allTargets } from "../../lib/family/target.ts";
import { localImages } from "../../lib/oci/storage.ts";
import { exit, Failure } from "../../lib/system/errors.ts";
import { runSteps } from "../../lib/system/steps.ts";
import { workFolder } from "../../lib/system/work-folder.ts";
import { podman } from "../../lib/tools/podman.ts";
import { writeImage } from "./images.ts";
import { entry, tarOf } from "./tars.ts";

/**
 * A second builder, as small as one can be: the image is the file content.txt of the project. It starts from nothing, and writes its
 * image as an OCI folder, which podman pulls. `bun tiny-builder.ts [--dry-run]` builds all targets of the project; a flavor whose title
 * begins with "Tiny" has this builder.
 */
const content = (root: string) => readFileSync(join(root, "content.txt"), "utf8");

const tiny: Builder = {
  name: "tiny",
  outside: () => ({ base: undefined, others: [] }),
  prepare: async () => undefined,
  read: (_, { root }) => {
    const text = content(root);
    return () => ({ parts: () => [text] });
  },
  build: async ({ target, labels, noCache }, { root }) => {
    const text = content(root);
    if (text.includes("bad")) throw new Failure(exit.failed, `${target.reference}: content.txt is bad`);
    if (text.includes("nothing")) return;
    const work = workFolder();
    const tars = [tarOf([[entry("content"), text]])];
    const more = { config: { Labels: labels }, history: [{ created_by: `tiny ${noCache}` }] };
    writeImage(join(work.path, "tiny"), tars, undefined, undefined, more);
    // podman makes a name of the path, and takes small letters only
    const pulled = await podman(["pull", "--quiet", "oci:tiny"], { cwd: work.path });
    await podman(["tag", pulled.stdout.trim(), target.reference]);
    work.remove();
  },
  commands: async ({ target }) => [`tiny content.txt ${target.reference}`],
  print: (_, { root }) => content(root),
  checks: [],
  lint: () => [],
};

builders.set(tiny.name, tiny);
const family = await loadFamily();
for (const flavor of family.flavors.values())
  if (flavor.title.startsWith("Tiny")) Object.assign(flavor, { builder: "tiny" });

await command(
  "build",
  async (args) => {
    const options = { force: false, refresh: false, noCache: false };
    const targets = allTargets(family);
    if (args.has("dry-run"))
      return showPlans(await planBuild(targets, family, await localImages(), options, await origin()), family, true);
    return report(await runSteps(buildSteps(targets, family, options, await origin()), 2), true);
  },
  process.argv.slice(2),
);
