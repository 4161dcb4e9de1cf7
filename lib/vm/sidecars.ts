import { existsSync, mkdirSync, readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { exit, Failure } from "../system/errors.ts";
import type { Progress } from "../system/steps.ts";
import { tool } from "../tools/tools.ts";

/**
 * The programs beside QEMU. Each listens on a socket in the machine's run folder, leaves its number there, and ends when QEMU
 * hangs up.
 */
const programs = {
  tpm: { socket: "tpm.sock", pid: "tpm.pid", name: "swtpm" },
  share: {
    ...{ socket: "share.sock", pid: "share.sock.pid", name: "virtiofsd" },
    listening: /Waiting for vhost-user socket connection/,
  },
};

interface Program {
  socket: string;
  name: string;
  /** What it says when it listens; one that says nothing does so as soon as its socket is there. */
  listening?: RegExp;
}

async function start(words: string[], folder: string, { socket, name, listening }: Program): Promise<string> {
  // by file and not by pipe: it goes on when this process ends, and shall not keep it
  const log = join(folder, `${name}.log`);
  // Not by zx: it outlives this process, and writes to a file.
  const child = Bun.spawn(["setsid", ...words], {
    cwd: folder,
    stdio: ["ignore", "ignore", Bun.file(log)],
    env: process.env,
  });
  const said = () => (existsSync(log) ? readFileSync(log, "utf8") : "");
  for (let tries = 0; child.exitCode === null && tries < 400; tries++) {
    if (existsSync(join(folder, socket)) && (listening?.test(said()) ?? true)) {
      child.unref();
      return socket;
    }
    await Bun.sleep(50);
  }
  child.kill();
  throw new Failure(exit.failed, `${name} did not start`, { tried: said().trim().split("\n").slice(-3) });
}

/**
 * Starts what a machine wants beside QEMU.
 * @returns the sockets, as QEMU gets them. @throws Failure
 */
export async function startBeside(
  folder: string,
  wish: { tpm?: boolean; share?: string },
  options: { progress?: Progress },
): Promise<{ tpm?: string; share?: string }> {
  const made: { tpm?: string; share?: string } = {};
  if (wish.tpm) {
    // as seen from the machine's folder: a comma ends a path in swtpm's options, and cannot be written
    const state = "../tpm";
    mkdirSync(join(folder, state), { recursive: true });
    const { socket, pid } = programs.tpm;
    const words = await tool("swtpm", { cwd: folder, outlives: true, ...options });
    const flags = ["socket", "--tpm2", "--tpmstate", `dir=${state}`, "--ctrl", `type=unixio,path=${socket}`];
    made.tpm = await start([...words, ...flags, "--pid", `file=${pid}`, "--terminate"], folder, programs.tpm);
  }
  if (wish.share !== undefined) {
    const shared = resolve(wish.share);
    if (!statSync(shared, { throwIfNoEntry: false })?.isDirectory())
      throw new Failure(exit.usage, `${wish.share} is no folder to share`);
    const words = await tool("virtiofsd", { cwd: folder, mounts: [shared], outlives: true, ...options });
    // the sandbox needs rights that neither a container nor an ordinary user has; the guest is as trusted as its image
    const flags = [`--socket-path=${programs.share.socket}`, `--shared-dir=${shared}`, "--sandbox=none"];
    // rights that a container lacks, and a share does not need
    flags.push("--modcaps=-mknod:-dac_read_search", "--inode-file-handles=never", "--log-level=info");
    made.share = await start([...words, ...flags], folder, programs.share);
  }
  return made;
}

/** Ends the programs of a machine that is gone. */
export function endBeside(folder: string): void {
  for (const { pid: file, name } of Object.values(programs)) {
    try {
      const pid = Number(readFileSync(join(folder, file), "utf8"));
      if (pid > 1 && readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(name)) process.kill(pid, "SIGKILL");
    } catch {
      // it is not there, or ended by itself
    }
  }
}
