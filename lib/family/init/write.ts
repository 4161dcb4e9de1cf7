import { lstatSync } from "node:fs";
import { join } from "node:path";
import { exit, Failure } from "../../system/errors.ts";
import { readProjectFile } from "../project-file.ts";
import { writeNew, writeOver } from "../write-project-file.ts";
import type { NewProject } from "./decide.ts";
import { containerignoreText, familyText, flavorText, ignoredByGit, ignoredByPodman } from "./texts.ts";
import { workflowText } from "./workflow.ts";

/** What `init` did, or with a dry run would do. */
export interface Written {
  /** New files, and .gitignore where it got lines. From the root. */
  files: string[];
  /** What was there already and stays as it is. */
  kept: string[];
  /** What somebody has to do by hand, and why. */
  notes: string[];
}

const familyFile = "flavors/family.yaml";

/** Something has this name, be it a link that leads nowhere. */
const isThere = (root: string, name: string) => lstatSync(join(root, name), { throwIfNoEntry: false }) !== undefined;

/** @throws Failure (usage) where a project is here already */
export function refuseSecondProject(root: string): void {
  if (!isThere(root, familyFile)) return;
  throw new Failure(exit.usage, "this is a Slipway project already; nothing was written", {
    tried: [join(root, familyFile)],
    next: "bun run new-flavor adds a flavor to it; or start in a folder outside of it",
  });
}

/** "/cosign.key" and "cosign.key", "node_modules" and "node_modules/" mean the same here. */
const bare = (line: string) => line.trim().replaceAll(/^\/|\/$/g, "");

/** Pure: .gitignore with the lines that it lacks. */
export function withIgnored(text: string): string {
  const known = new Set(text.split("\n").map(bare));
  const missing = ignoredByGit.filter((line) => !known.has(bare(line)));
  return missing.length ? `${text.replace(/(?<=[^\n])$/, "\n")}${missing.join("\n")}\n` : text;
}

function ignore(root: string, done: Written, dryRun: boolean): void {
  const name = ".gitignore";
  const read = readProjectFile(root, name);
  const text = "text" in read ? read.text : "";
  const wanted = withIgnored(text);
  if (isThere(root, name)) {
    const isFile = "text" in read && lstatSync(join(root, name)).isFile();
    if (isFile && wanted === text) return void done.kept.push(name);
    if (!isFile)
      return void done.notes.push(`${name} is no regular file; give it these lines: ${ignoredByGit.join(" ")}`);
  }
  if (!dryRun) writeOver(root, name, wanted);
  done.files.push(name);
}

/** The files that a new project gets, by what is here. */
function newFiles(root: string, project: NewProject, done: Written): [string, string][] {
  const { remote } = project.found;
  const ignores = [".containerignore", ".dockerignore"].filter((name) => isThere(root, name));
  for (const name of ignores) {
    done.kept.push(name);
    // podman reads one of them, so a second would take the place of the first
    done.notes.push(`${name}: add these lines, if it lacks them: ${ignoredByPodman.join(" ")}`);
  }
  const onGithub = remote === undefined || remote.host === "github.com" || isThere(root, ".github");
  if (!onGithub)
    done.notes.push(`no workflow was written: ${remote.host} is not GitHub; its steps are build, push, sign`);
  return [
    [familyFile, familyText(project)],
    [`flavors/${project.flavor}.yaml`, flavorText(project)],
    ...(ignores.length ? [] : [[".containerignore", containerignoreText] as [string, string]]),
    ...(onGithub ? [[".github/workflows/slipway.yml", workflowText(project)] as [string, string]] : []),
  ];
}

/**
 * Writes what a new project needs, and overwrites nothing.
 * @throws Failure where a project is here already, and where a folder on the way is a link
 */
export function writeProject(root: string, project: NewProject, dryRun: boolean): Written {
  refuseSecondProject(root);
  const done: Written = { files: [], kept: [], notes: [] };
  for (const [name, text] of newFiles(root, project, done)) {
    const isNew = dryRun ? !isThere(root, name) : writeNew(root, name, text);
    (isNew ? done.files : done.kept).push(name);
  }
  ignore(root, done, dryRun);
  return done;
}

/** The commands that come next, in order. */
export function nextSteps({ arch, flavor, key, registry, found }: NewProject): string[] {
  return [
    ...(registry.startsWith("localhost/") ? [`name your registry in ${familyFile}`] : []),
    ...(found.key === undefined ? [`bun run keys    (it makes ${key})`] : []),
    ...(found.dependency
      ? []
      : ["bun add -d ./slipway-VERSION.tgz    (commit it too: the workflow runs the one of package.json)"]),
    "bun run lint",
    `bun run build ${arch} ${flavor}`,
    ...(found.containerfile === undefined ? [] : [`bun run trust add ${arch} ${flavor}    (before the first push)`]),
  ];
}
