import { statePath } from "../system/project.ts";
import { together } from "../system/single-flight.ts";
import { readState, writeState } from "../system/state-file.ts";
import { podman } from "./podman.ts";
import { tools } from "./tool-table.ts";
import { type Box, originFile, toolboxId, toolboxReference } from "./toolbox.ts";

/** What a toolbox is made of. */
export interface Contents {
  /** The suite of its packages, such as `trixie`; undefined where it does not say. */
  suite: string | undefined;
  /** The day of the newest package lists that it was made from, as 2026-11-26. */
  day: string | undefined;
  /** Whole versions of the packages that bring tools, by package. */
  packages: Record<string, string>;
}

/** Pure: what the container below says. */
export function readContents(said: string): Contents {
  const [origin = "", ...lines] = said.split("\n");
  const [suite, day] = origin.split(" ").filter(Boolean);
  const rows = lines.map((line) => line.split(" ")).filter(([name, version]) => name && version);
  return { suite, day, packages: Object.fromEntries(rows) };
}

/** Asked in one container, once for each toolbox; its reference names its contents. */
export function toolboxContents(box: Box): Promise<Contents> {
  return together(`contents of ${box}`, () => ask(box));
}

async function ask(box: Box): Promise<Contents> {
  const reference = toolboxReference(box);
  const memory = statePath("state", `${reference.split("/").at(-1)?.replace(":", "-")}.json`);
  const id = await toolboxId(box);
  const known = readState(memory) as { id: string; contents: Contents } | undefined;
  if (known && known.id === id) return known.contents;
  const names = tools.flatMap(({ toolbox }) => toolbox ?? []);
  // dpkg-query fails if one of the names is not a package of this toolbox, but still lists all the others.
  const script = `head -n 1 ${originFile} || echo; dpkg-query --show --showformat='\${Package} \${Version}\\n' "$@" || true`;
  const { code, stdout } = await podman([
    "run",
    "--rm",
    "--network=none",
    reference,
    "sh",
    "-c",
    script,
    "sh",
    ...names,
  ]);
  const contents = readContents(stdout);
  if (code !== 0) return contents;
  writeState(memory, { id, contents });
  return contents;
}
