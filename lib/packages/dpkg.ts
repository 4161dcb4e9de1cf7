import { cut, type Files } from "../layers/content.ts";
import type { ByteString } from "../layers/entry.ts";
import { inTurns } from "../layers/turns.ts";
import type { Claims, Hints } from "./owner.ts";

/** Source: dpkg(1), deb822(5). An image whose /var belongs to the machine keeps the database in /usr. */
const places = ["usr/lib/sysimage/dpkg", "var/lib/dpkg"];

interface Package {
  name: string;
  source: string;
  /** Its own, and that of its source. */
  version: string;
  sourceVersion: string;
}

/** A paragraph of the list of packages; undefined if it is not installed, or makes no sense. */
function readPackage(text: ByteString): Package | undefined {
  const field = (name: string) => new RegExp(`^${name}: *(.*)$`, "m").exec(text)?.[1];
  const name = field("Package");
  if (name === undefined || !field("Status")?.endsWith(" installed")) return undefined;
  const [source = name, stated] = (field("Source") ?? name).split(" ");
  const version = field("Version") ?? "";
  return { name, source, version, sourceVersion: stated?.slice(1, -1) ?? version };
}

/** A higher count means the same, and the limit also covers numbers with too many digits. */
const mostUpdates = 1000;

/** `1.2-3+deb12u4`: the fourth update in stable; `1.2-3~deb12u1`: a new version that stable took. */
export function debianHints(version: string): Hints {
  const m = /([+~])deb\d+u(\d+)(?:\.\d+)?$/.exec(version);
  if (!m) return { updates: 0 };
  const updates = Math.min(Number(m[2]), mostUpdates);
  return m[1] === "~" ? { updates, follows: true } : { updates };
}

/** Where dpkg-divert sent files of packages: what lies there is theirs. */
async function diversions(lines: Iterable<ByteString>): Promise<Map<ByteString, ByteString>> {
  const sent = new Map<ByteString, ByteString>();
  const three: ByteString[] = [];
  await inTurns(lines, (line) => {
    if (three.push(line) < 3) return;
    sent.set((three[0] ?? "").slice(1), (three[1] ?? "").slice(1));
    three.length = 0;
  });
  return sent;
}

/** A bootable image keeps the kernel with its modules, where no package of Debian's puts it. */
function moved(path: ByteString): ByteString | undefined {
  const [, name, version] = /^boot\/(vmlinuz|System\.map|config)-(.+)$/.exec(path) ?? [];
  return version === undefined ? undefined : `usr/lib/modules/${version}/${name}`;
}

export async function dpkgOwners(files: Files, claims: Claims): Promise<void> {
  const place = places.find((p) => files.has(`${p}/status`));
  if (place === undefined) return;
  const sourceOf = new Map<string, string>();
  await inTurns(cut(files.text(`${place}/status`) ?? "", "\n\n"), (text) => {
    const found = readPackage(text);
    if (!found) return;
    const component = `dpkg/${found.source}`;
    sourceOf.set(found.name, component);
    claims.installed(found.name, found.version, component);
    claims.hints.set(component, debianHints(found.sourceVersion));
  });
  const sent = await diversions(files.lines(`${place}/diversions`));
  const info = `${place}/info`;
  for (const file of files.names(info)) {
    const component = sourceOf.get(file.replace(/(:[a-z0-9-]+)?\.[a-z0-9]+$/, ""));
    if (component === undefined) continue;
    claims.claim(`${info}/${file}`, component);
    if (!file.endsWith(".list")) continue;
    await inTurns(files.lines(`${info}/${file}`), (line) => {
      if (line.length < 2 || line === "/.") return;
      const path = (sent.get(line.slice(1)) ?? line.slice(1)).replace(/\/$/, "");
      claims.claim(path, component);
      const place = moved(path);
      if (place !== undefined) claims.claim(place, component);
    });
  }
}
