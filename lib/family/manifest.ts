import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { exit, Failure } from "../system/errors.ts";
import { traces } from "../system/fingerprint.ts";
import { projectRoot, statePath, toolRoot } from "../system/project.ts";
import { writeWhole } from "../system/state-file.ts";
import { type Family, linkFamily, type Manifest } from "./family.ts";
import { keyTrace } from "./key-file.ts";

/** What the manifest is made of and checked against, and the code that checks it. */
function inputs(root: string): string[] {
  const recipes = [...new Set([root, toolRoot])].map((folder) => join(folder, "containerfiles"));
  return [join(root, "flavors"), join(root, "overlays"), ...recipes, import.meta.dir];
}

/** Name, size and time of every file below the folders, and of the keys beside them: changes when any of them does. */
export function fingerprint(root: string): string {
  const hash = new Bun.CryptoHasher("sha1");
  const folders = inputs(root);
  for (const name of readdirSync(root).filter((n) => n.endsWith(".pub"))) hash.update(`${name}\n`);
  for (const folder of folders) {
    if (existsSync(folder)) for (const line of traces(folder)) hash.update(line);
  }
  return hash.digest("hex");
}

/**
 * The family, read from `flavors/` and checked. A manifest that was found good is remembered in `.slipway/`, so that
 * a command on an unchanged tree does not parse it again.
 * @throws ManifestFailure with all the mistakes at once; Failure (usage) where there is no manifest.
 */
export async function loadFamily(root = projectRoot): Promise<Family> {
  needManifest(root);
  const print = fingerprint(root);
  return linkFamily(recall(root, print) ?? (await check(root, print)), root);
}

/** The family as a new flavor finds it: an overlay folder may be there before its flavor. Otherwise as `loadFamily`. */
export async function loadFamilyToGrow(root = projectRoot): Promise<Family> {
  needManifest(root);
  const [{ checkManifest }, { overlaysHaveFlavors }] = await Promise.all([
    import("./check.ts"),
    import("./overlay-rules.ts"),
  ]);
  return linkFamily(checkManifest(root, [overlaysHaveFlavors]), root);
}

function needManifest(root: string): void {
  if (!existsSync(join(root, "flavors/family.yaml")))
    throw new Failure(exit.usage, "there is no flavors/family.yaml here", {
      tried: [join(root, "flavors/family.yaml")],
      next: "`bun run init` makes a project here; or go to the folder of one, or name it in SLIPWAY_PROJECT",
    });
}

function recall(root: string, print: string): Manifest | undefined {
  try {
    const known = JSON.parse(readFileSync(statePath("cache", "manifest.json"), "utf8"));
    const same = known.print === print && known.beside === traceBeside(root, known.manifest);
    return same ? known.manifest : undefined;
  } catch {
    return undefined;
  }
}

async function check(root: string, print: string): Promise<Manifest> {
  const { checkManifest } = await import("./check.ts");
  const manifest = checkManifest(root);
  remember(print, traceBeside(root, manifest), manifest);
  return manifest;
}

/** Changes when a file does that the manifest names and that is in none of the folders: the key, Containerfiles, their contexts. */
export function traceBeside(root: string, { head, flavors }: Manifest): string {
  const own = Object.values(flavors).flatMap(({ containerfile: c }) =>
    typeof c === "string" ? [c] : c ? [c.file] : [],
  );
  const contexts = Object.values(flavors).flatMap(({ containerfile: c }) => (typeof c === "object" ? [c.context] : []));
  const stat = (name: string) => statSync(join(root, name), { throwIfNoEntry: false });
  return [
    keyTrace(root, head.key),
    ...(head.rekor ? [keyTrace(root, head.rekor.key)] : []),
    ...own.map((name) => [name, stat(name)?.mode, stat(name)?.size, stat(name)?.mtimeMs, stat(name)?.ino].join(" ")),
    ...contexts.map((name) => `${name} ${stat(name)?.isDirectory()}`),
  ].join("\n");
}

/** What cannot be remembered (a read-only checkout, a full disk) is checked again next time. */
function remember(print: string, beside: string, manifest: Manifest): void {
  try {
    writeWhole(statePath("cache", "manifest.json"), JSON.stringify({ print, beside, manifest }));
  } catch {}
}

/** The family, or undefined: for commands that have something to say even where the manifest has mistakes. */
export async function familyIfGood(): Promise<Family | undefined> {
  try {
    return await loadFamily();
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}
