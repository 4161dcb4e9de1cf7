// needs: registry minimal
// reaches: build release switch lib/host/guard.sh flavors/ overlays/ containerfiles/ tests/vm/ostree/
// An update and the way back, in a real guest: Debian's ostree deploys what the toolkit released to a registry. Each version
// is built, rechunked, pushed and signed by `release`, and pulled by the guest under the policy that its image ships.
// The guard of `switch` judges the new system. The tests of this file follow each other.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { TestMachine } from "../support/guests.ts";
import { OstreeFamily } from "../support/ostree-family.ts";
import { Registry } from "../support/registry.ts";
import { checkout } from "../support/sandbox.ts";

setDefaultTimeout(2_000_000);

const family = new OstreeFamily();
const machine = new TestMachine("ostree");
let registry: Registry;
/** By version; 0 stands for none. */
const digests = [""];

const status = {
  version: "cat /usr/lib/version",
  host: "bootc status --format=json",
  failed: "systemctl --failed --plain --no-legend | cut -d ' ' -f 1",
};

/** The versions that run, wait for the next boot, and can be gone back to; and whether anything failed. */
function state(now: Record<keyof typeof status, string>) {
  const host = JSON.parse(now.host).status as Record<string, { image: { imageDigest: string } } | null>;
  const which = (entry: string) => digests.indexOf(host[entry]?.image.imageDigest ?? "");
  const { version, failed } = now;
  return { version, failed, booted: which("booted"), staged: which("staged"), rollback: which("rollback") };
}
const repository = "guara92/guaraos-minimal-ostree";

async function release(version: number): Promise<void> {
  family.version(version);
  await family.release(registry);
  digests[version] = registry.tags(repository).amd64 ?? "";
}

/** Boots the machine and leads ghcr.io to the registry, as its /etc/hosts says. */
async function boot(): Promise<void> {
  await machine.boot({ credentials });
}
const credentials: Record<string, string> = {};

/** Leaves the guard of `switch` on the machine, as that command would. */
function arm(health: string): string {
  const expected = `--expect ${digests[2]} --before ${digests[1]} --image ${family.reference}`;
  return `sh /var/lib/guard.sh arm ${expected} --settle 0 --health '${health}'`;
}
const outcome = (text: string) => Object.fromEntries(text.split("\n").map((line) => line.split(/ (.*)/, 2)));

beforeAll(async () => {
  registry = await Registry.start();
  await family.keys();
  await release(1);
  await family.install(registry, machine);
  credentials["systemd.extra-unit.registry.socket"] = "[Socket]\nListenStream=127.0.0.1:443\n";
  credentials["systemd.extra-unit.registry.service"] =
    `[Service]\nExecStart=/usr/lib/systemd/systemd-socket-proxyd 10.0.2.2:${registry.forGuests()}\n`;
  credentials["systemd.unit-dropin.sockets.target"] = "[Unit]\nWants=registry.socket\n";
}, 1_800_000);

afterAll(async () => {
  await machine.remove();
  await registry?.stop();
  await family.podman("rmi", "--force", family.reference);
  family.remove();
});

test("version 1 is up: /usr is read-only, and the services of the first boot are at home on ostree", async () => {
  // the next version is made meanwhile
  await Promise.all([boot(), release(2)]);
  const now = await machine.look({
    ...status,
    usr: "touch /usr/lib/file",
    options: "findmnt --noheadings --output=OPTIONS /usr | cut -d , -f 1",
    swap: "swapon --show=NAME --noheadings",
    fstab: "grep -c swapfile /etc/fstab",
    snapper: "journalctl --boot --output=cat --unit=guaraos-snapper-setup.service",
    opt: "mkdir /opt/app && echo mine >/opt/app/file && cat /opt/app/file && ls /usr/lib/opt",
  });
  expect(state(now)).toEqual({ version: "1", booted: 1, staged: 0, rollback: 0, failed: "" });
  expect(now.usr).toContain("Read-only file system");
  expect(now).toMatchObject({ options: "ro", swap: "/var/swap/swapfile", fstab: "1", opt: "mine\nREADME" });
  expect(now.snapper).toContain("no snapshots here, nothing to do");
});

test("what the family's key has not signed is not taken", async () => {
  const [from, to] = [family.reference, "ghcr.io/guara92/guaraos-unsigned:amd64"].map((name) => `docker://${name}`);
  const copied = await registry.tool("skopeo", "--insecure-policy", "copy", "--remove-signatures", `${from}`, `${to}`);
  expect(copied.code).toBe(0);
  const authority = readFileSync(join(registry.folder, "tls/ca.crt"), "utf8");
  await machine.guest.must(
    ["sh", "-ec", "cat >>/etc/ssl/certs/ca-certificates.crt; echo 127.0.0.1 ghcr.io >>/etc/hosts"],
    {
      stdin: authority,
    },
  );
  const now = await machine.look({ refused: "bootc switch ghcr.io/guara92/guaraos-unsigned:amd64", ...status });
  expect(now.refused).toContain("A signature was required, but no signature exists");
  expect(state(now)).toMatchObject({ version: "1", staged: 0 });
});

