import { existsSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { exit, Failure } from "../cli/errors.ts";
import { projectRoot, statePath } from "../cli/project.ts";
import { type Family, linkFamily, type Manifest } from "./family.ts";

/** What the manifest is made of and checked against, and the code that checks it. */
function inputs(root: string): string[] {
  return [join(root, "flavors"), join(root, "overlays"), join(root, "containerfiles"), import.meta.dir];
}

/** Name, size and time of every file below the folders, and of the keys beside them: changes when any of them does. */
function fingerprint(root: string): string {
  const hash = new Bun.CryptoHasher("sha1");
  const folders = inputs(root);
  for (const name of readdirSync(root).filter((n) => n.endsWith(".pub"))) hash.update(`${name}\n`);
  for (const folder of folders) {
    if (!existsSync(folder)) continue;
    for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" }).sort()) {
      const stat = statSync(join(folder, name), { throwIfNoEntry: false });
      hash.update(`${name}\0${stat?.size}\0${stat?.mtimeMs}\0${stat?.ino}\n`);
    }
  }
  return hash.digest("hex");
}

/**
 * The family, read from `flavors/` and checked. A manifest that was found good is remembered in `.slipway/`, so that
 * a command on an unchanged tree does not parse it again.
 * @throws ManifestFailure with all the mistakes at once; Failure (usage) where there is no manifest.
 */
export async function loadFamily(root = projectRoot): Promise<Family> {
  if (!existsSync(join(root, "flavors/family.yaml")))
    throw new Failure(exit.usage, "there is no flavors/family.yaml here", {
      tried: [join(root, "flavors/family.yaml")],
      next: "run this in a Slipway checkout, or set SLIPWAY_PROJECT to one",
    });
  const print = fingerprint(root);
  return linkFamily(recall(print) ?? (await check(root, print)), root);
}

function recall(print: string): Manifest | undefined {
  try {
    const known = JSON.parse(readFileSync(statePath("cache", "manifest.json"), "utf8"));
    return known.print === print ? known.manifest : undefined;
  } catch {
    return undefined;
  }
}

async function check(root: string, print: string): Promise<Manifest> {
  const { checkManifest } = await import("./check.ts");
  const manifest = checkManifest(root);
  const file = statePath("cache", "manifest.json");
  writeFileSync(`${file}.${process.pid}`, JSON.stringify({ print, manifest }));
  renameSync(`${file}.${process.pid}`, file);
  return manifest;
}
