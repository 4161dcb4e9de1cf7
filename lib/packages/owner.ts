import type { ByteString } from "../layers/entry.ts";
import type { Tree } from "../layers/tree.ts";
import { most, raise } from "../oci/limits.ts";
import { exit, Failure } from "../system/errors.ts";
import { isWord, type Packages, recordLimits } from "./record.ts";

/** What is known of a piece of software before anything is known of its past. */
export interface Hints {
  /** When it was built, seconds since 1970. */
  built?: number;
  /** How often a stable distribution has updated it since its release. */
  updates?: number;
  /** A stable distribution takes whole new versions of it. */
  follows?: boolean;
  /** Days between updates, as somebody wrote down. */
  interval?: number;
}

/** Bytes of the longest path that Linux takes: what is longer names no file. */
const longest = 4096;

/** A package can be installed several times, as kernels are in Fedora; nobody keeps more of them. */
const mostVersions = 8;
/** rpm keeps the keys that it trusts as packages of this name. */
const rpmKey = "gpg-pubkey";

/** What the image's databases say, written down at the files themselves; who speaks first is believed. */
export class Claims {
  readonly hints = new Map<string, Hints>();
  /** By binary package name, the component: the family's groups name packages. */
  readonly packages = new Map<string, string>();

  /** By binary package name its versions. */
  private readonly versions = new Map<string, Set<string>>();

  private readonly mostSteps = most("steps");

  constructor(private readonly tree: Tree) {}

  /**
   * @param path without a slash at either end; links of folders are followed.
   * @throws Failure where finding files takes longer than any system's databases do
   */
  claim(path: ByteString, component: string): void {
    if (path.length >= longest) return;
    if (this.tree.steps > this.mostSteps)
      throw new Failure(exit.failed, `the files of ${component}: package databases name more than an image can have`, {
        next: raise,
      });
    const node = this.tree.node(this.tree.lookup(path));
    if (node) this.tree.nodes.own(node, component);
  }

  /** A binary package of a component. What no package manager calls a package has no place in the record of packages. */
  installed(name: string, version: string, component: string): void {
    this.packages.set(name, component);
    if (!isWord(name) || !isWord(version) || name === rpmKey) return;
    const versions = this.versions.get(name) ?? new Set();
    if (versions.size < mostVersions) versions.add(version);
    if (this.versions.size <= recordLimits.packages) this.versions.set(name, versions);
  }

  /** All installed packages. */
  recorded(): Packages {
    return new Map([...this.versions].map(([name, versions]) => [name, [...versions].sort().join(",")]));
  }

  /** What is known of a component, its newest part counting. */
  built(component: string, seconds: number): void {
    const hints = this.hints.get(component) ?? {};
    if (Number.isSafeInteger(seconds) && seconds > (hints.built ?? 0))
      this.hints.set(component, { ...hints, built: seconds });
  }
}
