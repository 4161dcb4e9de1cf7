/** Whose a file may be that nobody claims: a cache beside a program's own files is that program's. */
import { type Column, columns } from "../../layers/columns.ts";
import type { Name, Tree } from "../../layers/tree.ts";
import { inTurns, upTo } from "../../layers/turns.ts";
import type { Leaves } from "./leaves.ts";

/** By folder: 0 while nobody has files in it, its only owner, or that there are several. */
const several = 0xffffffff;

/** Folders that only one component has files in. */
export async function soleOwners(tree: Tree, leaves: Leaves): Promise<Column> {
  const sole = columns.u32();
  await inTurns(upTo(leaves.count), (i) => {
    const leaf = leaves.name(i);
    const owner = tree.nodes.ownerId(tree.node(leaf));
    if (owner === 0) return;
    for (let folder = tree.parent(leaf); folder !== tree.root && folder !== 0; folder = tree.parent(folder)) {
      const known = sole.get(folder);
      if (known === several) break;
      if (known === 0) sole.set(folder, owner);
      else if (known !== owner) sole.set(folder, several);
    }
  });
  return sole;
}

/**
 * The nearest folder that is not empty decides; one that several share decides nothing, nor does one like /usr/share that is
 * everybody's, even if only one has something in it.
 * @returns the owner's number, 0 for none.
 */
export function neighbour(tree: Tree, leaf: Name, sole: Column): number {
  const isDeep = (folder: Name) => {
    const second = tree.parent(tree.parent(folder));
    return second !== 0 && second !== tree.root;
  };
  for (let folder = tree.parent(leaf); isDeep(folder); folder = tree.parent(folder)) {
    const owner = sole.get(folder);
    if (owner) return owner === several ? 0 : owner;
  }
  return 0;
}
