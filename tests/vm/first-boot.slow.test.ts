// needs: toolbox minimal
// reaches: build flavors/ overlays/ containerfiles/ tests/vm/first-boot/
// The services of a machine's first boots, as the flavors ship them, in real guests: Debian's systemd, btrfs-progs, snapper
// and systemd-homed, on btrfs and on ext4. The tests of this file follow each other.
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { cpSync } from "node:fs";
import { join } from "node:path";
import { TestMachine } from "../support/guests.ts";
import { checkout, Project } from "../support/sandbox.ts";

setDefaultTimeout(2_000_000);

const GiB = 2 ** 30;
const reference = "ghcr.io/guara92/guaraos-first-boot:amd64";
/** The size of the swap file less its first page, which holds the header. */
const whole = `/var/swap/swapfile ${32 * GiB - 4096} 10`;
const line = "/var/swap/swapfile none swap defaults,nofail,pri=10 0 0";

const project = new Project();
const btrfs = new TestMachine("first-boot-btrfs");
const ext4 = new TestMachine("first-boot-ext4");

const swap = "swapon --show=NAME,SIZE,PRIO --bytes --noheadings --raw";
const fstab = "grep swapfile /etc/fstab";
const journal = (unit: string) => `journalctl --boot --output=cat --unit=${unit}`;
const failed = "systemctl --failed --plain --no-legend | cut -d ' ' -f 1";
const state = (unit: string) => `systemctl show --property=ActiveState,Result --value ${unit} | tr '\\n' ' '`;
const fine = "success active";

/** Holds the set-up of the swap file when the file is whole but not yet renamed, and cuts the power. That it is held is said in /run only. */
async function interrupt(machine: TestMachine): Promise<void> {
  await machine.sh(`
    swapoff /var/swap/swapfile; rm /var/swap/swapfile
    mkdir -p /var/hold /run/systemd/system/guaraos-swap-setup.service.d
    printf '#!/bin/sh\\n/usr/bin/sync "$@"\\n[ "$1" = --file-system ] || sleep infinity\\n' >/var/hold/sync
    chmod +x /var/hold/sync
    printf '[Service]\\nEnvironment=PATH=/var/hold:/usr/sbin:/usr/bin:/sbin:/bin\\n' \\
      >/run/systemd/system/guaraos-swap-setup.service.d/hold.conf
    systemctl daemon-reload
    systemctl restart --no-block guaraos-swap-setup.service
    until pgrep --exact sleep >/dev/null; do sleep 0.2; done`);
  const { files } = await machine.look({ files: "ls /var/swap" });
  expect(files).toBe("swapfile.unfinished");
  await machine.cut();
}

async function expectFinished(machine: TestMachine): Promise<void> {
  const now = await machine.look({
    files: "ls /var/swap",
    swap,
    fstab,
    said: journal("guaraos-swap-setup.service"),
    failed,
  });
  expect(now.said).toContain("guaraos-swap-setup.service: the last run was interrupted: starting anew");
  expect(now).toMatchObject({ files: "swapfile", swap: whole, fstab: line, failed: "" });
}

beforeAll(async () => {
  const files = "tests/vm/first-boot";
  cpSync(join(checkout, files, "flavor.yaml"), join(project.root, "flavors/first-boot.yaml"));
  const recipe = "first-boot.Containerfile";
  cpSync(join(checkout, files, recipe), join(project.root, "containerfiles", recipe));
  await project.takeMinimal();
  const { code, stderr } = await project.slipway("build", "amd64", "first-boot");
  if (code !== 0) throw new Error(stderr);
  // Large enough for the whole swap file: it is reserved, and takes no space of this machine.
  await Promise.all([
    btrfs.take(reference, { filesystem: "btrfs", size: 72 * GiB }),
    ext4.take(reference, { filesystem: "ext4", size: 72 * GiB }),
  ]);
}, 1_200_000);

afterAll(async () => {
  await Promise.all([btrfs.remove(), ext4.remove()]);
  await project.podman("rmi", reference);
  project.remove();
});

/** What a later boot must find as it was. */
const kept = {
  file: "stat --format='%i %a %U %s' /var/swap/swapfile",
  subvolume: "btrfs subvolume show /var/swap | grep -w UUID:",
  config: "cat /etc/snapper/configs/root",
  list: "cat /etc/default/snapper",
};
let before: Record<keyof typeof kept, string>;
let lowers: Record<"opt" | "sddm", string>;
const lower = {
  opt: "cd /usr/lib/opt && find . -type f -exec sha256sum {} +",
  // under the mount: / itself, without what is mounted on it
  sddm: "mkdir -p /run/lower && mount --bind / /run/lower && cd /run/lower/usr/share/sddm && find . -type f -exec sha256sum {} +; cd /; umount /run/lower",
};

