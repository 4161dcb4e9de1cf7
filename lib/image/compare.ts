import { byBytes, shown } from "./entry.ts";
import type { Node, Tree } from "./tree.ts";

export interface Difference {
  path: string;
  what: string;
}

function attributes(node: Node): string {
  return JSON.stringify(Object.entries(node.xattrs ?? {}).sort(([a], [b]) => byBytes(a, b)));
}

/** What two entries of the same path differ in; times later than `epoch` count as `epoch`, those of folders not at all. */
function differs(a: Node, b: Node, epoch: number): string[] {
  const time = (n: Node) => (n.kind === "dir" ? 0 : Math.min(n.mtime, epoch));
  const facts: [string, (n: Node) => unknown][] = [
    ["kind", (n) => n.kind],
    ["mode", (n) => n.mode],
    ["owner", (n) => n.uid],
    ["group", (n) => n.gid],
    ["time", time],
    ["size", (n) => n.size],
    ["content", (n) => n.hash],
    ["target", (n) => n.target],
    ["device", (n) => `${n.major ?? ""}:${n.minor ?? ""}`],
    ["attributes", attributes],
  ];
  return facts.flatMap(([name, of]) => (of(a) === of(b) ? [] : [`${name} ${String(of(a))} ≠ ${String(of(b))}`]));
}

/** Where two trees are not the same file system: entry by entry, and which names share a file. */
export function differences(a: Tree, b: Tree, epoch = Number.POSITIVE_INFINITY): Difference[] {
  const found: Difference[] = [];
  const left = new Map(a.walk());
  const firstNames = [new Map<Node, string>(), new Map<Node, string>()] as const;
  for (const [path, node] of b.walk()) {
    const other = left.get(path);
    left.delete(path);
    if (!other) {
      found.push({ path: shown(path), what: "only in the second" });
      continue;
    }
    const [ofA, ofB] = firstNames;
    if (!ofA.has(other)) ofA.set(other, path);
    if (!ofB.has(node)) ofB.set(node, path);
    const said = differs(other, node, epoch);
    if (ofA.get(other) !== ofB.get(node)) said.push("not a hard link of the same file");
    if (path === "" && (other.implied || node.implied)) continue; // a layer need not say anything of the root
    if (said.length) found.push({ path: shown(path), what: said.join("; ") });
  }
  for (const path of left.keys()) found.push({ path: shown(path), what: "only in the first" });
  return found;
}
