import { existsSync } from "node:fs";
import { Failure } from "../system/errors.ts";
import { type Answer, askRegistry, type Memory, type Space } from "../system/machine.ts";
import { statePath } from "../system/project.ts";
import type { ToolHealth } from "./health.ts";
import { podman } from "./podman.ts";
import { podmanFailureIn } from "./podman-failures.ts";
import { idFiles, rangeCommand } from "./rootless.ts";
import type { ToolboxHealth } from "./toolbox-health.ts";

/** Everything that `bun run doctor` found out; `--json` prints it as it is. */
export interface Checkup {
  good: boolean;
  /** The family's name; null where its manifest has mistakes. */
  family: string | null;
  tools: (ToolHealth & { remark?: string })[];
  toolboxes: ToolboxHealth[];
  /** `fix`: the command that fixes it; null where it works. */
  podman: { works: boolean; graphRoot: string | null; because: string; fix: string | null };
  /** Images that podman cannot use any more, and that make commands fail. */
  broken: { image: string; fix: string }[];
  /** Published images that the machines of the family cannot read. */
  unreadable: { image: string; because: string; fix: string }[];
  registries: Answer[];
  cpu: string;
  arches: { name: string; missing: string[] }[];
  kvm: { state: string; because: string };
  disk: Space[];
  memory: Memory;
}

/** podman info answers then, with a warning; the first image cannot be unpacked. */
const withoutRange = "this user has no range of user numbers for containers (/etc/subuid, /etc/subgid)";

/** What to do where the command is not known. */
const byItself = "podman info: see what podman says by itself";

/** Whether podman gets as far as its storage, and where that is. */
export async function podmanHealth(): Promise<Checkup["podman"]> {
  try {
    const { code, stdout, said } = await podman(["info", "--format", "{{.Store.GraphRoot}}"]);
    const own = existsSync(statePath("containers.conf")) ? ", with settings that Slipway wrote for this machine" : "";
    const range = rangeCommand(idFiles());
    if (code === 0 && range !== undefined)
      return { works: false, graphRoot: stdout.trim(), because: withoutRange, fix: range };
    if (code === 0) return { works: true, graphRoot: stdout.trim(), because: `podman info answers${own}`, fix: null };
    const failure = podmanFailureIn(said);
    const words = said.trim().split("\n").at(-1) ?? "";
    // what doctor fixes, it does not send to doctor
    const isHere = failure?.next.startsWith("bun run doctor");
    const fix = (isHere ? undefined : failure?.next) ?? byItself;
    return { works: false, graphRoot: null, because: failure ? `${failure.means} (${words})` : words, fix };
  } catch (error) {
    if (error instanceof Failure)
      return { works: false, graphRoot: null, because: error.message, fix: error.details.next ?? byItself };
    throw error;
  }
}

/** Which registries answer, asked side by side. @param images names of images or namespaces */
export function askRegistries(images: string[]): Promise<Answer[]> {
  const names = [...new Set(images.map((name) => name.split("/")[0] ?? ""))];
  return Promise.all(names.map((registry) => askRegistry(registry)));
}
