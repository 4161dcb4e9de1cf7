import { createReadStream, createWriteStream, existsSync, mkdirSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createZstdCompress, createZstdDecompress } from "node:zlib";
import { exit, Failure } from "../../../system/errors.ts";
import { unlessInterruptedBy } from "../../../system/interrupt.ts";
import { bytes } from "../../../system/output.ts";
import { at, flush } from "../machine.ts";
import { places } from "../plan.ts";
import type { Job, Step } from "./step.ts";

/** What /etc is before anything in it changes, in one file that ordinary tools unpack. A rollback leaves it where it is. */

const attempts = 3;

/** @returns tar's exit code and what it said */
async function ended(job: Job, child: Bun.ReadableSubprocess | Bun.Subprocess<"pipe", "pipe", "pipe">) {
  const said = await new Response(child.stderr).text();
  job.journal.log(said.trim() || "tar: well");
  const code = await child.exited;
  await unlessInterruptedBy({ code, signal: child.signalCode });
  return { code, said };
}

const tar = (job: Job, ...words: string[]) => ["tar", ...words, "--numeric-owner", `--directory=${job.machine.root}/`];

async function write(job: Job, file: string): Promise<{ code: number; said: string }> {
  const words = tar(job, "--create", "--sort=name", "--xattrs", "--xattrs-include=*", "--acls", "--file=-");
  // Not by zx: bytes flow through this process in a stream, and zx would keep them all.
  const child = Bun.spawn([...words, "etc"], { stdin: "ignore", stdout: "pipe", stderr: "pipe", env: process.env });
  const end = ended(job, child);
  const from = Readable.fromWeb(child.stdout as never);
  await pipeline(from, createZstdCompress(), createWriteStream(file, { mode: 0o600 }));
  return end;
}

/** What was written is read back, and compared with what is there. */
async function compare(job: Job, file: string): Promise<{ code: number; said: string }> {
  // Not by zx: bytes flow through this process in a stream, and zx would keep them all.
  const child = Bun.spawn(tar(job, "--compare", "--file=-"), {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "pipe",
    env: process.env,
  });
  const differs = new Response(child.stdout).text();
  const end = ended(job, child);
  try {
    for await (const chunk of createReadStream(file).pipe(createZstdDecompress())) {
      child.stdin.write(chunk);
      await child.stdin.flush();
    }
  } finally {
    await child.stdin.end();
  }
  const { code, said } = await end;
  return { code, said: said + (await differs) };
}

export const backup: Step = {
  id: "backup",
  phase: "Back up /etc",
  title: "backup of /etc, read back and compared",
  async run(job) {
    const { backup: path } = places(job.plan);
    const file = at(job.machine, path);
    const temporary = `${file}.part`;
    if (!existsSync(file)) {
      mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
      let outcome = { code: 1, said: "" };
      // A service may write to /etc just now.
      for (let n = 0; n < attempts && outcome.code !== 0; n++) {
        rmSync(temporary, { force: true });
        outcome = await write(job, temporary);
        if (outcome.code === 0) outcome = await compare(job, temporary);
      }
      if (outcome.code !== 0)
        throw new Failure(exit.failed, "the backup of /etc is not what is in /etc", {
          tried: outcome.said.trim().split("\n").slice(-3),
          next: "nothing but the backup was written; make room if that is what lacks, then run this again",
          log: job.journal.logFile,
        });
      flush(temporary);
      renameSync(temporary, file);
      flush(dirname(file));
    }
    return `/etc as it was: ${path} (${bytes(statSync(file).size)})`;
  },
};
