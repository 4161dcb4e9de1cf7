import { exit, Failure } from "../../system/errors.ts";
import { bytes, say } from "../../system/output.ts";
import { commandLine, type Outcome, run } from "../../system/shell.ts";
import { readHost } from "../bootc.ts";
import type { Allowed } from "../old-image.ts";
import { asOwner, asUser, onPath } from "../root.ts";
import { lookAtOs } from "./os.ts";
import { hasUser, newFlatpaks, nothingToDo, type Part, parts } from "./parts.ts";

/** What an update would bring, part by part; nothing is changed. */
export interface Coming {
  part: string;
  state: "current" | "available" | "staged" | "unknown" | "left" | "failed";
  said: string;
  /** Bytes to download, where that can be told. */
  download?: number;
}

type Look = Omit<Coming, "part">;

const none: Look = { state: "current", said: "up to date" };

function count(names: string[], what: string): Look {
  if (names.length === 0) return none;
  return { state: "available", said: `${names.length} ${what}${names.length === 1 ? "" : "s"}: ${names.join(" ")}` };
}

async function ask(argv: string[], fine = [0]): Promise<Outcome> {
  const outcome = await run(argv);
  if (fine.includes(outcome.code)) return outcome;
  throw new Failure(exit.failed, `${commandLine(argv)} ended with exit code ${outcome.code}`, {
    tried: outcome.said.trim().split("\n").slice(-2),
  });
}

const words = (said: string) =>
  said
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean);

/** Names of devices with newer firmware. Source: `fwupdmgr get-updates --json`. */
export function firmwareNames(said: string): string[] {
  try {
    const { Devices = [] } = JSON.parse(said) as { Devices?: { Name?: string; Releases?: { Version?: string }[] }[] };
    return Devices.map(({ Name = "a device", Releases = [] }) => `${Name} ${Releases[0]?.Version ?? ""}`.trim());
  } catch {
    return [];
  }
}

const looks: Record<Part["name"], (program: string) => Promise<Look>> = {
  firmware: async (fwupdmgr) => {
    const { stdout } = await ask([fwupdmgr, "get-updates", "--json"], [0, nothingToDo]);
    return count(firmwareNames(stdout), "device");
  },
  flatpak: async (flatpak) => {
    const list = newFlatpaks(flatpak);
    const system = await ask([...list, "--system"]);
    const own = hasUser() ? (await ask(asUser([...list, "--user"]))).stdout : "";
    return count([...words(system.stdout), ...words(own)], "app");
  },
  brew: async (brew) => count(words((await ask(asOwner(brew, ["outdated", "--quiet"]))).stdout), "package"),
  distrobox: async (distrobox) => {
    const rows = words((await ask(asUser([distrobox, "list", "--no-color"]))).stdout).slice(1);
    const names = rows.flatMap((row) => row.split("|")[1]?.trim() ?? []);
    if (names.length === 0) return { state: "current", said: "no containers" };
    return { state: "unknown", said: `each would be asked when it is updated: ${names.join(" ")}` };
  },
};

async function lookAtSystem(named: boolean, allow: Allowed): Promise<Look> {
  if (!named && !(onPath("bootc") && (await readHost()).booted))
    return { state: "left", said: "this machine was not booted from an image" };
  const { state, image, digest, download } = await lookAtOs(allow);
  if (state === "current") return { state, said: `${image} is up to date` };
  if (state === "staged") return { state, said: `${image} is staged for the next boot` };
  const size = download === undefined ? {} : { download };
  return { state, said: `${image} ${digest.slice(0, 19)}, ${bytes(download ?? 0)} to download`, ...size };
}

async function lookAtPart(part: Part, named: boolean): Promise<Look> {
  const program = part.find();
  if (program !== undefined) return looks[part.name](program);
  if (!named) return { state: "left", said: "not installed" };
  throw new Failure(exit.missing, `${part.title}: not installed`);
}

/** @param named the parts that were asked for; none means everything. */
export async function checkAll(named: string[], allow: Allowed): Promise<{ coming: Coming[]; code: number }> {
  const all = named.length === 0;
  const asked = [
    ...(all || named.includes("os") ? [{ part: "os", look: () => lookAtSystem(!all, allow) }] : []),
    ...parts
      .filter((p) => all || named.includes(p.name))
      .map((p) => ({ part: p.name as string, look: () => lookAtPart(p, !all) })),
  ];
  say(`… asking what is new: ${asked.map(({ part }) => part).join(", ")}`);
  const codes = new Set<number>();
  const coming = await Promise.all(
    asked.map(async ({ part, look }): Promise<Coming> => {
      try {
        return { part, ...(await look()) };
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
        codes.add(error.code);
        return { part, state: "failed", said: error.lines().join("\n") };
      }
    }),
  );
  return { coming, code: codes.has(exit.missing) ? exit.missing : codes.size ? exit.failed : exit.done };
}
