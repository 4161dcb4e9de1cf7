import { byBytes, shown } from "./entry.ts";
import type { Nodes } from "./nodes.ts";
import type { Tree } from "./tree.ts";

export interface Difference {
  path: string;
  what: string;
}

/** Sorted, because two archives may name them in another order. */
export function attributes(nodes: Nodes, node: number): string {
  const xattrs = nodes.xattrs(node);
  return xattrs ? JSON.stringify(Object.entries(xattrs).sort(([a], [b]) => byBytes(a, b))) : "";
}

/** What an entry is; times later than `epoch` count as `epoch`, those of folders not at all. */
function facts({ nodes }: Tree, node: number, epoch: number): [string, unknown][] {
  return [
    ["kind", nodes.kind(node)],
    ["mode", nodes.mode(node)],
    ["owner", nodes.uid(node)],
    ["group", nodes.gid(node)],
    ["time", nodes.isFolder(node) ? 0 : Math.min(nodes.mtime(node), epoch)],
    ["size", nodes.size(node)],
    ["content", nodes.hash(node)],
    ["target", nodes.target(node)],
    ["device", nodes.device(node).join(":")],
    ["attributes", attributes(nodes, node)],
  ];
}

/** Where two trees are not the same file system: entry by entry, and which names share a file. */
export function differences(a: Tree, b: Tree, epoch = Number.POSITIVE_INFINITY): Difference[] {
  const found: Difference[] = [];
  const left = new Map([...a.walk()].map((name) => [a.path(name), a.node(name)]));
  const firstNames = [new Map<number, string>(), new Map<number, string>()] as const;
  for (const name of b.walk()) {
    const [path, node] = [b.path(name), b.node(name)];
    const other = left.get(path);
    left.delete(path);
    if (other === undefined) {
      found.push({ path: shown(path), what: "only in the second" });
      continue;
    }
    const [ofA, ofB] = firstNames;
    if (!ofA.has(other)) ofA.set(other, path);
    if (!ofB.has(node)) ofB.set(node, path);
    const isB = facts(b, node, epoch);
    const said = facts(a, other, epoch).flatMap(([what, value], i) =>
      value === isB[i]?.[1] ? [] : [`${what} ${String(value)} ≠ ${String(isB[i]?.[1])}`],
    );
    if (ofA.get(other) !== ofB.get(node)) said.push("not a hard link of the same file");
    if (path === "" && (a.nodes.isImplied(other) || b.nodes.isImplied(node))) continue; // a layer need not say anything of the root
    if (said.length) found.push({ path: shown(path), what: said.join("; ") });
  }
  for (const path of left.keys()) found.push({ path: shown(path), what: "only in the first" });
  return found;
}
