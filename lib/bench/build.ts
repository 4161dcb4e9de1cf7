import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bytes } from "../system/output.ts";
import { toolRoot } from "../system/project.ts";
import { byTurns, once } from "./measure.ts";

/** One line of docs/benchmarks.md. */
export interface Figure {
  what: string;
  figure: string;
  goal: string;
  /** The same, beside something to compare it with in the same run. */
  beside: string;
}

const bun = process.execPath;
const script = (name: string) => join(toolRoot, "scripts", `${name}.ts`);
export const ms = (n: number) => `${n.toFixed(0)} ms`;
export const ratio = (a: number, b: number, peer: string) => `${(a / b).toFixed(1)} × ${peer} (${ms(b)})`;

/** Start-up of the tool, whole processes. */
export async function startUp(): Promise<Figure[]> {
  const [dry, list, empty, viaRun, viaBun] = await byTurns(20, [
    { argv: [bun, script("build"), "amd64", "minimal", "--dry-run"] },
    { argv: ["podman", "image", "ls", "--format", "json"] },
    { argv: [bun, "--eval", "1"] },
    { argv: [join(toolRoot, "run"), "matrix"] },
    { argv: [bun, "run", "matrix"] },
  ]);
  if (!dry || !list || !empty || !viaRun || !viaBun) return [];
  return [
    {
      what: "`build amd64 minimal --dry-run`",
      figure: ms(dry.ms),
      goal: "60 ms",
      beside: `${ratio(dry.ms, empty.ms, "an empty Bun script")}; podman's listing, which it asks for, takes ${ms(list.ms)}`,
    },
    {
      what: "its memory at the peak",
      figure: bytes(dry.memory),
      goal: "80 MB",
      beside: `${bytes(empty.memory)} for an empty Bun script`,
    },
    {
      what: "a second `./run` adds to `bun run`",
      figure: ms(viaRun.ms - viaBun.ms),
      goal: "50 ms",
      beside: ratio(viaRun.ms, viaBun.ms, "`bun run matrix`"),
    },
  ];
}

/** A podman storage and a project of their own, so that nothing is there yet. */
function coldPlace(): { env: Record<string, string>; remove(): Promise<void> } {
  const root = mkdtempSync(join(tmpdir(), "slipway-bench-"));
  const keys = readdirSync(toolRoot).filter((name) => name.endsWith(".pub"));
  for (const part of ["flavors", "overlays", "containerfiles", ...keys, ".containerignore"])
    cpSync(join(toolRoot, part), join(root, part), { recursive: true });
  const conf = join(root, "storage.conf");
  writeFileSync(conf, `[storage]\ndriver = "overlay"\ngraphroot = "${root}/graph"\nrunroot = "${root}/runroot"\n`);
  mkdirSync(join(root, "graph"));
  const env = { CONTAINERS_STORAGE_CONF: conf, SLIPWAY_PROJECT: root, SOURCE_DATE_EPOCH: "1700000000" };
  const remove = async () => {
    await once(["podman", "rmi", "--all", "--force"], env);
    rmSync(root, { recursive: true, force: true });
  };
  return { env, remove };
}

/** The first build of `minimal` on a fresh machine, and one more with nothing to do. */
export async function builds(): Promise<Figure[]> {
  const { env, remove } = coldPlace();
  try {
    const cold = await once([bun, script("build"), "amd64", "minimal"], env);
    const [idle] = await byTurns(5, [{ argv: [bun, script("build"), "amd64", "all"], env }]);
    return [
      {
        what: "cold `build amd64 minimal`, Debian root included",
        figure: `${(cold.ms / 1000).toFixed(0)} s`,
        goal: "90 s",
        beside: "–",
      },
      { what: "the tool's own memory meanwhile", figure: bytes(cold.memory), goal: "80 MB", beside: "–" },
      {
        what: "`build amd64 all` with nothing to do",
        figure: ms(idle?.ms ?? 0),
        goal: "500 ms",
        beside: ratio(cold.ms, idle?.ms ?? 1, "less than cold: idle"),
      },
    ];
  } finally {
    await remove();
  }
}
