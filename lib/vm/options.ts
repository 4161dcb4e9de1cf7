import type { Arguments } from "../cli/args.ts";
import { exit, Failure } from "../system/errors.ts";
import { parseSize } from "../system/size.ts";
import { type DiskOptions, usualDisk } from "./disk/disk.ts";
import { filesystems } from "./disk/root-fs.ts";
import { type Port, parsePort } from "./ports.ts";

/** What a command line asks of a disk. @throws Failure (usage) */
export function diskWish(args: Arguments): DiskOptions {
  const named = args.value("filesystem") ?? usualDisk.filesystem;
  const filesystem = filesystems.find((name) => name === named);
  if (!filesystem)
    throw new Failure(exit.usage, `no root file system can be ${named}`, {
      choices: [`there are: ${filesystems.join(" ")}`],
    });
  const size = args.value("size");
  for (const karg of args.values("karg"))
    if (!/^[!-~]+$/.test(karg))
      throw new Failure(exit.usage, `\`${karg}\` is no kernel argument: it has a space or worse`);
  return {
    ...usualDisk,
    filesystem,
    kargs: args.values("karg"),
    format: args.has("qcow2") ? "qcow2" : "raw",
    boot: args.has("uki") ? "uki" : "systemd-boot",
    ...(size === undefined ? {} : { size: parseSize(size) }),
  };
}

/** What a command line asks of a virtual machine. */
export interface MachineWish {
  name: string | undefined;
  memory: number;
  cpus: number;
  ports: Port[];
  credentials: Record<string, string>;
  share: string | undefined;
  tpm: boolean;
  secureBoot: boolean;
  ephemeral: boolean;
  detached: boolean;
  /** Seconds. */
  patience: number;
  screenshot: string | undefined;
  /** Root is logged in on what the reader sees. */
  autologin: boolean;
  /** What the reader sees of it; `window` where nothing is said and a display is there. */
  show: "console" | "ssh" | "window" | "nothing";
  command: string[];
}

/** "NAME=VALUE"; the value may be anything. */
function credential(text: string): [string, string] {
  const [, name, value] = /^([\w.@-]+)=(.*)$/s.exec(text) ?? [];
  if (name !== undefined && value !== undefined) return [name, value];
  throw new Failure(exit.usage, `\`${text}\` is no credential`, {
    tried: ["NAME=VALUE, such as passwd.hashed-password.root=…"],
  });
}

/** @throws Failure (usage) for what cannot be, or not together. */
export function machineWish(args: Arguments): MachineWish {
  const views = ["console", "ssh", "detach"].filter((name) => args.has(name));
  if (views.length > 1)
    throw new Failure(exit.usage, `--${views[0]} and --${views[1]} do not go together`, {
      next: "start it with -d, then: bun run vm ssh NAME",
    });
  if (args.rest.length && !args.has("ssh"))
    throw new Failure(exit.usage, "a command after -- is run by --ssh", { next: "put --ssh before the --" });
  const headless = args.has("detach") || args.value("screenshot") !== undefined;
  return {
    name: args.value("name"),
    memory: args.has("memory") ? memory(args.value("memory") ?? "") : 2048,
    cpus: args.count("cpus", 2),
    ports: args.values("port").map(parsePort),
    credentials: Object.fromEntries(args.values("credential").map(credential)),
    share: args.value("share"),
    tpm: args.has("tpm"),
    secureBoot: args.has("secure-boot"),
    ephemeral: args.has("ephemeral"),
    detached: args.has("detach"),
    patience: args.count("patience", 300),
    screenshot: args.value("screenshot"),
    autologin: false,
    show: args.has("console") ? "console" : args.has("ssh") ? "ssh" : headless ? "nothing" : "window",
    command: args.rest,
  };
}

/** "2048" or "4GB" → MiB. */
function memory(text: string): number {
  const mib = /^\d+$/.test(text) ? Number(text) : Math.floor(parseSize(text) / 2 ** 20);
  if (mib >= 128) return mib;
  throw new Failure(exit.usage, `--memory: ${text} is too little for any system`, {
    tried: ["MiB, or such as 4GB; at least 128"],
  });
}
