import { existsSync, mkdirSync, readFileSync, renameSync, utimesSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { exit, Failure } from "../system/errors.ts";
import { sha256OfFile } from "../system/hash-file.ts";
import { onInterrupt } from "../system/interrupt.ts";
import { owner, removeHalfMade } from "../system/owner.ts";
import { cachePath } from "../system/project.ts";
import { removeAll } from "../system/remove.ts";
import { run } from "../system/shell.ts";
import { together } from "../system/single-flight.ts";
import type { Progress } from "../system/steps.ts";
import { installCommand } from "./package-manager.ts";

/**
 * A Debian root made on this machine from Debian's packages, for where no registry answers.
 *
 * The tar is kept in the user's cache under a key of everything that shapes it, and is only ever seen whole: it is written
 * under another name and renamed. debian-image.ts puts it into podman's store.
 */

/** Without documentation and translations; an image's own packages follow the same rule, because dpkg keeps it. */
const dpkgOptions = ["doc", "man", "info", "locale"].map((folder) => `path-exclude=/usr/share/${folder}/*`);
// A copyright file stays: the licences ask for it.
const dpkgKept = "path-include=/usr/share/doc/*/copyright";

/** Later than this, a file's time is set back to it: the time of unpacking says nothing, and two roots shall be equal. */
export const epoch = "1735689600";

function isRolling(suite: string): boolean {
  return suite === "sid" || suite === "unstable";
}

/** mmdebstrap's words for a suite, without where the result goes. Pure. */
export function bootstrapArguments(suite: string): string[] {
  const apt = ['Acquire::Languages "none"', 'APT::Install-Recommends "false"'];
  // The Release file of a rolling suite is valid for a week only, and a mirror may well be older.
  if (isRolling(suite)) apt.push('Acquire::Check-Valid-Until "false"');
  return [
    "--variant=minbase",
    "--format=tar",
    "--include=ca-certificates",
    // The kernel fills /dev. ostree refuses an image with device nodes in it, and docker.io's has none.
    "--skip=output/dev",
    ...apt.map((option) => `--aptopt=${option}`),
    ...["force-unsafe-io", ...dpkgOptions, dpkgKept].map((option) => `--dpkgopt=${option}`),
    // mmdebstrap lends these two from the machine that it runs on; they say nothing about the image
    '--customize-hook=rm -f "$1/etc/resolv.conf" "$1/etc/hostname"',
  ];
}

function hash(...parts: string[]): string {
  return new Bun.CryptoHasher("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 16);
}

/** What a root of a suite is made by, as a short key: a root with another one is out of date. */
export function rootKey(suite: string): string {
  return hash(suite, ...bootstrapArguments(suite), epoch);
}

/** The mirror that is asked instead of mmdebstrap's own default. */
function mirror(): string | undefined {
  return process.env.SLIPWAY_DEBIAN_MIRROR || undefined;
}

function requireMmdebstrap(): void {
  if (Bun.which("mmdebstrap")) return;
  const names = { apt: "mmdebstrap", dnf: "mmdebstrap", pacman: "mmdebstrap" };
  throw new Failure(exit.missing, "mmdebstrap is not on this machine", {
    tried: ["mmdebstrap on the PATH"],
    next: installCommand([names]) ?? "install mmdebstrap, or work where a registry answers",
  });
}

/** What mmdebstrap is doing, in the reader's words, from one of its lines. */
function phase(line: string): string | undefined {
  const what = /^I: (.*?)(\.\.\.)?$/.exec(line)?.[1];
  if (!what || /^(automatically|chroot|success|removing)/.test(what)) return undefined;
  return what;
}

/**
 * The path of a tar with a minimal root of a Debian suite, made where it is not there yet (some 20 s).
 * @param suite such as `trixie` or `sid`
 * @throws Failure (missing) without mmdebstrap, (failed) with its own words when it fails
 */
export function debianRoot(suite: string, progress?: Progress): Promise<string> {
  return together(`root of ${suite}`, () => make(suite, progress));
}

/** Where the root of a suite is kept, made or not. */
function keptAt(suite: string): string {
  const key = hash(suite, ...bootstrapArguments(suite), mirror() ?? "", epoch);
  return cachePath("debian", `${suite}-${key}.tar`);
}

/** The digest of a suite's root; undefined where it is not made yet. */
export function knownDigest(suite: string): string | undefined {
  const file = digestFile(keptAt(suite));
  return existsSync(file) ? readFileSync(file, "utf8") : undefined;
}

async function make(suite: string, progress?: Progress): Promise<string> {
  const words = bootstrapArguments(suite);
  const path = keptAt(suite);
  removeHalfMade(dirname(path));
  if (existsSync(path)) {
    utimesSync(path, new Date(), new Date()); // it was used: it stays in the cache
    return path;
  }
  requireMmdebstrap();

  const partial = `${path}.${owner}`;
  const scratch = `${partial}.d`;
  const sweep = async () => {
    removeAll(partial);
    removeAll(scratch);
  };
  const forget = onInterrupt(sweep);
  // As root, /tmp will not do: it may be a small tmpfs, and mounted nodev. Without root only /tmp is open to the ids
  // that mmdebstrap maps.
  const env: Record<string, string> = { SOURCE_DATE_EPOCH: epoch };
  if (process.getuid?.() === 0) {
    mkdirSync(scratch);
    env.TMPDIR = scratch;
  }
  const argv = [
    ...(await enclosure()),
    "mmdebstrap",
    ...words,
    suite,
    partial,
    ...(mirror() ? [String(mirror())] : []),
  ];
  try {
    const { code, said } = await run(argv, {
      env,
      ...(progress ? { log: progress.log } : {}),
      onLine: (line) => {
        const text = phase(line);
        if (text) progress?.now(text);
      },
    });
    if (code !== 0) throw bootstrapFailure(suite, said, progress);
    writeFileSync(digestFile(path), await sha256OfFile(partial));
    renameSync(partial, path);
  } finally {
    forget();
    await sweep();
  }
  return path;
}

/**
 * As root, mmdebstrap mounts this machine's /dev/shm and more into the root that it makes, and leaves them there when it is
 * killed. In mount and process namespaces of its own, both end with it, however it ends.
 */
async function enclosure(): Promise<string[]> {
  if (process.getuid?.() !== 0) return [];
  const words = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];
  return (await run([...words, "true"])).code === 0 ? words : [];
}

/** The tar's digest, kept beside it: a build that has nothing to do shall not read the tar. */
export function digestFile(tar: string): string {
  return `${tar}.sha256`;
}

function bootstrapFailure(suite: string, said: string, progress?: Progress): Failure {
  const words = said.split("\n").filter((line) => /^(E|W|Err)\b/.test(line));
  return new Failure(exit.failed, `Debian ${suite} could not be made from its packages`, {
    tried: [`mmdebstrap ${suite}${mirror() ? ` from ${mirror()}` : ""}`, ...words.slice(-4)],
    next: "see that Debian's packages can be reached from here; SLIPWAY_DEBIAN_MIRROR names another mirror",
    ...(progress ? { log: progress.log } : {}),
  });
}