describe("on btrfs", () => {
  test("the first boot makes a swap file in a subvolume of its own, and everything is up", async () => {
    await btrfs.boot();
    const now = await btrfs.look({
      failed,
      unit: state("guaraos-swap-setup.service"),
      subvolume: "btrfs subvolume show /var/swap | head -n 1",
      files: "ls /var/swap",
      attributes: "lsattr /var/swap/swapfile | cut -d ' ' -f 1",
      swap,
      fstab,
      said: journal("guaraos-swap-setup.service"),
    });
    expect(now.failed).toBe("");
    expect(now.unit).toBe(fine);
    expect(now.subvolume).toMatch(/(^|\/)var\/swap$/);
    expect(now.files).toBe("swapfile");
    expect(now.attributes).toContain("C");
    expect(now.swap).toBe(whole);
    expect(now.fstab).toBe(line);
    expect(now.said).toContain("guaraos-swap-setup.service: made /var/swap/swapfile, 32768 MiB");
  });

  test("snapper has its configuration, and takes snapshots while swap is on", async () => {
    const now = await btrfs.look({
      unit: state("guaraos-snapper-setup.service"),
      snapshots: "btrfs subvolume show /.snapshots | head -n 1; stat --format=%a /.snapshots",
      same: "diff /usr/share/snapper/config-templates/guaraos /etc/snapper/configs/root && echo same",
      accepted: "snapper --machine-readable csv list-configs",
      // by D-Bus, as users and timers do
      taken:
        "snapper create --description mine --print-number && systemctl start --wait snapper-timeline.service && echo timeline",
      list: "snapper --machine-readable csv list --columns description",
      inIt: "head -n 1 /.snapshots/*/snapshot/etc/os-release | grep -c PRETTY_NAME=",
      // the subvolume around the swap file
      around: "btrfs subvolume snapshot -r /var /var/snapshot-of-var && ls /var/snapshot-of-var/swap | wc -l",
      user: "snapper set-config NUMBER_LIMIT=99 && echo set",
      swap,
    });
    expect(now.unit).toBe(fine);
    expect(now.snapshots).toBe(".snapshots\n750");
    expect(now.same).toBe("same");
    expect(now.accepted).toContain("root,/");
    expect(now.taken).toMatch(/^\d+\ntimeline$/);
    // Debian's snapper takes one on each boot too
    const descriptions = now.list.split("\n").slice(1);
    expect(descriptions.filter((name) => name !== "boot")).toEqual(["current", "mine", "timeline"]);
    expect(Number(now.inIt)).toBe(descriptions.length - 1);
    expect(now.around).toEndWith("\n0");
    expect(now.swap).toBe(whole);
  });

  test("/opt and the themes of SDDM can be written to", async () => {
    lowers = await btrfs.look(lower);
    expect(lowers.sddm).toContain("theme.conf");
    const now = await btrfs.look({
      mounts: "systemctl is-active opt.mount usr-share-sddm.mount",
      opt: "cat /opt/README | head -n 1; mkdir -p /opt/app && echo mine >/opt/app/file && echo changed >/opt/README",
      sddm: "cat /usr/share/sddm/themes/guaraos/theme.conf; mkdir /usr/share/sddm/themes/mine && echo mine >/usr/share/sddm/themes/mine/theme.conf",
      removed: "rm -r /usr/share/sddm/themes/guaraos",
      rest: "touch /usr/bin/there 2>&1; rm -f /usr/bin/there",
    });
    expect(now.mounts).toBe("active\nactive");
    expect(now.opt).toStartWith("/opt shows");
    expect(now.sddm).toBe("of the image");
    expect(now.removed).toBe("");
  });

  test("there is no user yet, so nobody is logged in by itself; then one is made by systemd-homed", async () => {
    const now = await btrfs.look({
      unit: state("guaraos-gamestation-setup.service"),
      said: journal("guaraos-gamestation-setup.service"),
      config: "ls /etc/plasmalogin.conf.d",
      made: "NEWPASSWORD=correct-horse homectl create player --storage=directory --shell=/bin/bash --enforce-password-policy=no && echo made",
      listed: "getent passwd player | cut -d : -f 1",
    });
    expect(now.unit).toBe(fine);
    expect(now.said).toContain("guaraos-gamestation-setup.service: no user yet: trying again on the next boot");
    expect(now.config).toContain("No such file");
    expect(now.made).toEndWith("made");
    expect(now.listed).toBe("player");
    before = await btrfs.look(kept);
  });

  test("the second boot finds all of it, and does no harm", async () => {
    await btrfs.restart();
    const now = await btrfs.look({
      ...kept,
      ...lower,
      failed,
      swap,
      fstab,
      said: journal("guaraos-swap-setup.service"),
      snapperSaid: journal("guaraos-snapper-setup.service"),
      snapshots: "snapper --machine-readable csv list --columns description",
      optNow: "cat /opt/app/file /opt/README",
      sddmNow: "ls /usr/share/sddm/themes",
      login: "cat /etc/plasmalogin.conf.d/autologin.conf",
    });
    expect(now).toMatchObject(before);
    expect(now.config).toContain('NUMBER_LIMIT="99"');
    expect(now.failed).toBe("");
    expect(now.swap).toBe(whole);
    expect(now.fstab).toBe(line);
    expect(now.said).not.toContain("made ");
    expect(now.snapperSaid).not.toContain("made ");
    expect(now.snapshots).toContain("\nmine\n");
    expect(now.optNow).toBe("mine\nchanged");
    expect(now.sddmNow).toBe("mine");
    expect(now).toMatchObject(lowers);
    expect(now.login).toEndWith("[Autologin]\nUser=player\nSession=gamescope-session.desktop");
  });

  test("a plain directory is refused, although /etc/fstab names the file; the automatic login stays off once removed", async () => {
    await btrfs.sh(`
      rm /etc/plasmalogin.conf.d/autologin.conf
      swapoff /var/swap/swapfile; rm /var/swap/swapfile; btrfs subvolume delete /var/swap >/dev/null
      mkdir /var/swap; btrfs filesystem mkswapfile --size 64m /var/swap/swapfile >/dev/null`);
    await btrfs.restart();
    const now = await btrfs.look({
      swap,
      fstab,
      unit: state("guaraos-swap-setup.service"),
      fromFstab: state("var-swap-swapfile.swap"),
      said: journal("guaraos-swap-setup.service"),
      failed,
      config: "ls /etc/plasmalogin.conf.d",
    });
    expect(now.swap).toBe("");
    expect(now.fstab).toBe(line);
    expect(now.unit).toBe("exit-code failed");
    expect(now.fromFstab).toBe("success inactive");
    expect(now.failed).toBe("guaraos-swap-setup.service");
    expect(now.config).toBe("");

    const fix = /To fix it, as root: (.*)$/m.exec(now.said)?.[1] ?? "";
    expect(fix).toStartWith("mv /var/swap ");
    await btrfs.sh(fix);
    expect(await btrfs.look({ swap, failed })).toEqual({ swap: whole, failed: "" });
  });

  test("too little space: a smaller swap file, or none; both are said, neither is a failure", async () => {
    const again = "systemctl restart guaraos-swap-setup.service";
    const free = "df --block-size=1M --output=avail /var | tail -n 1";
    const now = await btrfs.look({
      off: "swapoff /var/swap/swapfile; rm /var/swap/swapfile; sync",
      some: `fallocate --length $(($(${free}) - 20000))MiB /var/filler; sync; ${again}`,
      smaller: "swapon --show=SIZE --bytes --noheadings",
      smallerSaid: journal("guaraos-swap-setup.service"),
      offAgain: "swapoff /var/swap/swapfile; rm /var/swap/swapfile; sync",
      full: `fallocate --length $(($(${free}) - 1500))MiB /var/filler2; sync; ${again}`,
      swap,
      said: journal("guaraos-swap-setup.service"),
      unit: state("guaraos-swap-setup.service"),
      files: "ls /var/swap",
      room: "rm /var/filler /var/filler2; sync",
      roomSwap: `${again}; ${swap}`,
    });
    expect(now).toMatchObject({ off: "", some: "", offAgain: "", full: "", room: "" });
    const size = Number(now.smaller) / 2 ** 20;
    expect(size).toBeGreaterThan(9_000);
    expect(size).toBeLessThan(11_000);
    expect(now.smallerSaid).toMatch(/too little space on \/var\/swap for 32768 MiB: making \d+ MiB/);
    expect(now.said).toMatch(/too little space on \/var\/swap for a swap file: .* Swap stays off/);
    expect(now).toMatchObject({ swap: "", files: "", unit: fine, roomSwap: whole });
  });
});