test("the power is cut in the middle of the deployment: version 1 comes up, and nothing is staged", async () => {
  await machine.sh(`
    systemd-run --quiet --unit=update bootc upgrade
    while [ "$(ls -d /sysroot/ostree/deploy/default/deploy/*.0 | wc -l)" -lt 2 ]; do
      systemctl is-active --quiet update.service; sleep 0.1
    done`);
  await machine.cut();
  await boot();
  // that what was cut off is whole in the end, the next tests show: they deploy it and boot it
  const now = await machine.look({ ...status, opt: "cat /opt/app/file" });
  expect(state(now)).toMatchObject({ version: "1", booted: 1, staged: 0, failed: "" });
  expect(now.opt).toBe("mine");
});

test("a version that is not healthy is left by its guard: /etc is as it was left, /var is what it is now", async () => {
  await machine.guest.must(["sh", "-ec", "cat >/var/lib/guard.sh"], {
    stdin: readFileSync(join(checkout, "lib/host/guard.sh"), "utf8"),
  });
  // the health command runs in version 2, and writes there before it fails
  const health = "echo in-2 >/etc/in-2.conf; echo changed-in-2 >/var/lib/kept; sync; test -e /var/lib/never";
  const before = await machine.look({
    changes:
      "echo added >/etc/added.conf && echo changed >/etc/issue && rm /etc/locale.conf && echo kept >/var/lib/kept",
    health: `echo '${health}' >/var/lib/health`,
    staging: arm("sh /var/lib/health"),
    update: "bootc upgrade",
    ...status,
  });
  expect(before.changes).toBe("");
  expect(state(before)).toMatchObject({ version: "1", staged: 2 });
  await machine.sh("systemctl reboot");
  const deadline = performance.now() + 1_500_000;
  let said = "";
  while (!said.includes("outcome rolled-back")) {
    if (performance.now() > deadline)
      throw new Error(`the guard did not go back: ${said}\n${machine.guest.console().slice(-3000)}`);
    await Bun.sleep(1000);
    said = (await machine.guest.ssh(["cat", "/var/lib/slipway/guard"])).out;
  }
  const now = await machine.look({
    ...status,
    etc: "cat /etc/default.conf /etc/added.conf /etc/issue && ls /etc/in-2.conf",
    kept: "cat /var/lib/kept /opt/app/file",
  });
  expect(state(now)).toMatchObject({ version: "1", booted: 1, failed: "" });
  expect(now.etc).toMatch(/^default of version 1\nadded\nchanged\nls: .*in-2\.conf.*No such file/);
  expect(now.kept).toBe("changed-in-2\nmine");
  expect(outcome(said)).toMatchObject({
    outcome: "rolled-back",
    expect: digests[2],
    because: "the health command failed: sh /var/lib/health",
  });
});

test("version 2 is staged, and up after a reboot: /etc is merged, /var is kept, the guard is content", async () => {
  const before = await machine.look({ staging: arm("test -e /var/lib/kept"), update: "bootc upgrade", ...status });
  expect(state(before)).toMatchObject({ version: "1", staged: 2 });
  // the layers are there from the first time
  expect(before.update).not.toContain("layer ");
  await machine.reboot();
  const now = await machine.look({
    ...status,
    etc: "cat /etc/default.conf /etc/added.conf /etc/issue && ls /etc/locale.conf",
    kept: "cat /var/lib/kept /opt/app/file",
    usr: "touch /usr/lib/file",
    swap: "swapon --show=NAME --noheadings; journalctl --boot --output=cat --unit=guaraos-swap-setup.service | grep 'made '",
    guard: "while systemctl is-active --quiet slipway-guard.service; do sleep 1; done; cat /var/lib/slipway/guard",
    armed: "ls /etc/systemd/system/slipway-guard.service",
  });
  expect(state(now)).toEqual({ version: "2", booted: 2, staged: 0, rollback: 1, failed: "" });
  expect(now.etc).toMatch(/^default of version 2\nadded\nchanged\nls: .*locale\.conf.*No such file/);
  expect(now.kept).toBe("changed-in-2\nmine");
  expect(now.usr).toContain("Read-only file system");
  expect(now.swap).toStartWith("/var/swap/swapfile");
  expect(now.swap).not.toContain("made ");
  expect(outcome(now.guard)).toMatchObject({ outcome: "good", expect: digests[2] });
  expect(now.armed).toContain("No such file");
});
