// reaches: lib/host/guard.sh
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { lstatSync, readdirSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { BootcHost, digestOf, entry, status } from "../support/bootc-host.ts";
import { checkout, exec } from "../support/sandbox.ts";

// The guard over a switch: the script itself, on a machine that is a folder, from arming to the boot after.

const [before, wanted, other] = [digestOf("a"), digestOf("b"), digestOf("c")];
const image = "ghcr.io/acme/os-one:amd64";
let host: BootcHost;

const arm = (...more: string[]) =>
  host.guard("arm", "--expect", wanted, "--before", before, "--image", image, "--settle", "0", "--limit", "5", ...more);

/** Armed, staged and rebooted into what was staged. */
async function rebooted(...more: string[]): Promise<void> {
  expect(await arm(...more)).toMatchObject({ code: 0, stderr: "" });
  host.reboot();
}

const traces = () => ["etc/slipway", "etc/systemd/system/slipway-guard.service"].filter((path) => host.has(path));

function links(): string[] {
  const units = host.path("etc/systemd/system");
  if (!host.has("etc/systemd/system")) return [];
  return readdirSync(units, { recursive: true, encoding: "utf8" }).filter((name) =>
    lstatSync(join(units, name)).isSymbolicLink(),
  );
}

beforeEach(() => {
  host = new BootcHost({ booted: entry(image, before), staged: entry(image, wanted) });
});

afterEach(() => host.remove());

test("shellcheck finds nothing", async () => {
  if (!Bun.which("shellcheck")) return;
  const files = ["lib/host/guard.sh", "tests/stand-in/bootc/systemctl"];
  expect(await exec(["shellcheck", "--severity=style", ...files])).toMatchObject({ code: 0, stdout: "" });
});

describe("arm", () => {
  test("leaves a unit that three targets want, the script and what it needs to know", async () => {
    host.write("bootc/failed", "old-trouble.service\nslipway-guard.service\n");
    await arm("--health", "curl -fsS 'http://localhost/a b'");
    expect(links().sort()).toEqual([
      "emergency.target.wants/slipway-guard.service",
      "multi-user.target.wants/slipway-guard.service",
      "rescue.target.wants/slipway-guard.service",
    ]);
    const link = host.path("etc/systemd/system/multi-user.target.wants/slipway-guard.service");
    expect(readlinkSync(link)).toBe("../slipway-guard.service");
    expect(host.has("etc/systemd/system/multi-user.target.wants/slipway-guard.service")).toBe(true);
    expect(host.read("etc/slipway/guard/failed-before")).toBe("old-trouble.service\n");
    expect(host.read("etc/slipway/guard/health")).toBe("curl -fsS 'http://localhost/a b'\n");
    expect(host.read("etc/slipway/guard/settings")).toContain(`expect ${wanted}\nbefore ${before}\nimage ${image}\n`);
    expect(host.read("etc/slipway/guard/guard.sh")).toBe(await Bun.file(join(checkout, "lib/host/guard.sh")).text());
  });

  test("twice is once, and keeps the health command of the same switch", async () => {
    await arm("--health", "exit 1");
    await arm();
    expect(host.read("etc/slipway/guard/health")).toBe("exit 1\n");
    await arm("--health", "exit 2");
    expect(host.read("etc/slipway/guard/health")).toBe("exit 2\n");
    await arm("--expect", other);
    const all = () => readdirSync(host.path("etc"), { recursive: true, encoding: "utf8" }).sort();
    expect(all().filter((name) => name.endsWith(".new"))).toEqual([]);
    expect(host.has("etc/slipway/guard/health")).toBe(false);
    expect(links()).toHaveLength(3);
  });

  test("disarm leaves nothing, also where nothing is", async () => {
    await arm();
    expect(await host.guard("disarm")).toMatchObject({ code: 0 });
    expect([...traces(), ...links()]).toEqual([]);
    expect(await host.guard("disarm")).toMatchObject({ code: 0 });
  });

  test.each([
    [["arm"], "arm: --expect is missing"],
    [["arm", "--expect"], "arm: --expect needs a value"],
    [["arm", "--exect", "x"], "arm: unknown option --exect"],
    [["hug"], "arm, check or disarm?"],
    [[], "arm, check or disarm?"],
  ])("%p is a mistake", async (words, said) => {
    const { code, stderr } = await host.guard(...words);
    expect(code).toBe(2);
    expect(stderr).toContain(`slipway-guard: ${said}`);
    expect(traces()).toEqual([]);
  });

  const analyze = Bun.which("systemd-analyze");
  test.skipIf(!analyze)("systemd takes the unit", async () => {
    await arm();
    const unit = host.path("etc/systemd/system/slipway-guard.service");
    const { stderr } = await exec([analyze ?? "", "verify", "--man=no", unit]);
    expect(stderr.split("\n").filter((line) => line.includes("slipway-guard"))).toEqual([]);
  });
});

describe("a healthy system", () => {
  test("stays, and the guard is gone", async () => {
    await rebooted();
    const { code, stderr } = await host.guard("check");
    expect([code, stderr]).toEqual([0, `slipway-guard: ${image} is healthy: it stays\n`]);
    expect([...traces(), ...links()]).toEqual([]);
    expect(host.read("var/lib/slipway/guard")).toContain(`outcome good\nexpect ${wanted}\n`);
    expect(host.calls).toEqual(["systemctl start boot-complete.target"]);
  });

  test("what failed before may fail again", async () => {
    host.write("bootc/failed", "old-trouble.service\n");
    await rebooted();
    host.write("bootc/state", "degraded");
    await host.guard("check");
    expect(host.read("var/lib/slipway/guard")).toContain("outcome good\n");
  });

  test("the health command is a line of shell, and what it says is heard", async () => {
    await rebooted("--health", `echo "it's $((1 + 1))" && [ -d / ]`);
    const { stderr } = await host.guard("check");
    expect(stderr).toContain("it's 2\n");
    expect(host.read("var/lib/slipway/guard")).toContain("outcome good\n");
  });

  test("another check is harmless", async () => {
    await rebooted();
    const copy = host.read("etc/slipway/guard/guard.sh");
    await host.guard("check");
    host.write("etc/slipway/guard/guard.sh", copy);
    expect(await host.guard("check")).toEqual({ code: 0, stdout: "", stderr: "" });
  });
});

describe("an unhealthy system is left for the one before", () => {
  const rows: [string, () => void, string[], string][] = [
    [
      "a unit that did not fail before",
      () => host.write("bootc/failed", "sshd.service\n"),
      [],
      "sshd.service failed, and did not before",
    ],
    ["maintenance", () => host.write("bootc/state", "maintenance"), [], "the system is in the state maintenance"],
    [
      "no end of starting",
      () => host.write("bootc/state", "starting"),
      [],
      "the system was still starting after 5 seconds",
    ],
    ["no boot-complete", () => host.write("bootc/no-boot-complete", ""), [], "boot-complete.target is not reached"],
    ["its health command", () => undefined, ["--health", "exit 3"], "the health command failed: exit 3"],
  ];
  test.each(rows)("%s", async (_, spoil, words, because) => {
    await rebooted(...words);
    spoil();
    const { code, stderr } = await host.guard("check");
    expect([code, stderr]).toEqual([0, `slipway-guard: going back to the system before: ${because}\n`]);
    expect(host.calls.at(-1)).toBe("bootc rollback --apply");
    expect(host.read("var/lib/slipway/guard")).toBe(
      `outcome rolling-back\nexpect ${wanted}\nimage ${image}\nbecause ${because}\n`,
    );
  });

  test("all that is wrong is reported", async () => {
    await rebooted("--health", "false");
    host.write("bootc/failed", "a.service\nb.service\n").write("bootc/state", "degraded");
    await host.guard("check");
    expect(host.read("var/lib/slipway/guard")).toContain(
      "because a.service failed, and did not before; b.service failed, and did not before; the health command failed: false\n",
    );
  });

  test("the system before tells what happened, and removes its own guard", async () => {
    await rebooted("--health", "false");
    await host.guard("check");
    host.reboot("third-boot");
    const { code, stderr } = await host.guard("check");
    expect([code, stderr]).toEqual([
      0,
      "slipway-guard: this is the system before again: the health command failed: false\n",
    ]);
    expect(host.read("var/lib/slipway/guard")).toContain("outcome rolled-back\n");
    expect([...traces(), ...links()]).toEqual([]);
  });

  test("the power goes before the rollback: the next boot tries again", async () => {
    await rebooted("--health", "false");
    const real = host.body("bootc");
    host.program("bootc", `[ "$1" = rollback ] && kill -9 $PPID; ${real}`);
    expect((await host.guard("check")).code).toBe(137);
    expect(host.read("var/lib/slipway/guard")).toContain("outcome rolling-back\n");
    host.program("bootc", real);
    host.reboot("third-boot");
    await host.guard("check");
    expect(host.calls.at(-1)).toBe("bootc rollback --apply");
  });

  test("who boots it again on purpose is left alone", async () => {
    await rebooted("--health", "false");
    const kept = ["guard.sh", "settings", "health", "failed-before"].map((n) => `etc/slipway/guard/${n}`);
    const texts = kept.map((name) => host.read(name));
    await host.guard("check");
    const bad = host.host;
    host.reboot("third-boot");
    await host.guard("check");
    const calls = host.calls.length;
    // The refused deployment has an /etc of its own, with the guard still in it.
    for (const [i, name] of kept.entries()) host.write(name, texts[i] ?? "");
    host.says({ ...bad, status: { ...bad.status, rollbackQueued: false } });
    host.write("proc/sys/kernel/random/boot_id", "fourth-boot\n");
    const { code, stderr } = await host.guard("check");
    expect(code).toBe(0);
    expect(stderr).toContain("booted again on purpose: leaving it alone");
    expect(host.calls).toHaveLength(calls);
    expect(traces()).toEqual([]);
  });

  test("a rollback that fails is reported, and tried no more", async () => {
    await rebooted("--health", "false");
    host.says({ ...host.host, status: { ...host.host.status, rollback: null } });
    const { code, stderr } = await host.guard("check");
    expect(code).toBe(1);
    expect(stderr).toContain("No rollback available");
    expect(stderr).toContain("slipway-guard: bootc rollback failed: choose the system before in the boot menu\n");
    expect(host.read("var/lib/slipway/guard")).toContain("outcome rollback-failed\n");
    expect([...traces(), ...links()]).toEqual([]);
  });

  test("no /var: it goes back all the same", async () => {
    await rebooted("--health", "false");
    host.remove("var");
    host.write("var", "not a folder\n");
    const { stderr } = await host.guard("check");
    expect(stderr).toContain("the outcome could not be written");
    expect(host.calls.at(-1)).toBe("bootc rollback --apply");
  });
});

test("on bootc's composefs backend: a healthy system stays, an unhealthy one is left, and one that bootc cannot name", async () => {
  const cmdline = (verity: string) =>
    host.write("proc/cmdline", `root=LABEL=root rw composefs=${verity.repeat(128)}\n`);
  const fresh = async (...more: string[]) => {
    host.remove("var/lib/slipway");
    host.says(
      status({ booted: entry(image, before, { composefs: true }), staged: entry(image, wanted, { composefs: true }) }),
    );
    cmdline("a");
    await rebooted(...more);
    cmdline("b");
  };
  await fresh();
  expect(await host.guard("check")).toMatchObject({ code: 0, stderr: expect.stringContaining("is healthy: it stays") });
  await fresh("--health", "false");
  await host.guard("check");
  expect([host.calls.at(-1), host.host.status.rollbackQueued as unknown]).toEqual(["bootc rollback --apply", true]);
  host.reboot("third-boot");
  cmdline("a");
  await host.guard("check");
  expect(host.read("var/lib/slipway/guard")).toContain("outcome rolled-back\n");
  await fresh();
  host.write("bootc/broken", "");
  expect((await host.guard("check")).stderr).toContain(
    "going back to the system before: bootc does not say what is booted",
  );
});

describe("whatever else is booted is left alone", () => {
  test("the boot in which it was armed: it waits", async () => {
    await arm();
    const { stderr } = await host.guard("check");
    expect(stderr).toContain("the reboot is still to come");
    expect(links()).toHaveLength(3);
  });

  test("the system before, because nothing was staged: it goes", async () => {
    host.says({ ...host.host, status: { ...host.host.status, staged: null } });
    await rebooted();
    const { code, stderr } = await host.guard("check");
    expect([code, stderr]).toEqual([0, `slipway-guard: ${image} is not what was booted: nothing to guard\n`]);
    expect(host.calls).toEqual([]);
    expect([...traces(), ...links()]).toEqual([]);
  });

  test("a third system: it goes", async () => {
    host.says({ ...host.host, status: { ...host.host.status, staged: entry(image, other) } });
    await rebooted("--health", "false");
    await host.guard("check");
    expect(host.calls).toEqual([]);
    expect(host.read("var/lib/slipway/guard")).toContain(`outcome not-booted\nexpect ${wanted}\n`);
  });

  test("only the booted image counts, not what is cached or follows it", async () => {
    const booted = { ...entry(image, other), cachedUpdate: (entry(image, wanted) as { image: object }).image };
    host.says({ ...host.host, status: { ...host.host.status, staged: booted } });
    await rebooted("--health", "false");
    await host.guard("check");
    expect(host.calls).toEqual([]);
  });
});

describe("bootc does not answer", () => {
  test("in a new deployment: going back is tried", async () => {
    await rebooted();
    host.write("bootc/broken", "");
    host.write("proc/cmdline", "root=LABEL=root ostree=/ostree/boot.0/default/1/0 rw\n");
    host.link("/ostree/boot.0/default/1/0", "new");
    await host.guard("check");
    expect(host.calls).toEqual(["bootc rollback --apply"]);
  });

  test("in the deployment before, whose path has another name meanwhile: nothing is done", async () => {
    const { symlinkSync } = await import("node:fs");
    await arm();
    host.write("bootc/broken", "");
    host.link("/ostree/boot.0/default/0", "x");
    symlinkSync(host.path("sysroot/ostree/boot.1/default/0/0"), host.path("sysroot/ostree/boot.0/default/0/1"));
    host.write("proc/cmdline", "root=LABEL=root ostree=/ostree/boot.0/default/0/1 rw\n");
    const { code, stderr } = await host.guard("check");
    expect(code).toBe(1);
    expect(stderr).toContain("bootc does not say what is booted: leaving it alone");
    expect(host.calls).toEqual([]);
  });
});