describe("on ext4", () => {
  beforeAll(() => btrfs.cut());

  test("swap is a file that was reserved at once; snapper has nothing to do, and says so", async () => {
    await ext4.boot();
    const now = await ext4.look({
      failed,
      type: "stat --file-system --format=%T /var/swap; stat --format='%a %U' /var/swap /var/swap/swapfile",
      swap,
      fstab,
      snapper: state("guaraos-snapper-setup.service"),
      said: journal("guaraos-snapper-setup.service"),
      snapshots: "ls -d /.snapshots /etc/snapper/configs/root",
      timeline: "systemctl start --wait snapper-timeline.service snapper-cleanup.service && echo fine",
      // what was not written through is lost with the power, and nobody's fault
      opt: "mkdir /opt/app && echo mine >/opt/app/file && sync && cat /opt/app/file",
      user: "useradd --create-home --shell /bin/bash someone && echo made",
    });
    expect(now).toMatchObject({ failed: "", swap: whole, fstab: line, snapper: fine, opt: "mine", user: "made" });
    expect(now.type).toBe("ext2/ext3\n700 root\n600 root");
    expect(now.said).toContain("no snapshots here, nothing to do");
    expect(now.snapshots).not.toMatch(/^\//m);
    expect(now.timeline).toBe("fine");
  });

  test("the power is cut half-way: the next boot finishes it, and finds the rest as it was", async () => {
    await interrupt(ext4);
    await ext4.boot();
    await expectFinished(ext4);
    const now = await ext4.look({
      opt: "cat /opt/app/file",
      login: "grep User= /etc/plasmalogin.conf.d/autologin.conf",
    });
    expect(now).toEqual({ opt: "mine", login: "User=someone" });
  });
});
