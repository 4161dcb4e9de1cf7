// needs: toolbox minimal
// reaches: build boot-vm disk vm clean flavors/ overlays/ containerfiles/
import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "../../lib/vm/ports.ts";
import { MachineProject, minimal, patience } from "../support/machines.ts";
import { checkout, exec } from "../support/sandbox.ts";

// The commands on virtual machines as a user types them, without a terminal. Boots are dear here, so each is asked much.

const project = new MachineProject();
const shared = join(project.root, "shared");
const minutes = 60_000;

/** A machine's own QEMU, on a display that does not answer: that is reported when the machine has long been started. */
const qemuWithoutDisplay = `#!/bin/sh
case $* in
    *--version*) echo QEMU emulator version 10.0.8 ;;
    *gtk*) echo $$ >pid; : >qmp.sock; sleep 2; echo gtk initialization failed >&2; exit 1 ;;
    *) exit 3 ;;
esac
`;

/** A command that is not waited for. */
function start(name: string, ...words: string[]) {
  return Bun.spawn([process.execPath, join(checkout, "scripts", `${name}.ts`), ...words], {
    cwd: checkout,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...project.env },
  });
}

async function until(what: () => boolean): Promise<void> {
  for (let tries = 0; tries < 1200; tries++) {
    if (what()) return;
    await Bun.sleep(100);
  }
  throw new Error("it never came");
}

const inside = (name: string, line: string) => project.must("vm", "ssh", name, "--", "sh", "-c", line);
const pidOf = (name: string) => Number(readFileSync(join(project.root, ".slipway/vm", name, "run/pid"), "utf8"));

/** What a server says first. */
async function greeting(port: number): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const connection = await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: { data: (_, bytes) => resolve(bytes.toString()), close: () => resolve("it hung up") },
  });
  const said = await promise;
  connection.end();
  return said;
}

beforeAll(async () => {
  await project.takeMinimal();
  await project.must("build", "amd64", "minimal");
  mkdirSync(shared);
  writeFileSync(join(shared, "file"), "from outside\n");
}, 20 * minutes);

afterEach(() => project.endMachines(), 2 * minutes);

afterAll(() => project.end(), 2 * minutes);

test(
  "a machine that runs on: found by name, talked to, stopped in order; what was written is there the next time",
  async () => {
    const port = freePort();
    const words = ["amd64", "minimal", "-d", "--name", "kept", "--json", ...patience];
    const more = [
      ...["--tpm", "--share", shared, "--credential", "my.secret=one,two=three", "--karg", "slipway.test=1"],
      ...["--port", `${port}:22`, "--memory", "1024", "--cpus", "1"],
    ];
    const started = await project.must("boot-vm", ...words, ...more);
    const booted = JSON.parse(started.stdout);
    expect(booted).toMatchObject({
      name: "kept",
      reference: minimal,
      disk: expect.stringContaining("vm/kept/disk.raw"),
    });
    expect(Object.keys(booted.phases)).toContain("ssh");
    expect(started.stderr).toMatch(/^ {2}firmware +\d/m);

    const [running] = JSON.parse((await project.must("vm", "list", "--json")).stdout);
    expect(running).toMatchObject({ name: "kept", memory: 1024, cpus: 1, ports: [{ host: port, guest: 22 }] });

    // one connection serves what is asked of the guest: its words, its exit code, its stdin
    const seen = await inside(
      "kept",
      `cat /proc/cmdline /run/share/file; systemd-creds --system cat my.secret; echo; ls /dev/tpm0; nproc
     echo "from inside" >/run/share/answer; echo kept >/var/mark; systemctl --failed --no-legend`,
    );
    const lines = seen.stdout.trim().split("\n");
    expect(lines[0]).toContain("slipway.test=1");
    expect(lines.slice(1)).toEqual(["from outside", "one,two=three", "/dev/tpm0", "1"]);
    expect(readFileSync(join(shared, "answer"), "utf8")).toBe("from inside\n");
    expect((await project.slipway("vm", "ssh", "kept", "--", "sh", "-c", "exit 7")).code).toBe(7);
    expect((await project.slipway("vm", "ssh", "kept", "--", "echo", "a  b", "$HOME", "it's")).stdout).toBe(
      "a  b $HOME it's\n",
    );

    // a port of this machine leads to one of it
    expect(await greeting(port)).toStartWith("SSH-2.0-");
    // its secrets are in no command line, and nobody else may read its folder
    const qemu = readFileSync(`/proc/${pidOf("kept")}/cmdline`, "utf8");
    expect(qemu).not.toContain("one,two");
    expect(qemu).not.toContain(Buffer.from("one,two=three").toString("base64"));
    expect(statSync(join(project.root, ".slipway/vm/kept/run")).mode & 0o077).toBe(0);

    const second = await project.slipway("boot-vm", ...words);
    expect(second.code).toBe(1);
    expect(second.stderr).toContain("a virtual machine called kept runs already");
    expect((await project.slipway("clean", "--all", "--dry-run")).stdout).not.toContain("vm/kept");
    expect((await project.must("vm", "log", "kept")).stdout).toContain("Linux version");

    expect((await project.must("vm", "stop", "kept")).stdout).toBe("kept stopped\n");
    expect(await project.lingering()).toEqual([]);
    expect(project.left("kept")).toEqual(["console.log", "disk-of", "disk.raw", "key", "key.pub", "qemu.log", "tpm"]);
    expect((await project.must("vm", "log", "kept")).stdout).toMatch(/Power down|Powering off/);

    // started again it goes on with its disk; --ssh ends with the command's exit code, and the machine with it. A kernel that is
    // told to be quiet shows nothing of how far it is, and still is asked.
    const again = await project.slipway(
      ...["boot-vm", "amd64", "minimal", "--name", "kept", "--karg", "quiet", "--cpus", "1", ...patience],
      ...["--ssh", "--", "sh", "-c", "cat /var/mark; exit 5"],
    );
    expect([again.code, again.stdout]).toEqual([5, "kept\n"]);
    expect(await project.lingering()).toEqual([]);
  },
  30 * minutes,
);

