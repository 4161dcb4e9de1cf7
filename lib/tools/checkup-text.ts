import { exit } from "../system/errors.ts";
import { bytes, paintOut, print, printJson, printWidth, table } from "../system/output.ts";
import { foldWords } from "../system/table.ts";
import type { Checkup } from "./doctor.ts";
import { type State, spaceHealth } from "./health.ts";
import { toolboxRows } from "./toolbox-health.ts";

/** What `bun run doctor` shows: tools, machine, the command that fixes each thing that is missing, and a summary. */

type Row = [State, string, ...string[]];

const marks: Record<State, { sign: string; paint: (text: string) => string }> = {
  good: { sign: "✓", paint: paintOut.green },
  later: { sign: "–", paint: paintOut.dim },
  note: { sign: "–", paint: paintOut.yellow },
  missing: { sign: "✗", paint: paintOut.red },
};

/** The sign and the name are one cell, which stays together whatever the width. */
function section(title: string, rows: Row[], spare: number[] = []): string {
  const cells = rows.map(([state, name, ...more]) => [`  ${marks[state].sign}  ${name}`, ...more]);
  const style = (cell: string, column: number, row: number) => {
    const { sign, paint } = marks[rows[row]?.[0] ?? "good"];
    return column === 0 ? cell.replace(sign, paint(sign)) : cell;
  };
  return `${paintOut.bold(title)}\n${table(cells, style, { spare, indent: 7 })}`;
}

function machineRows(c: Checkup): Row[] {
  return [
    [c.podman.works ? "good" : "missing", "podman", c.podman.because],
    ...c.broken.map(({ image }): Row => ["missing", "broken image", image]),
    ...c.unreadable.map(({ image, because }): Row => ["missing", image, because]),
    ["good", "CPU", c.cpu],
    ...(c.family ? [] : [["note", "arches", "the manifest has mistakes: bun run lint"] satisfies Row]),
    ...c.arches.map(
      ({ name, missing }): Row =>
        missing.length
          ? ["note", `arch ${name}`, `does not run here: the CPU lacks ${missing.join(" ")}`]
          : ["good", `arch ${name}`, "runs here"],
    ),
    [c.kvm.state === "works" ? "good" : "note", "KVM", `${c.kvm.state}: ${c.kvm.because}`],
    ["good", "memory", `${bytes(c.memory.available)} available of ${bytes(c.memory.total)}`],
    ...c.disk.map((place): Row => {
      const { state, text } = spaceHealth(place);
      return [state, place.path, text];
    }),
    ...c.registries.map(
      ({ registry, answers, because }): Row => [
        answers ? "good" : "note",
        registry,
        answers ? "answers" : `does not answer: ${because}`,
      ],
    ),
  ];
}

/** For what no command of ours is known. */
const byHand = (name: string, range: string) =>
  `install ${name}${range === "*" ? "" : ` ${range}`} with the system's package manager`;

/** Each thing that is missing with the command that fixes it; things with the same command are one row. */
function fixRows({ tools, podman, broken, unreadable }: Checkup): Row[] {
  const all: [State, string, string | null][] = [
    ...tools.map(({ state, name, range, fix }): [State, string, string | null] => [
      ...([state, name, state === "missing" ? (fix ?? byHand(name, range)) : fix] as const),
    ]),
    ...(podman.works ? [] : [["missing", "podman", podman.fix] satisfies [State, string, string | null]]),
    ...broken.map(({ fix }): [State, string, string] => ["missing", "broken image", fix]),
    ...unreadable.map(({ image, fix }): [State, string, string] => ["missing", image, fix]),
  ];
  const rows = new Map<string, { state: State; names: Set<string> }>();
  for (const [state, name, command] of all) {
    if (command === null || state === "good" || state === "later") continue;
    const row = rows.get(command) ?? { state, names: new Set<string>() };
    rows.set(command, { state: row.state === "missing" ? row.state : state, names: row.names.add(name) });
  }
  return [...rows].map(([command, { state, names }]) => [state, [...names].join(", "), command]);
}

/** The command has a line to itself and is never folded: it is there to be copied. */
function fixText([state, names, command]: Row): string {
  const { sign, paint } = marks[state];
  return `  ${paint(sign)}  ${names}\n       ${command}`;
}

/** One line that holds for all rows: what is missing, else what is fetched later and what does not work here. */
function summary(c: Checkup, rows: Row[]): string {
  const names = (wanted: State) => [
    ...new Set(rows.flatMap(([state, name]) => (state === wanted && name ? name : []))),
  ];
  const missing = names("missing");
  if (missing.length) return `Missing or broken: ${missing.join(", ")}. What fixes it is above.`;
  const boxes = c.toolboxes.filter((box) => !box.built).map((box) => box.name);
  const notes = names("note");
  return [
    "Everything that is needed is here.",
    ...(boxes.length ? [`Built on first use: the toolbox ${boxes.join(" and ")}.`] : []),
    ...(notes.length ? [`To be aware of: ${notes.join(", ")}.`] : []),
  ].join(" ");
}

/** Pure but for the width of the terminal: the checkup for people. */
export function checkupText(c: Checkup): string {
  const tools = c.tools.map((h): Row => [h.state, h.name, h.version ?? "", h.range, h.from, h.purpose]);
  const remarks = c.tools.flatMap((h) =>
    h.remark ? `  ${h.name}: this machine's own cannot be used: ${h.remark}` : [],
  );
  const boxes = c.toolboxes.flatMap(toolboxRows);
  const machine = machineRows(c);
  const fixes = fixRows(c);
  const parts = [
    section("Tools", tools, [2, 4]),
    ...(remarks.length ? [remarks.join("\n")] : []),
    section("Toolboxes", boxes),
    section("Machine", machine),
    ...(fixes.length ? [`${paintOut.bold("How to fix it")}\n${fixes.map(fixText).join("\n")}`] : []),
    foldWords(summary(c, [...tools, ...boxes, ...machine]), printWidth()).join("\n"),
  ];
  return parts.join("\n\n");
}

/** @returns the command's exit code */
export function reportCheckup(checkup: Checkup, json: boolean): number {
  if (json) printJson(checkup);
  else print(checkupText(checkup));
  return checkup.good ? exit.done : exit.missing;
}
