/** The root that stands in for CachyOS: Debian with pacman. Made once, then kept below .slipway/cache. */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { run } from "../../lib/cli/shell.ts";

const suite = "trixie";

/** What the real container image has (it is made from archlinux:base-devel), as far as a build makes use of it. */
const packages = [
  "attr",
  "ca-certificates",
  "curl",
  "fakeroot",
  "git",
  "jq",
  "libarchive-tools",
  "make",
  "makepkg",
  "pacman-package-manager",
  "systemd",
  "zstd",
];

const words = [
  "--variant=minbase",
  `--include=${packages.join(",")}`,
  '--aptopt=Acquire::Languages "none"',
  '--aptopt=APT::Install-Recommends "false"',
  "--dpkgopt=force-unsafe-io",
  ...["doc", "man", "info", "locale"].map((folder) => `--dpkgopt=path-exclude=/usr/share/${folder}/*`),
];

/** @returns the path of a tar. */
export async function rootfs(): Promise<string> {
  const cache = join(import.meta.dir, "../../.slipway/cache");
  const key = new Bun.CryptoHasher("sha256")
    .update(JSON.stringify([suite, words]))
    .digest("hex")
    .slice(0, 16);
  const path = join(cache, `stand-in-${key}.tar`);
  if (existsSync(path)) return path;
  mkdirSync(cache, { recursive: true });
  for (const name of readdirSync(cache)) if (/^stand-in-[0-9a-f]{16}\.tar$/.test(name)) rmSync(join(cache, name));
  const partial = `${path}.${process.pid}`;
  const mirror = process.env.SLIPWAY_DEBIAN_MIRROR;
  const { code, said } = await run([
    "mmdebstrap",
    ...words,
    "--format=tar",
    suite,
    partial,
    ...(mirror ? [mirror] : []),
  ]);
  if (code !== 0) {
    rmSync(partial, { force: true });
    throw new Error(`stand-in: mmdebstrap failed: ${said.slice(-2000)}`);
  }
  renameSync(partial, path);
  return path;
}

/** Files of the root, without a leading slash: a stub package must not bring them again. */
export async function filesOf(tar: string): Promise<Set<string>> {
  const { stdout } = await run(["tar", "-tf", tar]);
  return new Set(stdout.split("\n").map((path) => path.replace(/^\.\//, "")));
}
