import { chmodSync, lstatSync, mkdirSync, readFileSync, realpathSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import type { Family, Target } from "../../family/family.ts";
import { hasMarker, readRecipe } from "../../family/recipe.ts";
import { lacksHelpers } from "../../family/recipe-files.ts";
import { exit, Failure } from "../../system/errors.ts";
import { traces } from "../../system/fingerprint.ts";
import { defineNames, type MachineNames, namesOf } from "../../system/machine-names.ts";
import { say } from "../../system/output.ts";
import { projectRoot, toolRoot } from "../../system/project.ts";
import { run } from "../../system/shell.ts";
import { textOf } from "../../system/state-file.ts";
import type { Progress } from "../../system/steps.ts";
import { workFolder } from "../../system/work-folder.ts";
import { ensureHelpers } from "./context-helpers.ts";
import { folderOf } from "./context-use.ts";
import { expand, helpersPath, programPath } from "./expand.ts";
import { contextPaths } from "./inputs.ts";

/**
 * Files of the build context that are made and not written: they lie in `.slipway/context/`, so that the expanded Containerfile
 * builds by plain podman. They are the program of people's machines, compiled from Slipway's own code, and Slipway's helpers
 * (context-helpers.ts).
 */

/** One file with Bun in it, which reads nothing from the folder where a user happens to stand. */
const flags = [
  "--compile",
  "--bytecode",
  "--format=esm",
  "--no-compile-autoload-dotenv",
  "--no-compile-autoload-bunfig",
];

/**
 * The words that compile it, to be run where the sources are. The same sources and the same Bun give the same bytes, wherever
 * the checkout is and whatever the umask; only the name of `to` is part of it.
 * @param names the family's: they become part of it
 */
export function compileWords(to: string, names: MachineNames): string[] {
  return [process.execPath, "build", ...flags, ...defineNames(names), "lib/host/program.ts", "--outfile", to];
}

/** What the program is made from (as names, sizes and times), and what it was when it was made. */
function stampOf(file: string, names: MachineNames): string {
  const hash = new Bun.CryptoHasher("sha1");
  for (const trace of traces(join(toolRoot, "lib"))) hash.update(trace);
  // a package has no lock file, and names exact versions
  for (const file of ["bun.lock", "package.json"]) hash.update(textOf(join(toolRoot, file)));
  const made = lstatSync(file, { throwIfNoEntry: false });
  return JSON.stringify([Bun.revision, flags, names, hash.digest("hex"), made?.size, made?.mtimeMs]);
}

function isCurrent(file: string, stamp: string, names: MachineNames): boolean {
  try {
    return readFileSync(stamp, "utf8") === stampOf(file, names);
  } catch {
    return false;
  }
}

async function compile(file: string, stamp: string, names: MachineNames, progress?: Progress): Promise<void> {
  const what = "compiling the program of people's machines";
  if (progress) progress.now(what);
  else say(`… ${what}`);
  const work = workFolder();
  try {
    const made = join(work.path, "program");
    const { code, said } = await run(compileWords(made, names), {
      cwd: toolRoot,
      ...(progress ? { log: progress.log } : {}),
    });
    if (code !== 0)
      throw new Failure(exit.failed, "the program of people's machines could not be compiled", {
        tried: said.trim().split("\n").slice(-6),
        next: "see it by itself: bun build --compile lib/host/program.ts --outfile /dev/null",
      });
    chmodSync(made, 0o755); // whatever the umask is
    mkdirSync(dirname(file), { recursive: true });
    renameSync(made, file);
    writeFileSync(stamp, stampOf(file, names));
  } finally {
    work.remove();
  }
}

/** podman copies nothing from outside of the context, and `.slipway` may be a link. */
function refuseOutside(path: string): void {
  const real = realpathSync(join(projectRoot, path));
  const inside = relative(realpathSync(projectRoot), real);
  if (!inside.startsWith(`..${sep}`)) return;
  throw new Failure(exit.failed, "`.slipway` leads out of the project: podman copies nothing from there", {
    tried: [`${path} is ${real}`],
    next: "make it a folder, or mount the other place over it: mount --bind",
  });
}

let making: Promise<void> | undefined;

async function ensureProgram(names: MachineNames, progress?: Progress): Promise<void> {
  const file = join(projectRoot, programPath);
  const stamp = `${file}.json`;
  if (!isCurrent(file, stamp, names)) await compile(file, stamp, names, progress);
  refuseOutside(programPath);
}

/** Whether a Containerfile takes something of the context: by its name, with a folder, with all of the context. */
export function takes(containerfile: string, made: string): boolean {
  return contextPaths(containerfile)
    .map(folderOf)
    .some((path) => path === "." || `${made}/`.startsWith(`${path}/`));
}

/**
 * Makes what a target's Containerfile takes from `.slipway/context/`, where it is missing or its sources changed. One of the project's
 * own takes them by their markers only, and not with all of the context.
 * @throws Failure with the compiler's words
 */
export async function ensureContext(target: Target, family: Family, progress?: Progress): Promise<void> {
  if (family.root !== projectRoot) return;
  const { flavor } = target;
  const text = expand(target, family);
  const isOwn = flavor.containerfile !== undefined;
  const wants = (marker: string, made: string) =>
    isOwn ? hasMarker(readRecipe(family.root, flavor), marker) : takes(text, made);
  if (lacksHelpers(family.root) && wants("helpers", helpersPath)) {
    ensureHelpers();
    refuseOutside(helpersPath);
  }
  if (!wants("program", programPath)) return;
  making ??= ensureProgram(namesOf(family), progress);
  await making;
}
