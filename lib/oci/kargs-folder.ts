import { readdirSync, realpathSync, statSync } from "node:fs";
import { join, sep } from "node:path";
import { Failure } from "../system/errors.ts";
import { onInterrupt } from "../system/interrupt.ts";
import { readRegular } from "../system/regular-file.ts";
import { workFolder } from "../system/work-folder.ts";
import { podman } from "../tools/podman.ts";
import { imageArguments, isKargsFile, kargsFailure, kargsFolder, kargsText, mostOfKargsFile } from "./kargs.ts";
import { podmanFailure } from "./storage.ts";

/** A kargs.d on disk, read as bootc reads it. */

/** A file of it. bootc opens the folder and follows no link out of it. */
function readOne(folder: string, name: string): string {
  let real: string;
  try {
    real = realpathSync(join(folder, name));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw kargsFailure(name, code === "ENOENT" ? "a link that leads nowhere" : `it cannot be read (${code})`);
  }
  if (!real.startsWith(realpathSync(folder) + sep)) throw kargsFailure(name, "a link that leads out of kargs.d");
  try {
    return kargsText(readRegular(real, folder, mostOfKargsFile), name);
  } catch (error) {
    if (error instanceof Failure && error.message.startsWith(real))
      throw kargsFailure(name, error.message.slice(`${real}: `.length));
    throw error;
  }
}

/**
 * The arguments that a kargs.d asks for. Names that do not end in `.toml` do not count, folders neither; no folder, no arguments.
 * @throws Failure for what bootc cannot read: the folder is a file; a `.toml` that is a folder, a link out of it or to nothing
 * @see bootc's get_kargs_in_root
 */
export function readKargsFolder(folder: string, arch?: string): string[] {
  const stat = statSync(folder, { throwIfNoEntry: false });
  if (!stat) return [];
  if (!stat.isDirectory()) throw kargsFailure(kargsFolder, "it is not a folder");
  const names = readdirSync(folder).filter(isKargsFile);
  return imageArguments(Object.fromEntries(names.map((name) => [name, readOne(folder, name)])), arch);
}

/**
 * What an image in podman's storage asks for. Nothing of it is run: it may be for another CPU.
 * @throws Failure where podman does not open it, or bootc could not read its kargs.d
 */
export async function kargsOfImage(reference: string, arch?: string): Promise<string[]> {
  const created = await podman(["create", "--network=none", reference, "true"]);
  if (created.code !== 0) throw podmanFailure(`opening ${reference}`, created);
  const container = created.stdout.trim();
  const work = workFolder();
  const remove = async () => {
    work.remove();
    await podman(["rm", "--force", container], { cleaning: true });
  };
  const forget = onInterrupt(remove);
  try {
    const copy = join(work.path, "kargs.d");
    const copied = await podman(["cp", `${container}:${kargsFolder}`, copy]);
    if (copied.code !== 0 && !/no such file|could not find|not be found/i.test(copied.stderr))
      throw podmanFailure(`reading ${kargsFolder} of ${reference}`, copied);
    return readKargsFolder(copy, arch);
  } finally {
    forget();
    await remove();
  }
}
