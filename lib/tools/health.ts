import type { Space } from "../system/machine.ts";
import { bytes } from "../system/output.ts";
import type { Found } from "./tools.ts";

/**
 * - `missing`: something needed is not there, and the doctor's exit code says so.
 * - `later`: it is not there yet, and is fetched or built on first use.
 */
export type State = "good" | "later" | "note" | "missing";

export interface ToolHealth {
  name: string;
  state: State;
  /** Where it comes from, in words. */
  from: string;
  version: string | null;
  range: string;
  purpose: string;
  /** The command that fixes it. */
  fix: string | null;
}

function from(found: Found): string {
  if (found.place === "host") return found.path;
  if (found.place === "missing") return "missing";
  return found.built ? "toolbox" : "toolbox, on first use";
}

/**
 * What a place where a tool was found means.
 * @param circumstances.offline a base has to be made here, since no registry gives it
 */
export function toolHealth(
  found: Found,
  fix: string | undefined,
  circumstances: { offline: boolean },
): ToolHealth & { remark?: string } {
  const { name, need, range, purpose } = found.tool;
  const wanted = need === "needed" || (need === "offline" && circumstances.offline);
  const isThere = found.place === "host" || (found.place === "toolbox" && found.built);
  const absent = found.place === "toolbox" ? "later" : wanted ? "missing" : "note";
  const instead = found.place === "host" ? undefined : found.instead;
  return {
    name,
    state: isThere ? "good" : absent,
    from: from(found),
    version: found.version ?? null,
    range,
    purpose,
    fix: found.place === "missing" ? (fix ?? null) : null,
    ...(instead === undefined ? {} : { remark: instead }),
  };
}

/** Less than this, and a large image does not fit (the largest of the family unpack to some 12 GB, twice while building). */
const roomForImages = 25e9;

export function spaceHealth(space: Space, wanted = roomForImages): { state: State; text: string } {
  const text = `${bytes(space.free)} free of ${bytes(space.total)}`;
  if (space.free >= wanted) return { state: "good", text };
  return { state: "note", text: `${text}; a large image takes up to ${bytes(wanted)} (bun run clean makes room)` };
}
