import type { ByteString } from "../../layers/entry.ts";
import type { Piece } from "../../layers/layer-tar.ts";
import type { Name, Tree } from "../../layers/tree.ts";

/**
 * The entries of a layer: its leaves in the order of the tree, each folder before the first thing in it. A folder carries
 * the plan's fixed time: its own changes whenever anything beside the layer's files comes or goes.
 */
export function* pieces(tree: Tree, leaves: Iterable<Name>, epoch: number): Generator<Piece> {
  const { nodes } = tree;
  const folders = new Set<Name>();
  const firstName = new Map<number, ByteString>();
  /** The folders above a name that were not there yet, the topmost first. */
  const above = (name: Name): Name[] => {
    const fresh: Name[] = [];
    for (let folder = tree.parent(name); folder !== 0 && !folders.has(folder); folder = tree.parent(folder)) {
      folders.add(folder);
      if (folder !== tree.root || !nodes.isImplied(tree.node(folder))) fresh.push(folder);
    }
    return fresh.reverse();
  };
  for (const leaf of leaves) {
    for (const folder of above(leaf)) yield piece(tree, folder, epoch);
    const node = tree.node(leaf);
    const made = piece(tree, leaf, epoch);
    const first = nodes.isLinked(node) ? firstName.get(node) : undefined;
    if (first !== undefined) yield { ...made, kind: "link", target: first, size: 0 };
    else {
      if (nodes.isLinked(node)) firstName.set(node, made.path);
      yield made;
    }
  }
}

function piece(tree: Tree, name: Name, epoch: number): Piece {
  const { nodes } = tree;
  const node = tree.node(name);
  const kind = nodes.kind(node);
  const size = nodes.size(node);
  const made: Piece = {
    path: tree.path(name),
    kind,
    mode: nodes.mode(node),
    uid: nodes.uid(node),
    gid: nodes.gid(node),
    mtime: kind === "dir" ? epoch : Math.min(nodes.mtime(node), epoch),
    size,
    at: nodes.at(node),
  };
  // One by one: this is done for every file of the image, and spreading objects into each other takes its time.
  const [major, minor] = nodes.device(node);
  const [hash, parts, target, xattrs] = [nodes.hash(node), nodes.partsOf(node), nodes.target(node), nodes.xattrs(node)];
  if (kind === "file" && size > 0) made.tar = nodes.tar(node);
  if (hash !== undefined) made.hash = hash;
  if (parts) made.parts = parts;
  if (target !== undefined) made.target = target;
  if (major !== undefined) made.major = major;
  if (minor !== undefined) made.minor = minor;
  if (xattrs) made.xattrs = xattrs;
  return made;
}
