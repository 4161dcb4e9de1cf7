import { existsSync } from "node:fs";
import { exit, Failure } from "../system/errors.ts";
import { type Answer, askRegistry, type Memory, type Space } from "../system/machine.ts";
import { bytes, paintOut, print, printJson, table } from "../system/output.ts";
import { statePath } from "../system/project.ts";
import { type State, spaceHealth, type ToolHealth } from "./health.ts";
import { podman } from "./podman.ts";
import { podmanFailureIn } from "./podman-failures.ts";
import { idFiles, rangeCommand } from "./rootless.ts";
import { type ToolboxHealth, toolboxRows } from "./toolbox-health.ts";

/** Everything that `bun run doctor` found out; `--json` prints it as it is. */
export interface Checkup {
  good: boolean;
  /** The family's name; null where its manifest has mistakes. */
  family: string | null;
  tools: (ToolHealth & { remark?: string })[];
  toolboxes: ToolboxHealth[];
  /** `mend`: the command that fixes it, where its words are known. */
  podman: { works: boolean; graphRoot: string | null; because: string; mend: string | null };
  /** Images that podman cannot use any more, and that make commands fail. */
  broken: { image: string; mend: string }[];
  /** Published images that the machines of the family cannot read. */
  unreadable: { image: string; because: string; fix: string }[];
  registries: Answer[];
  cpu: string;
  arches: { name: string; missing: string[] }[];
  kvm: { state: string; because: string };
  disk: Space[];
  memory: Memory;
}

const marks: Record<State, string> = {
  good: paintOut.green("✓"),
  note: paintOut.yellow("–"),
  missing: paintOut.red("✗"),
};

function section(title: string, rows: [State, ...string[]][]): string {
  const body = table(rows.map(([state, ...cells]) => [marks[state], ...cells])).replaceAll(/^/gm, "  ");
  return `${paintOut.bold(title)}\n${body}\n\n`;
}

/** podman info answers then, with a warning; the first image cannot be unpacked. */
const withoutRange = "this user has no range of user numbers for containers (/etc/subuid, /etc/subgid)";

/** Whether podman gets as far as its storage, and where that is. */
export async function podmanHealth(): Promise<Checkup["podman"]> {
  try {
    const { code, stdout, said } = await podman(["info", "--format", "{{.Store.GraphRoot}}"]);
    const own = existsSync(statePath("containers.conf")) ? ", with settings of our own for this machine" : "";
    const range = rangeCommand(idFiles());
    if (code === 0 && range !== undefined)
      return { works: false, graphRoot: stdout.trim(), because: withoutRange, mend: range };
    if (code === 0) return { works: true, graphRoot: stdout.trim(), because: `podman info answers${own}`, mend: null };
    const failure = podmanFailureIn(said);
    const words = said.trim().split("\n").at(-1) ?? "";
    // what doctor fixes, it does not send to doctor
    const isHere = failure?.next.startsWith("bun run doctor");
    const mend = isHere ? null : (failure?.next ?? "see what podman says by itself: podman info");
    return { works: false, graphRoot: null, because: failure ? `${failure.means} (${words})` : words, mend };
  } catch (error) {
    if (error instanceof Failure)
      return { works: false, graphRoot: null, because: error.message, mend: error.details.next ?? null };
    throw error;
  }
}

/** Which registries answer, asked side by side. @param images names of images or namespaces */
export function askRegistries(images: string[]): Promise<Answer[]> {
  const names = [...new Set(images.map((name) => name.split("/")[0] ?? ""))];
  return Promise.all(names.map((registry) => askRegistry(registry)));
}

function registryRow({ registry, answers, because }: Answer): [State, string, string] {
  return [answers ? "good" : "note", registry, answers ? "answers" : `does not answer: ${because}`];
}

/** @returns the command's exit code */
export function reportCheckup(checkup: Checkup, json: boolean): number {
  if (json) printJson(checkup);
  else showCheckup(checkup);
  return checkup.good ? exit.done : exit.missing;
}

/** The checkup for people: tools, machine, and the commands that mend what is missing. */
function showCheckup(c: Checkup): void {
  const { tools } = c;
  print(
    section(
      "Tools",
      tools.map((h) => [h.state, h.name, h.version ?? "", h.range, h.from, h.purpose]),
    ),
  );
  const remarks = tools.flatMap((h) => (h.remark ? [`  ${h.name}: this machine's will not do: ${h.remark}`] : []));
  if (remarks.length) print(`${remarks.join("\n")}\n`);
  print(section("Toolboxes", c.toolboxes.flatMap(toolboxRows)));
  print(
    section("Machine", [
      [c.podman.works ? "good" : "missing", "podman", c.podman.because],
      ...c.broken.map(({ image }): [State, string, string] => ["missing", "broken image", image]),
      ...c.unreadable.map(({ image, because }): [State, string, string] => ["missing", image, because]),
      ["good", "CPU", c.cpu],
      ...(c.family
        ? []
        : [["note", "arches", "the manifest has mistakes: bun run lint"] satisfies [State, string, string]]),
      ...c.arches.map(({ name, missing }): [State, string, string] => [
        missing.length ? "note" : "good",
        `arch ${name}`,
        missing.length ? `does not run here: the CPU lacks ${missing.join(" ")}` : "runs here",
      ]),
      [c.kvm.state === "works" ? "good" : "note", "KVM", `${c.kvm.state}: ${c.kvm.because}`],
      ["good", "memory", `${bytes(c.memory.available)} available of ${bytes(c.memory.total)}`],
      ...c.disk.map((place): [State, string, string] => {
        const { state, text } = spaceHealth(place);
        return [state, place.path, text];
      }),
      ...c.registries.map(registryRow),
    ]),
  );
  const rows = fixes(c);
  if (rows.length) print(section("How to fix it", rows));
  if (c.good) print("Everything that is needed is here.");
}

/** What fixes what, each command once. */
function fixes({ tools, podman, broken, unreadable }: Checkup): [State, string, string][] {
  const all: [State, string, string | null][] = [
    ...tools.map((h): [State, string, string | null] => [h.state, h.name, h.state === "good" ? null : h.mend]),
    ["missing", "podman", podman.mend],
    ...broken.map(({ mend }): [State, string, string] => ["missing", "broken image", mend]),
    ...unreadable.map(({ image, fix }): [State, string, string] => ["missing", image, fix]),
  ];
  const commands = new Set<string>();
  return all.flatMap(([state, name, command]) => {
    if (command === null || commands.has(command)) return [];
    commands.add(command);
    return [[state, name, command]];
  });
}
