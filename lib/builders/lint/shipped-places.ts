import { lstatSync, readdirSync } from "node:fs";
import { join, posix } from "node:path";
import type { Family } from "../../family/family.ts";
import { type OverlayFile, readOverlays } from "../../family/overlay.ts";
import { firstBytes } from "../../family/project-file.ts";

/** A file of an overlay, by what a machine makes of it. */
export interface Placed extends OverlayFile {
  /** Its first bytes; none of what is not a regular file. */
  head: Buffer;
  isExecutable: boolean;
}

/** So many bytes tell what a file is. */
const mostOfHead = 4;

/** A mode of the manifest that lets everybody start a file. */
const hasX = (mode: string) => (Number.parseInt(mode, 8) & 0o111) !== 0;

/**
 * The files of all overlays of a family. The family's `modes` count, as a build sets them.
 * @throws what reading a file throws
 */
export function placedFiles({ root, flavors }: Family): Placed[] {
  const modes = new Map([...flavors.values()].flatMap((flavor) => Object.entries(flavor.modes)));
  return readOverlays(root).files.map((file) => {
    const path = join(root, file.file);
    if (file.link !== undefined || file.strange !== undefined)
      return { ...file, head: Buffer.alloc(0), isExecutable: false };
    const mode = modes.get(file.place);
    const isExecutable = mode === undefined ? (lstatSync(path).mode & 0o111) !== 0 : hasX(mode);
    return { ...file, head: firstBytes(path, mostOfHead).bytes, isExecutable };
  });
}

/** The places that a path of an image can mean: `/bin`, `/sbin` and `/lib` are links to folders of `/usr`, `/usr/sbin` may be one. */
export function placesOf(path: string): string[] {
  const clean = posix.normalize(path).replace(/^\/(bin|sbin|lib|lib64)\//, "/usr/$1/");
  return clean.startsWith("/usr/sbin/") ? [clean, clean.replace("/sbin/", "/bin/")] : [clean];
}

/** Files of a person's that Slipway itself reads: the manifest, recipes and helpers. From the project's root. */
export function projectTexts(root: string): string[] {
  return ["flavors", "containerfiles", "containerfiles/helpers", "elements"].flatMap((folder) => {
    try {
      const entries = readdirSync(join(root, folder), { withFileTypes: true });
      return entries.filter((e) => e.isFile()).map((e) => `${folder}/${e.name}`);
    } catch {
      return [];
    }
  });
}
