import type { ByteString } from "../../../image/entry.ts";
import type { Tree } from "../../../image/tree.ts";

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

/** What the image's databases say, written down at the files themselves; who speaks first is believed. */
export class Claims {
  readonly hints = new Map<string, Hints>();
  /** By binary package name, the component: the family's groups name packages. */
  readonly packages = new Map<string, string>();

  constructor(private readonly tree: Tree) {}

  /** @param path without a slash at either end; links of folders are followed. */
  claim(path: ByteString, component: string): void {
    const node = this.tree.node(this.tree.lookup(path));
    if (node) this.tree.nodes.own(node, component);
  }

  /** What is known of a component, its newest part counting. */
  built(component: string, seconds: number): void {
    const hints = this.hints.get(component) ?? {};
    if (seconds > (hints.built ?? 0)) this.hints.set(component, { ...hints, built: seconds });
  }
}
