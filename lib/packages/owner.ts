import type { ByteString } from "../layers/entry.ts";
import type { Tree } from "../layers/tree.ts";
import { most, raise } from "../oci/limits.ts";
import { exit, Failure } from "../system/errors.ts";

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

/** What the image's databases say, written down at the files themselves; who speaks first is believed. */
export class Claims {
  readonly hints = new Map<string, Hints>();
  /** By binary package name, the component: the family's groups name packages. */
  readonly packages = new Map<string, string>();

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

  /** What is known of a component, its newest part counting. */
  built(component: string, seconds: number): void {
    const hints = this.hints.get(component) ?? {};
    if (Number.isSafeInteger(seconds) && seconds > (hints.built ?? 0))
      this.hints.set(component, { ...hints, built: seconds });
  }
}
