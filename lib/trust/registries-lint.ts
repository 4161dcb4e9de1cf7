import { parse } from "yaml";
import type { PolicyHole } from "./policy-lint.ts";

/**
 * Why a machine would not find the signatures of the family's images, and so refuse them all.
 * Format: containers-registries.d(5). Every file of the folder is read; the most specific scope counts, and a scope that two
 * files name makes all of them unreadable.
 */

export interface RegistriesFile {
  name: string;
  text: string;
}

type Scopes = Record<string, { "use-sigstore-attachments"?: unknown } | null>;

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function scopesOf({ text }: RegistriesFile): Scopes | undefined {
  try {
    const value: unknown = parse(text);
    if (value === null) return {};
    if (!isMap(value)) return undefined;
    const { docker = {} } = value;
    return isMap(docker) ? (docker as Scopes) : undefined;
  } catch {
    return undefined;
  }
}

/** From the namespace itself up to its host. */
function scopesAbove(namespace: string): string[] {
  const parts = namespace.split("/");
  return parts.map((_, i) => parts.slice(0, parts.length - i).join("/"));
}

const wanted = "use-sigstore-attachments";

/** All holes of a registries.d; none means that signatures of the namespace are looked for. */
export function registriesHoles(files: RegistriesFile[], namespace: string): PolicyHole[] {
  const holes: PolicyHole[] = [];
  const defined = new Map<string, { name: string; attachments: boolean }>();
  for (const file of files) {
    const scopes = scopesOf(file);
    if (!scopes) {
      holes.push({
        where: file.name,
        what: "not a registries.d file",
        next: `docker: {${namespace}: {${wanted}: true}}`,
      });
      continue;
    }
    for (const [scope, says] of Object.entries(scopes)) {
      const other = defined.get(scope);
      if (other)
        holes.push({
          where: `${file.name}: ${scope}`,
          what: `${other.name} speaks of it too, and no tool reads the folder then`,
          next: "one file for a scope",
        });
      defined.set(scope, { name: file.name, attachments: says?.[wanted] === true });
    }
  }
  const next = `${namespace}: {${wanted}: true}`;
  const [nearest] = scopesAbove(namespace).filter((scope) => defined.has(scope));
  if (nearest === undefined || !defined.get(nearest)?.attachments)
    holes.push({
      where: nearest === undefined ? "registries.d" : `${defined.get(nearest)?.name}: ${nearest}`,
      what: `signatures of ${namespace} are not looked for: every image of it is refused`,
      next,
    });
  for (const [scope, { name, attachments }] of defined)
    if (scope.startsWith(`${namespace}/`) && !attachments)
      holes.push({
        where: `${name}: ${scope}`,
        what: "signatures of this image are not looked for: it is refused",
        next,
      });
  return holes;
}
