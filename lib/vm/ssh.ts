import { copyFileSync, existsSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { exit, Failure } from "../system/errors.ts";
import { quote, run } from "../system/shell.ts";
import { findTool, tool } from "../tools/tools.ts";

/** What ssh itself ends with, as against the command that it ran. Source: ssh(1), "EXIT STATUS". */
export const sshFailed = 255;

/**
 * The key pair of a machine, made at its first start and kept beside its disk: systemd writes the credential's key where none
 * lies yet, so a kept disk knows the first one for good.
 * @param folder of the running machine, which gets a copy. @returns the public half.
 */
export async function machineKey(folder: string): Promise<string> {
  const kept = join(folder, "../key");
  if (!existsSync(kept) || !existsSync(`${kept}.pub`)) await makeKey(kept, folder);
  for (const end of ["", ".pub"]) copyFileSync(`${kept}${end}`, join(folder, `key${end}`));
  return readFileSync(`${kept}.pub`, "utf8");
}

async function makeKey(path: string, work: string): Promise<void> {
  const made = join(work, "new-key");
  const words = (await tool("ssh", { cwd: work })).slice(0, -1);
  const argv = [...words, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "slipway", "-f", made];
  const { code, said } = await run(argv);
  if (code !== 0 || !existsSync(made))
    throw new Failure(exit.failed, "no ssh key was made for the machine", { tried: ["ssh-keygen", said.trim()] });
  for (const end of [".pub", ""]) renameSync(`${made}${end}`, `${path}${end}`);
}

/**
 * The words of ssh to a machine, to be followed by a command.
 * One connection is kept for all commands where ssh is this machine's own: on an emulated CPU each costs a second.
 * @param folder of the running machine; ssh runs there, for a socket's path may not be long.
 */
export async function sshWords(folder: string, port: number, terminal: boolean): Promise<string[]> {
  const onHost = (await findTool("ssh")).place === "host";
  const words = await tool("ssh", { cwd: folder, stdin: true });
  const options = {
    IdentityFile: "key",
    IdentitiesOnly: "yes",
    UserKnownHostsFile: "known_hosts",
    // a new machine has a new key each time; it is the same one as long as it runs
    StrictHostKeyChecking: "accept-new",
    BatchMode: "yes",
    ConnectTimeout: "10",
    ServerAliveInterval: "15",
    ServerAliveCountMax: "8",
    LogLevel: "ERROR",
    ...(onHost ? { ControlMaster: "auto", ControlPath: "ssh.sock", ControlPersist: "yes" } : {}),
  };
  const flags = Object.entries(options).flatMap(([name, text]) => ["-o", `${name}=${text}`]);
  const interactive = terminal && !onHost ? words.map((w) => (w === "--interactive" ? "-it" : w)) : words;
  return [
    ...interactive,
    "-F",
    "none",
    ...flags,
    "-p",
    String(port),
    ...(terminal ? ["-t"] : ["-T"]),
    "root@127.0.0.1",
  ];
}

/** A command for the guest's shell: each word as it is; a single one is a line of shell, as people know it of ssh. */
export function remoteLine(words: readonly string[]): string[] {
  const [only = "", ...more] = words;
  if (more.length) return ["--", words.map(quote).join(" ")];
  return only ? ["--", only] : [];
}
