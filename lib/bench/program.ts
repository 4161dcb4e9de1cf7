import { mkdtempSync, rmSync, statSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compileWords } from "../builders/containerfile/context.ts";
import { namesOf } from "../system/machine-names.ts";
import { bytes } from "../system/output.ts";
import { toolRoot } from "../system/project.ts";
import { type Figure, ms, ratio } from "./build.ts";
import { byTurns, once } from "./measure.ts";

/** The program of people's machines: how soon it answers, what it weighs in an image and in a download. */
export async function machineProgram(): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), "slipway-bench-"));
  try {
    const program = join(folder, "program");
    const compiling = await once(compileWords(program, namesOf({ name: "bench", title: "Bench" })), {}, toolRoot);
    symlinkSync("program", join(folder, "bench-update"));
    const [update, empty] = await byTurns(20, [
      { argv: [join(folder, "bench-update"), "--help"] },
      { argv: [process.execPath, "--eval", "1"] },
    ]);
    if (!update || !empty) return [];
    const packed = Bun.zstdCompressSync(await Bun.file(program).bytes(), { level: 3 }).length;
    return [
      {
        what: "`bench-update --help`",
        figure: ms(update.ms),
        goal: "40 ms",
        beside: ratio(update.ms, empty.ms, "an empty Bun script"),
      },
      {
        what: "its memory at the peak",
        figure: bytes(update.memory),
        goal: "80 MB",
        beside: `${bytes(empty.memory)} for an empty Bun script`,
      },
      {
        what: "size in an image",
        figure: bytes(statSync(program).size),
        goal: "–",
        beside: `${bytes(packed)} as zstd, level 3; Bun alone is ${bytes(statSync(process.execPath).size)}`,
      },
      { what: "compiling it", figure: `${(compiling.ms / 1000).toFixed(1)} s`, goal: "–", beside: "–" },
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
