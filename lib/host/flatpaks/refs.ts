import type { App } from "./list.ts";

/**
 * What identifies something of Flatpak: `app/ID/ARCH/BRANCH` or `runtime/ID/ARCH/BRANCH`. An entry of a list may leave out all but the
 * ID; what it leaves out fits anything, and this machine's arch first. Sources: flatpak-install(1); find_matching_refs in flatpak's
 * common/flatpak-dir.c.
 */
export type FullRef = string;

export const idOf = (ref: FullRef) => ref.split("/")[1] ?? "";

function fits({ kind, id, arch, branch }: App, ref: FullRef): boolean {
  const parts = ref.split("/");
  return [kind, id, arch, branch].every((part, i) => part === undefined || part === parts[i]);
}

/** Those of `refs` that an entry can mean: of this machine's arch if there are such. */
export function candidates(app: App, refs: Iterable<FullRef>, ownArch: string): FullRef[] {
  const all = [...refs].filter((ref) => fits(app, ref));
  const own = all.filter((ref) => ref.split("/")[2] === ownArch);
  return app.arch === undefined && own.length ? own : all;
}

/** Whether what an entry means is there, by this machine's arch where it names none. */
export function isThere(app: App, there: Iterable<FullRef>, ownArch: string): boolean {
  return [...there].some((ref) => fits({ arch: ownArch, ...app }, ref));
}
