import { paintOut, print, printJson, table } from "../../system/output.ts";
import type { StepResult } from "../../system/steps.ts";
import { type Pin, pinsFile } from "../../tools/pins.ts";
import type { LookedUp } from "./update.ts";

/** Enough of a digest or commit to tell two apart. */
const short = (pin: string) => pin.replace(/^sha256:/, "").slice(0, 12);

/** How many days ago a pin was looked up, in words. Pure. */
export function age(day: string | undefined, now: number): string {
  if (day === undefined) return "not pinned";
  const days = Math.max(0, Math.floor((now - Date.parse(day)) / 86_400_000));
  return days === 0 ? "today" : `${days} day${days === 1 ? "" : "s"} ago`;
}

/** Every pin with its age, as a table for people. Pure but for colours. */
export function showPins(pins: Pin[], now: number): string {
  if (pins.length === 0) return `no pins in ${pinsFile}, and nothing that needs one`;
  const rows = pins.map(({ address, pin, day }) => [address, pin ? short(pin) : "-", age(day, now)]);
  const open = pins.filter(({ pin }) => !pin).length;
  const rest = open ? `\n${open} not pinned: a build takes what is there that day. bun run pins --update` : "";
  return table(rows, (cell) => (cell === "not pinned" ? paintOut.yellow(cell) : cell)) + rest;
}

/** What an update came to. */
export function reportNews(results: StepResult<LookedUp>[], json: boolean): void {
  const rows = results.map((result) => {
    if (result.state !== "done") return { address: result.id, state: "not looked up", before: null, now: null };
    const { pin, now } = result.value;
    return { address: pin.address, state: pin.pin === now ? "as before" : "new", before: pin.pin ?? null, now };
  });
  if (json) {
    printJson({ pins: rows });
    return;
  }
  const cells = rows.map(({ address, state, before, now }) => [
    address,
    state,
    state === "new" && now ? `${before ? `${short(before)} -> ` : ""}${short(now)}` : "",
  ]);
  print(table(cells));
}
