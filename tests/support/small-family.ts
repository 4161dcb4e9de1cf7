import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { checkManifest } from "../../lib/family/check.ts";
import { type Family, linkFamily, type Target } from "../../lib/family/family.ts";
import { ManifestFailure, showMistake } from "../../lib/family/mistakes.ts";
import { findArch, findTarget } from "../../lib/family/target.ts";

/** Paths and texts; "-> x" is a link to x, undefined takes a file of the small family away. */
export type Files = Record<string, string | undefined>;

/** A good family of two flavors, small enough to be read at a glance. */
export const small: Files = {
  "flavors/family.yaml": `name: toy
title: Toy
registry: registry.test/toys
prefix: toy
key: toy.pub
default: {arch: plain, flavor: one}
arches:
  best: {base: registry.test/base/best, needs: [avx512f]}
  plain: {base: {debian: trixie}}
`,
  "flavors/one.yaml": "title: One\nrecipe: root\narches: [best, plain]\n",
  "flavors/two.yaml": "title: Two\nrecipe: desk\nfrom: one\narches: [best]\n",
  "containerfiles/root.Containerfile": `# @base
FROM \${BASE}
# @repos
# @aur
# @groups
# @aur-group
# @run
# @upgrade
# @overlay
# @files
# @units
# @modes
# @finish
RUN bootc container lint
`,
  "containerfiles/desk.Containerfile":
    "# @base\nFROM ${BASE}\n# @groups\n# @run\n# @overlay\n# @files\n# @units\n# @modes\n# @finish\nRUN bootc container lint\n",
  "containerfiles/helpers/polish": "#!/bin/sh\n",
  "toy.pub": "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
};

const made: string[] = [];

/** A project on disk: the small family with other files added or in place of its own. */
export function project(files: Files = {}): string {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "slipway-small-")));
  made.push(root);
  for (const [path, text] of Object.entries({ ...small, ...files })) if (text !== undefined) put(root, path, text);
  return root;
}

export function put(root: string, path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  if (text.startsWith("-> ")) symlinkSync(text.slice(3), join(root, path));
  else writeFileSync(join(root, path), text);
}

export function removeProjects(): void {
  for (const root of made.splice(0)) rmSync(root, { recursive: true, force: true });
}

/** What `loadFamily` would say of the project: every mistake as it is shown, or nothing. */
export function mistakes(files: Files): string[] {
  try {
    checkManifest(project(files));
    return [];
  } catch (error) {
    if (error instanceof ManifestFailure) return error.mistakes.map(showMistake);
    throw error;
  }
}

/** The first lines only: place and message. */
export const told = (files: Files) => mistakes(files).map((m) => m.split("\n")[0] ?? "");

export function family(root: string): Family {
  return linkFamily(checkManifest(root), root);
}

export function target(of: Family, arch: string, flavor: string): Target {
  return findTarget(of, findArch(of, arch), flavor);
}
