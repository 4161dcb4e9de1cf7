import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { builders } from "../../lib/builders/all.ts";
import { buildSteps, planBuild } from "../../lib/builders/build.ts";
import type { Builder } from "../../lib/builders/builder.ts";
import { origin } from "../../lib/builders/epoch.ts";
import { report, showPlans } from "../../lib/builders/report.ts";
import { command } from "../../lib/cli/command.ts";
import { builderParts } from "../../lib/family/builder-parts.ts";
import type { Family, Target } from "../../lib/family/family.ts";
import { loadFamily } from "../../lib/family/manifest.ts";
import { projectFile } from "../../lib/family/shapes.ts";
import { allTargets } from "../../lib/family/target.ts";
import { localImages } from "../../lib/oci/storage.ts";
import { exit, Failure } from "../../lib/system/errors.ts";
import { runSteps } from "../../lib/system/steps.ts";
import { workFolder } from "../../lib/system/work-folder.ts";
import { podman } from "../../lib/tools/podman.ts";
import { writeImage } from "./images.ts";
import { entry, tarOf } from "./tars.ts";

/**
 * A second builder, as small as one can be: the image is the file that the flavor names with `content:`. It starts from nothing, and
 * writes its image as an OCI folder, which podman pulls. `bun tiny-builder.ts [--dry-run]` builds all targets of the project.
 */
const part = { content: projectFile };
builderParts.set("tiny", part);

const content = ({ flavor }: Target, { root }: Family) =>
  readFileSync(join(root, z.object(part).parse(flavor).content), "utf8");

const tiny: Builder = {
  name: "tiny",
  outside: () => ({ base: undefined, others: [] }),
  prepare: async () => undefined,
  read: (target, family) => {
    const text = content(target, family);
    return () => ({ parts: () => [text] });
  },
  build: async ({ target, labels, noCache }, family) => {
    const text = content(target, family);
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
  print: content,
  checks: [],
  lint: () => [],
};

builders.set(tiny.name, tiny);
const family = await loadFamily();

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
