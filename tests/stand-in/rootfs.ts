/** The image that stands in for CachyOS: Debian with pacman. */
import { ensureLocalDebian } from "../../lib/tools/debian-image.ts";
import { podman } from "../../lib/tools/podman.ts";
import { imageWith } from "../support/small-images.ts";

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

/** @returns the name of the image, made where it is not there yet. */
export async function rootImage(): Promise<string> {
  return imageWith("pacman", await ensureLocalDebian("trixie"), packages);
}

/** Files of the image, without a leading slash: a stub package must not bring them again. */
export async function filesOf(image: string, env: Record<string, string>): Promise<Set<string>> {
  const look = "find / -xdev \\( -path /proc -o -path /sys -o -path /dev \\) -prune -o -printf '%P\\n'";
  const { code, stdout, said } = await podman(["run", "--rm", "--network=none", image, "sh", "-c", look], { env });
  if (code !== 0) throw new Error(`stand-in: ${said.slice(-2000)}`);
  return new Set(stdout.split("\n"));
}
