import type { Files } from "../layers/content.ts";
import { inTurns } from "../layers/turns.ts";
import type { Claims } from "./owner.ts";

/** Source: pacman's local database, alpm-db(7). */
const places = ["usr/lib/sysimage/lib/pacman/local", "usr/lib/pacman/local", "var/lib/pacman/local"];

/** The lines below `%NAME%`. */
function* section(lines: Iterable<string>, name: string): Generator<string> {
  let inside = false;
  for (const line of lines) {
    if (inside && line === "") return;
    if (inside) yield line;
    if (line === `%${name}%`) inside = true;
  }
}

export async function pacmanOwners(files: Files, claims: Claims): Promise<void> {
  const place = places.find((p) => files.names(p).length > 0);
  if (place === undefined) return;
  for (const folder of files.names(place)) {
    const desc = `${place}/${folder}/desc`;
    const first = (name: string): string | undefined => section(files.lines(desc), name).next().value ?? undefined;
    const name = first("NAME");
    if (name === undefined) continue;
    const component = `pacman/${first("BASE") ?? name}`;
    claims.installed(name, first("VERSION") ?? "", component);
    claims.built(component, Number(first("BUILDDATE")));
    for (const own of files.names(`${place}/${folder}`)) claims.claim(`${place}/${folder}/${own}`, component);
    await inTurns(section(files.lines(`${place}/${folder}/files`), "FILES"), (line) =>
      claims.claim(line.replace(/\/$/, ""), component),
    );
  }
}
