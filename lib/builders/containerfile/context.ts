import { chmodSync, lstatSync, mkdirSync, readFileSync, realpathSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import type { Family, Target } from "../../family/family.ts";
import { hasMarker, readRecipe } from "../../family/recipe.ts";
import { exit, Failure } from "../../system/errors.ts";
import { traces } from "../../system/fingerprint.ts";
import { say } from "../../system/output.ts";
import { projectRoot, toolRoot } from "../../system/project.ts";
import { run } from "../../system/shell.ts";
import type { Progress } from "../../system/steps.ts";
import { workFolder } from "../../system/work-folder.ts";
import { folderOf } from "./context-use.ts";
import { expand, guaraPath } from "./expand.ts";
import { contextPaths } from "./inputs.ts";

/**
 * Files of the build context that are made and not written: they lie in `.slipway/context/`, so that the expanded Containerfile
 * builds by plain podman. There is one, the program of people's machines, compiled from this checkout.
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
 */
export function compileWords(to: string): string[] {
  return [process.execPath, "build", ...flags, "lib/host/guara.ts", "--outfile", to];
}

/** What the program is made from (as names, sizes and times), and what it was when it was made. */
function stampOf(file: string): string {
  const hash = new Bun.CryptoHasher("sha1");
  for (const trace of traces(join(toolRoot, "lib"))) hash.update(trace);
  hash.update(readFileSync(join(toolRoot, "bun.lock")));
  const made = lstatSync(file, { throwIfNoEntry: false });
  return JSON.stringify([Bun.revision, flags, hash.digest("hex"), made?.size, made?.mtimeMs]);
}

function isCurrent(file: string, stamp: string): boolean {
  try {
    return readFileSync(stamp, "utf8") === stampOf(file);
  } catch {
    return false;
  }
}

async function compile(file: string, stamp: string, progress: Progress | undefined): Promise<void> {
  const what = "compiling the program of people's machines";
  if (progress) progress.now(what);
  else say(`… ${what}`);
  const work = workFolder();
  try {
    const made = join(work.path, "guara");
    const { code, said } = await run(compileWords(made), { cwd: toolRoot, ...(progress ? { log: progress.log } : {}) });
    if (code !== 0)
      throw new Failure(exit.failed, "the program of people's machines could not be compiled", {
        tried: said.trim().split("\n").slice(-6),
        next: "see it by itself: bun build --compile lib/host/guara.ts --outfile /dev/null",
      });
    chmodSync(made, 0o755); // whatever the umask is
    mkdirSync(dirname(file), { recursive: true });
    renameSync(made, file);
    writeFileSync(stamp, stampOf(file));
  } finally {
    work.remove();
  }
}

/** podman copies nothing from outside of the context, and `.slipway` may be a link. */
function refuseOutside(file: string): void {
  const inside = relative(realpathSync(projectRoot), realpathSync(file));
  if (!inside.startsWith(`..${sep}`)) return;
  throw new Failure(exit.failed, "`.slipway` leads out of the project: podman copies nothing from there", {
    tried: [`${guaraPath} is ${realpathSync(file)}`],
    next: "make it a folder, or mount the other place over it: mount --bind",
  });
}

let making: Promise<void> | undefined;

async function ensureGuara(progress: Progress | undefined): Promise<void> {
  const file = join(projectRoot, guaraPath);
  const stamp = `${file}.json`;
  if (!isCurrent(file, stamp)) await compile(file, stamp, progress);
  refuseOutside(file);
}

/** Whether a Containerfile takes the program: by its name, with a folder, with all of the context. */
export function takesGuara(containerfile: string): boolean {
  return contextPaths(containerfile)
    .map(folderOf)
    .some((path) => path === "." || `${guaraPath}/`.startsWith(`${path}/`));
}

/**
 * Makes what a target's Containerfile takes from `.slipway/context/`, where it is missing or its sources changed. One of the project's
 * own takes the program by its marker only, and not with all of the context.
 * @throws Failure with the compiler's words
 */
export async function ensureContext(target: Target, family: Family, progress?: Progress): Promise<void> {
  if (family.root !== projectRoot) return;
  if (target.flavor.containerfile && !hasMarker(readRecipe(family.root, target.flavor), "guara")) return;
  if (!takesGuara(expand(target, family))) return;
  making ??= ensureGuara(progress);
  await making;
}
