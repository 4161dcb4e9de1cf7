import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { checkout, exec, type Said } from "./sandbox.ts";

/** Digests that are told apart at a glance. */
export const digestOf = (letter: string) => `sha256:${letter.repeat(64)}`;

export interface EntryOptions {
  transport?: string;
  signature?: string | null;
  incompatible?: boolean;
  downloadOnly?: boolean;
  /** When the image was made, as bootc reads it off its labels. */
  timestamp?: string | null;
  version?: string | null;
  /** Of the composefs backend, which keeps no signature. */
  composefs?: boolean;
}

/** What the two backends say of a deployment. As bootc 1.16.9 said it on real machines. */
export const backends = {
  ostree: (digest: string) => ({
    ...{ store: "ostreeContainer", composefs: null },
    ostree: { checksum: digest.slice(7), deploySerial: 0, stateroot: "default" },
  }),
  composefs: (digest: string) => ({
    ...{ store: null, ostree: null },
    composefs: {
      verity: digest.slice(7).repeat(2),
      ...{ bootType: "Bls", bootloader: "systemd", bootDigest: "e".repeat(64), missingVerityAllowed: false },
    },
  }),
};

/** An entry of bootc's status, as a host of today says it. */
export function entry(image: string, digest: string, options: EntryOptions = {}): object {
  const { transport = "registry", signature = "containerPolicy", incompatible = false, downloadOnly = false } = options;
  const { timestamp = null, version = null, composefs = false } = options;
  const mode = composefs || signature === null ? {} : { signature };
  return {
    image: {
      image: { image, transport, ...mode },
      ...{ version, timestamp, imageDigest: digest, architecture: "amd64" },
    },
    ...{ cachedUpdate: null, incompatible, pinned: false, downloadOnly, softRebootCapable: false },
    ...backends[composefs ? "composefs" : "ostree"](digest),
  };
}

/** bootc's whole answer. */
export function status(parts: Record<string, unknown>): Record<string, unknown> {
  const all = { booted: null, staged: null, rollback: null, rollbackQueued: false, readOnly: false, ...parts };
  const followed = (all.staged ?? all.booted) as { image?: { image?: object }; store?: string | null } | null;
  return {
    ...{ apiVersion: "org.containers.bootc/v1", kind: "BootcHost", metadata: { name: "host" } },
    spec: { bootOrder: all.rollbackQueued ? "rollback" : "default", image: followed?.image?.image ?? null },
    status: { ...all, usrOverlay: null, type: followed?.store ? "bootcHost" : null },
  };
}

/** The guard asks for the status again and again; that answer needs no Bun. */
const bootc = `if [ "$*" = "status --format=json" ] && [ ! -e "$STAND_IN_BOOTC/broken" ] && [ -z "\${STORAGE_OPTS:-}" ]; then
    echo "bootc $*" >>"$STAND_IN_BOOTC/calls"
    exec cat "$STAND_IN_BOOTC/host.json"
fi
exec '${process.execPath}' '${join(checkout, "tests/stand-in/bootc/bootc.ts")}' "$@"`;

/** A machine that is a folder: files below `root`, and a PATH whose bootc and systemctl are stand-ins that record their calls. */
export class BootcHost {
  readonly root = realpathSync(mkdtempSync(join(tmpdir(), "slipway-host-")));
  private readonly bin = join(this.root, "bin");
  private readonly bootc = join(this.root, "bootc");

  constructor(booted: Record<string, unknown> = {}) {
    mkdirSync(this.bin);
    mkdirSync(this.bootc);
    this.program("bootc", bootc);
    // the guard gives a new system time to fail; nothing fails here by itself
    this.program("sleep", "");
    // it would wait for all that other tests write to this machine's disk
    this.program("sync", "");
    this.program("systemctl", `. '${join(checkout, "tests/stand-in/bootc/systemctl")}'`);
    this.write("proc/cmdline", "BOOT_IMAGE=/vmlinuz root=LABEL=root rw ostree=/ostree/boot.1/default/0/0\n");
    this.link("/ostree/boot.1/default/0/0", "old");
    this.write("proc/sys/kernel/random/boot_id", "first-boot\n");
    this.says(status(booted));
    this.fetches({});
  }

  get env(): Record<string, string> {
    return { SLIPWAY_HOST: this.root, STAND_IN_BOOTC: this.bootc, PATH: `${this.bin}:${process.env.PATH}` };
  }

  path(name: string): string {
    return join(this.root, name);
  }

  write(name: string, content: string): this {
    mkdirSync(dirname(this.path(name)), { recursive: true });
    writeFileSync(this.path(name), content);
    return this;
  }

  /** What an `ostree=` of the command line leads to. */
  link(path: string, deployment: string): this {
    mkdirSync(this.path(`sysroot${path}/${deployment}`), { recursive: true });
    return this;
  }

  read(name: string): string {
    return existsSync(this.path(name)) ? readFileSync(this.path(name), "utf8") : "";
  }

  has(name: string): boolean {
    return existsSync(this.path(name));
  }

  remove(name = ""): void {
    rmSync(this.path(name), { recursive: true, force: true });
  }

  program(name: string, body: string): this {
    writeFileSync(join(this.bin, name), `#!/bin/sh\n${body}\n`);
    chmodSync(join(this.bin, name), 0o755);
    return this;
  }

  /** What a stand-in does, to be put into another one. */
  body(name: string): string {
    return this.read(`bin/${name}`).split("\n").slice(1).join("\n");
  }

  /** What bootc says from now on. */
  says(answer: unknown): this {
    return this.write("bootc/host.json", JSON.stringify(answer));
  }

  /** What bootc finds when it fetches, digest by image. */
  fetches(digests: Record<string, string>): this {
    return this.write("bootc/registry.json", JSON.stringify(digests));
  }

  get host(): { status: Record<string, { image: { image: { image: string }; imageDigest: string } } | null> } {
    return JSON.parse(this.read("bootc/host.json"));
  }

  /** The calls of stand-ins, questions left out. */
  get calls(): string[] {
    const all = this.read("bootc/calls").split("\n").filter(Boolean);
    return all.filter((call) => !/^bootc status|^systemctl (list-units|is-|daemon-reload)/.test(call));
  }

  get allCalls(): string[] {
    return this.read("bootc/calls").split("\n").filter(Boolean);
  }

  /** The reboot: what is staged is booted, what was booted is what a rollback leads to. */
  reboot(boot = "second-boot"): this {
    const { host } = this;
    const { booted, staged, rollback } = host.status;
    const queued = Boolean(host.status.rollbackQueued);
    const next = staged ? { booted: staged, rollback: booted } : queued ? { booted: rollback, rollback: booted } : {};
    this.says(status({ booted, rollback, ...next, staged: null }));
    this.write("proc/sys/kernel/random/boot_id", `${boot}\n`);
    return this;
  }

  /** The guard, called as its unit or as `switch` calls it. */
  guard(...args: string[]): Promise<Said> {
    const script = args[0] === "check" ? this.path("etc/slipway/guard/guard.sh") : join(checkout, "lib/host/guard.sh");
    return exec(["sh", script, ...args], this.env);
  }
}
