import type { Files } from "../../../image/content.ts";
import type { ByteString } from "../../../image/entry.ts";
import type { Claims, Hints } from "./owner.ts";

/** Source: dpkg(1), deb822(5). An image whose /var belongs to the machine keeps the database in /usr. */
const places = ["usr/lib/sysimage/dpkg", "var/lib/dpkg"];

interface Package {
  name: string;
  source: string;
  version: string;
}

function packages(status: string): Package[] {
  return status.split("\n\n").flatMap((text) => {
    const field = (name: string) => new RegExp(`^${name}: *(.*)$`, "m").exec(text)?.[1];
    const name = field("Package");
    if (name === undefined || !/ installed$/.test(field("Status") ?? "")) return [];
    const [source = name, version] = (field("Source") ?? name).split(" ");
    return [{ name, source, version: version?.slice(1, -1) ?? field("Version") ?? "" }];
  });
}

/** `1.2-3+deb12u4`: the fourth update in stable; `1.2-3~deb12u1`: a new version that stable took. */
export function debianHints(version: string): Hints {
  const m = /([+~])deb\d+u(\d+)(?:\.\d+)?$/.exec(version);
  if (!m) return { updates: 0 };
  return m[1] === "~" ? { updates: Number(m[2]), follows: true } : { updates: Number(m[2]) };
}

/** Where dpkg-divert sent files of packages: what lies there is theirs. */
function diversions(text: string): Map<ByteString, ByteString> {
  const lines = text.split("\n");
  const sent = new Map<ByteString, ByteString>();
  for (let i = 0; i + 2 < lines.length; i += 3) sent.set((lines[i] ?? "").slice(1), (lines[i + 1] ?? "").slice(1));
  return sent;
}

/** A bootable image keeps the kernel with its modules, where no package of Debian's puts it. */
function moved(path: ByteString): ByteString | undefined {
  const [, name, version] = /^boot\/(vmlinuz|System\.map|config)-(.+)$/.exec(path) ?? [];
  return version === undefined ? undefined : `usr/lib/modules/${version}/${name}`;
}

export function dpkgOwners(files: Files, claims: Claims): void {
  const place = places.find((p) => files.has(`${p}/status`));
  if (place === undefined) return;
  const sourceOf = new Map<string, string>();
  for (const { name, source, version } of packages(files.text(`${place}/status`) ?? "")) {
    const component = `dpkg/${source}`;
    sourceOf.set(name, component);
    claims.packages.set(name, component);
    claims.hints.set(component, debianHints(version));
  }
  const sent = diversions(files.text(`${place}/diversions`) ?? "");
  const info = `${place}/info`;
  for (const file of files.names(info)) {
    const component = sourceOf.get(file.replace(/(:[a-z0-9-]+)?\.[a-z0-9]+$/, ""));
    if (component === undefined) continue;
    claims.claim(`${info}/${file}`, component);
    if (!file.endsWith(".list")) continue;
    for (const line of (files.text(`${info}/${file}`) ?? "").split("\n")) {
      if (line.length < 2 || line === "/.") continue;
      const path = (sent.get(line.slice(1)) ?? line.slice(1)).replace(/\/$/, "");
      claims.claim(path, component);
      const place = moved(path);
      if (place !== undefined) claims.claim(place, component);
    }
  }
}
