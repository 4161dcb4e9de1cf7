import type { Files } from "../../../image/content.ts";
import type { Claims } from "./owner.ts";

/** Source: pacman's local database, alpm-db(7). */
const places = ["usr/lib/sysimage/lib/pacman/local", "usr/lib/pacman/local", "var/lib/pacman/local"];

/** The lines below `%NAME%`. */
function section(text: string, name: string): string[] {
  const lines = text.split("\n");
  const at = lines.indexOf(`%${name}%`);
  if (at < 0) return [];
  const end = lines.indexOf("", at);
  return lines.slice(at + 1, end < 0 ? undefined : end);
}

export function pacmanOwners(files: Files, claims: Claims): void {
  const place = places.find((p) => files.names(p).length > 0);
  if (place === undefined) return;
  for (const folder of files.names(place)) {
    const desc = files.text(`${place}/${folder}/desc`);
    const [name] = section(desc ?? "", "NAME");
    if (desc === undefined || name === undefined) continue;
    const component = `pacman/${section(desc, "BASE")[0] ?? name}`;
    claims.packages.set(name, component);
    claims.built(component, Number(section(desc, "BUILDDATE")[0]));
    for (const own of files.names(`${place}/${folder}`)) claims.claim(`${place}/${folder}/${own}`, component);
    for (const line of section(files.text(`${place}/${folder}/files`) ?? "", "FILES"))
      claims.claim(line.replace(/\/$/, ""), component);
  }
}