test(
  "Secure Boot by keys of its own; interrupted while it boots, it leaves no process and no socket",
  async () => {
    const command = start(
      "boot-vm",
      "amd64",
      "minimal",
      "--name",
      "secure",
      "--ephemeral",
      "--secure-boot",
      ...patience,
    );
    const log = join(project.root, ".slipway/vm/secure/console.log");
    // the kernel's own words on what the firmware told it
    await until(() => existsSync(log) && readFileSync(log, "latin1").includes("secureboot: Secure boot enabled"));
    command.kill("SIGINT");
    expect(await command.exited).toBe(130);
    expect(await project.lingering()).toEqual([]);
    expect(project.left("secure")).toEqual(["console.log", "key", "key.pub", "qemu.log"]);
  },
  30 * minutes,
);

test(
  "under Secure Boot, what these keys did not sign does not start",
  async () => {
    const disk = (await project.must("disk", "amd64", "minimal")).stdout.trim();
    const script = join(project.root, "unsigned.ts");
    writeFileSync(
      script,
      `import { startGuest } from "${checkout}/lib/vm/guest.ts";
import { secureBootKeys } from "${checkout}/lib/vm/secure-boot.ts";
const guest = await startGuest({ name: "unsigned", disk: ${JSON.stringify(disk)}, snapshot: true, secureBoot: await secureBootKeys() });
try { await guest.ready(); console.log("it came up"); } catch (error) { console.log(String(error)); }
await guest.kill();
`,
    );
    const unsigned = await exec([process.execPath, script], project.env);
    expect(unsigned.stdout).toContain("the boot failed: BdsDxe: failed to load");
  },
  30 * minutes,
);

test(
  "QEMU that crashes is reported with the phase and the console's last lines",
  async () => {
    const command = start("boot-vm", "amd64", "minimal", "--name", "crash", "--ephemeral", ...patience);
    const log = join(project.root, ".slipway/vm/crash/console.log");
    await until(() => existsSync(log) && readFileSync(log, "latin1").includes("Linux version"));
    process.kill(pidOf("crash"), "SIGSEGV");
    const said = await new Response(command.stderr).text();
    expect(await command.exited).toBe(1);
    expect(said).toMatch(/crash: QEMU ended \(exit code \d+\); it came to: (kernel|initrd)/);
    expect(said).toContain("console: [");
    expect(await project.lingering()).toEqual([]);
  },
  5 * minutes,
);

test(
  "a window that cannot be opened is reported in QEMU's own words",
  async () => {
    project.write("bin/qemu-system-x86_64", qemuWithoutDisplay);
    chmodSync(join(project.root, "bin/qemu-system-x86_64"), 0o755);
    const there = { PATH: `${join(project.root, "bin")}:${process.env.PATH}`, DISPLAY: ":4711" };
    const script = join(checkout, "scripts/boot-vm.ts");
    const words = ["amd64", "minimal", "--name", "window", "--ephemeral", ...patience];
    const said = await exec([process.execPath, script, ...words], { ...project.env, ...there });
    expect([said.code, said.stderr]).toEqual([1, expect.stringContaining("window: QEMU ended (exit code 1)")]);
    expect(said.stderr).toContain("gtk initialization failed");
    expect(await project.lingering()).toEqual([]);
  },
  5 * minutes,
);

test(
  "a command that was killed leaves a machine that the next command ends",
  async () => {
    const command = start("boot-vm", "amd64", "minimal", "--name", "orphan", "--ephemeral", ...patience);
    const log = join(project.root, ".slipway/vm/orphan/console.log");
    await until(() => existsSync(log) && readFileSync(log, "latin1").includes("Linux version"));
    command.kill("SIGKILL");
    await command.exited;
    expect(project.processes()).not.toEqual([]);
    expect((await project.must("vm", "list", "--json")).stdout.trim()).toBe("[]");
    expect(await project.lingering()).toEqual([]);
  },
  5 * minutes,
);

test(
  "a boot that takes too long says how far it came",
  async () => {
    const said = await project.slipway(
      "boot-vm",
      "amd64",
      "minimal",
      "--name",
      "slow",
      "--ephemeral",
      "--patience",
      "4",
    );
    expect(said.code).toBe(1);
    expect(said.stderr).toMatch(/slow: not up after 4 s; (it came to: \w+|nothing was heard of it)/);
    expect(said.stderr).toContain("the console's last lines:");
    expect(await project.lingering()).toEqual([]);
  },
  5 * minutes,
);

test(
  "a port that is in use is reported before anything is started",
  async () => {
    const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined } });
    try {
      const said = await project.slipway("boot-vm", "amd64", "minimal", "--port", `${listener.port}:80`);
      expect(said.code).toBe(1);
      expect(said.stderr).toContain(`port ${listener.port} is in use`);
    } finally {
      listener.stop(true);
    }
  },
  5 * minutes,
);

test("what is not there is reported: a machine, a word", async () => {
  const none = await project.slipway("vm", "ssh", "nobody");
  expect([none.code, none.stderr]).toEqual([1, expect.stringContaining("no virtual machine nobody runs")]);
  expect((await project.slipway("vm", "stop")).code).toBe(1);
  expect((await project.slipway("vm", "dance")).code).toBe(2);
  expect((await project.slipway("vm", "log", "../x")).code).toBe(2);
});
