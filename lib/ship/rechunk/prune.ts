import { byteString } from "../../layers/entry.ts";
import type { Tree } from "../../layers/tree.ts";

/** Leaves out what the manifest says: with a slash at its end a folder's contents, without one the path itself. */
export function prune(tree: Tree, paths: string[]): void {
  for (const path of paths) {
    const at = byteString(path.replaceAll(/^\/+|\/+$/g, ""));
    if (at === "") continue;
    if (path.endsWith("/")) tree.clear(tree.find(at));
    else tree.remove(at);
  }
}
