import type { ByteString } from "../../image/entry.ts";
import type { Piece } from "../../image/layer-write.ts";
import type { Node, Tree } from "../../image/tree.ts";
import type { Leaf } from "./components.ts";

/**
 * The entries of a layer: its leaves in the order of the tree, each folder before the first thing in it. A folder carries
 * the plan's fixed time: its own changes whenever anything beside the layer's files comes or goes.
 */
export function pieces(tree: Tree, leaves: Leaf[], epoch: number): Piece[] {
  const made: Piece[] = [];
  const folders = new Set<ByteString>();
  const firstName = new Map<Node, ByteString>();
  const folder = (path: ByteString) => {
    if (folders.has(path)) return;
    folders.add(path);
    if (path !== "") folder(path.includes("/") ? path.slice(0, path.lastIndexOf("/")) : "");
    const node = tree.find(path);
    if (node && !(path === "" && node.implied)) made.push(piece(path, node, epoch));
  };
  for (const { path, node } of leaves) {
    folder(path.includes("/") ? path.slice(0, path.lastIndexOf("/")) : "");
    const first = node.linked ? firstName.get(node) : undefined;
    if (first !== undefined) made.push({ ...piece(path, node, epoch), kind: "link", target: first, size: 0 });
    else {
      if (node.linked) firstName.set(node, path);
      made.push(piece(path, node, epoch));
    }
  }
  return made;
}

function piece(path: ByteString, node: Node, epoch: number): Piece {
  const mtime = node.kind === "dir" ? epoch : Math.min(node.mtime, epoch);
  const { kind, mode, uid, gid, size, at, parts, target, major, minor, xattrs } = node;
  const common = { path, kind, mode, uid, gid, mtime, size, at };
  return {
    ...common,
    ...(kind === "file" && size > 0 ? { tar: node.tar } : {}),
    ...(parts ? { parts } : {}),
    ...(target === undefined ? {} : { target }),
    ...(major === undefined ? {} : { major }),
    ...(minor === undefined ? {} : { minor }),
    ...(xattrs ? { xattrs } : {}),
  };
}
