import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseMemory } from "../../lib/system/machine.ts";
import { owner } from "../../lib/system/owner.ts";
import { bootstrapArguments } from "../../lib/tools/debian-root.ts";
import { spaceHealth, toolHealth } from "../../lib/tools/health.ts";
import { bindMount } from "../../lib/tools/mount-words.ts";
import { installCommand, packageManager } from "../../lib/tools/package-manager.ts";
import { rangeCommand } from "../../lib/tools/rootless.ts";
import type { Tool } from "../../lib/tools/tool.ts";
import { rootlessTools, tools } from "../../lib/tools/tool-table.ts";
import { containerWords, toolboxName, toolboxReferences } from "../../lib/tools/toolbox.ts";
import { readContents } from "../../lib/tools/toolbox-contents.ts";
import { isOld, toolboxRows } from "../../lib/tools/toolbox-health.ts";
import { type Found, findTool, fits, readVersion, upstreamVersion } from "../../lib/tools/tools.ts";
import { exitCode, probeGuest } from "../../lib/vm/probe-guest.ts";
import { checkout, exec } from "../support/sandbox.ts";

/** The packages that a toolbox's recipe installs. */
function installedBy(name: string): Set<string> {
  const recipe = readFileSync(join(checkout, "containerfiles", name), "utf8");
  return new Set(recipe.match(/^ {8}[\w.+-]+/gm)?.map((line) => line.trim()));
}

test("every tool of the toolboxes is installed by the recipe of the one that has it", () => {
  const [stable, rolling] = ["toolbox.Containerfile", "toolbox-rolling.Containerfile"].map(installedBy);
  const lost = tools.filter((t) => t.toolbox && !(t.rolling ? rolling : stable)?.has(t.toolbox));
  expect(lost.map(({ name }) => name)).toEqual([]);
});

test("what gets the signing key, and what decides whom to trust, is of a stable suite", () => {
  const recipe = readFileSync(join(checkout, "containerfiles/toolbox.Containerfile"), "utf8");
  expect(recipe).toMatch(/^ARG BASE=docker\.io\/library\/debian:trixie$/m);
  expect(recipe).not.toContain("Check-Valid-Until=false");
  expect(["cosign", "skopeo", "ostree", "git"].map((name) => named(name).rolling)).toEqual([
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
});

test("a tool is a program that says its version, or a file; names are not given twice", () => {
  expect(new Set(tools.map((t) => t.name)).size).toBe(tools.length);
  for (const tool of tools) expect([tool.name, Boolean(tool.files && tool.ask)]).toEqual([tool.name, false]);
});

test("what a toolbox is made of is read from what it says, whatever is missing", () => {
  expect(readContents("trixie 2026-11-26\ncosign 2.5.0-2+b5\nbuildstream \n")).toEqual({
    suite: "trixie",
    day: "2026-11-26",
    packages: { cosign: "2.5.0-2+b5" },
  });
  expect(readContents("\n")).toEqual({ suite: undefined, day: undefined, packages: {} });
});

test("doctor says of which suite and day a toolbox is, and that an old one is old", () => {
  const packages = { cosign: "2.5.0-2+b5", jq: "1", skopeo: "1.18.0+ds1-1+b5" };
  const made = { name: "stable", reference: "localhost/box:1", suite: "trixie", day: "2026-11-26", packages } as const;
  expect(toolboxRows({ ...made, built: true, old: false })).toEqual([
    ["good", "stable", "Debian trixie of 2026-11-26"],
    ["good", "", "cosign 2.5.0-2+b5, skopeo 1.18.0+ds1-1+b5"],
  ]);
  expect(toolboxRows({ ...made, built: true, old: true }).map(([state, , text]) => [state, text])).toEqual([
    ["note", "Debian trixie of 2026-11-26"],
    ["good", "cosign 2.5.0-2+b5, skopeo 1.18.0+ds1-1+b5"],
    ["note", "to rebuild it: podman rmi localhost/box:1"],
  ]);
  expect(toolboxRows({ ...made, built: false, old: false })).toEqual([["later", "stable", "built on first use"]]);
  const at = Date.parse("2026-11-28");
  expect([isOld("2026-11-26", at), isOld("2026-09-01", at), isOld(undefined, at)]).toEqual([false, true, true]);
});

test("an unknown tool is reported with the nearest one", () => {
  expect(findTool("skopo")).rejects.toThrow("did you mean `skopeo`?");
});

const named = (name: string): Tool => tools.find((t) => t.name === name) ?? { ...(tools[0] as Tool) };

// What the programs say of themselves, as seen on Debian 12, 13 and sid.
test.each([
  ["podman", "podman version 4.3.1\n", "4.3.1"],
  ["qemu-system-x86_64", "QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18+b3)\n", "7.2.22"],
  ["cosign", "cosign: A tool\n\nGitVersion:    v3.1.1\nGitCommit: x\nGoVersion: go1.27.3\n", "3.1.1"],
  ["cosign", "GitVersion:    devel\nGoVersion: go1.27.3\n", undefined],
  ["ostree", "libostree:\n Version: '2022.7'\n Git: 2022.7\n", "2022.7"],
  ["ukify", "ukify 262 (262.1-1)\n", "262"],
  ["shellcheck", "ShellCheck - shell script analysis tool\nversion: 0.9.0\n", "0.9.0"],
  ["oci-runtime", "runc version 1.1.5+ds1\nspec: 1.0.2-dev\n", "1.1.5"],
])("%s: its version is read", (name, said, version) => {
  expect(readVersion(named(name), said)).toBe(version as string);
});

test.each([
  ["7.2.22", ">=8", false],
  ["11.1.3", ">=8", true],
  ["2022.7", ">=2022.1", true],
  ["262", ">=254", true],
  ["1.6.9", ">=2.2", false],
  [undefined, ">=2", true],
  ["1.9.3", "*", true],
])("version %p in %p: %p", async (version, range, good) => {
  expect(await fits(version, range)).toBe(good);
});

test("a Debian version is reported without what Debian adds", () => {
  expect(["1:11.1.3+ds-1", "2.8.1-3", "1.22.0+ds1-1", "2026.08+ds-2", "262~rc1-1"].map(upstreamVersion)).toEqual([
    "11.1.3",
    "2.8.1",
    "1.22.0",
    "2026.08",
    "262",
  ]);
});

const qemu = { apt: "qemu-system-x86 ovmf", pacman: "qemu-system-x86" };

test("the command that installs is the machine's own", () => {
  expect(installCommand([qemu], "apt", true)).toBe("apt-get install -y --no-install-recommends qemu-system-x86 ovmf");
  expect(installCommand([qemu, qemu], "pacman", false)).toBe("sudo pacman -S --needed --noconfirm qemu-system-x86");
  expect(installCommand([qemu], "dnf", false)).toBeUndefined();
  expect(installCommand([{}], "apt", true)).toBeUndefined();
  expect(packageManager((program) => (program === "dnf" ? "/usr/bin/dnf" : null))).toBe("dnf");
  expect(packageManager(() => null)).toBeUndefined();
});

test("a tool in the toolbox sees files where they are outside, and secrets by name only", () => {
  const words = containerWords("IMAGE", ["--device=/dev/kvm"], {
    cwd: join(checkout, "docs"),
    mounts: ["/srv/disks"],
    env: ["COSIGN_PASSWORD"],
    stdin: true,
  });
  expect(words.filter((w) => !w.endsWith(",ro"))).toEqual([
    ...["podman", "run", "--rm", "--network=host"],
    // by which the next command finds it when this one is killed
    expect.stringMatching(new RegExp(`^--label=org\\.slipway\\.owner=${owner}-[0-9a-f]{8}$`)),
    expect.stringMatching(new RegExp(`^--name=slipway-${owner}-[0-9a-f]{8}$`)),
    ...["--pid=host", "--security-opt=label=disable", "--interactive"],
    `--mount=type=bind,source=${checkout},destination=${checkout}`,
    ...["--mount=type=bind,source=/srv/disks,destination=/srv/disks", "--env=COSIGN_PASSWORD"],
    ...["--device=/dev/kvm", `--workdir=${checkout}/docs`, "IMAGE"],
  ]);
});

test("a path of any name is one field of podman's line of CSV", () => {
  expect(bindMount("/a b/c")).toBe("--mount=type=bind,source=/a b/c,destination=/a b/c");
  expect(bindMount('/a,b:c/"d"', "/in,side", { readOnly: true })).toBe(
    '--mount=type=bind,"source=/a,b:c/""d""","destination=/in,side",ro',
  );
});

test("a container that goes on after its command, as a machine's QEMU does, has no mark of the command", () => {
  expect(containerWords("IMAGE", [], { outlives: true }).join(" ")).not.toContain("org.slipway.owner");
});

test("another recipe is another toolbox", () => {
  expect(toolboxName("a")).toMatch(/^localhost\/slipway-toolbox:[0-9a-f]{16}$/);
  expect(toolboxName("a")).not.toBe(toolboxName("b"));
  expect(new Set(toolboxReferences()).size).toBe(2);
});

test("only a rolling suite may come from an old mirror", () => {
  const old = '--aptopt=Acquire::Check-Valid-Until "false"';
  expect(bootstrapArguments("sid")).toContain(old);
  expect(bootstrapArguments("trixie")).not.toContain(old);
});

const place = (found: Omit<Found, "tool">, tool: Tool) => ({ tool, ...found }) as Found;

test.each<[string, Found, boolean, string, string]>([
  ["on the machine", place({ place: "host", path: "/bin/git" } as Found, named("git")), false, "good", "/bin/git"],
  [
    "in a toolbox to come",
    place({ place: "toolbox", built: false } as Found, named("bst")),
    false,
    "later",
    "toolbox, on first use",
  ],
  ["needed and missing", place({ place: "missing" }, named("podman")), false, "missing", "missing"],
  ["missing, but a registry answers", place({ place: "missing" }, named("mmdebstrap")), false, "note", "missing"],
  ["missing, and none answers", place({ place: "missing" }, named("mmdebstrap")), true, "missing", "missing"],
])("health of a tool %s", (_, found, offline, state, from) => {
  expect(toolHealth(found, "fix it", { offline })).toMatchObject({
    state,
    from,
    fix: found.place === "missing" ? "fix it" : null,
  });
});

test("what of this machine will not do is remarked", () => {
  const instead = "/usr/bin/skopeo 1.9.3: built without sigstore";
  const found = place({ place: "toolbox", built: true, instead } as Found, named("skopeo"));
  expect(toolHealth(found, undefined, { offline: false }).remark).toBe(instead);
});

test("podman without root needs newuidmap and newgidmap: a machine without them gets the command that installs them", () => {
  for (const one of rootlessTools) {
    const found = { tool: one, place: "missing" } as Found;
    expect(toolHealth(found, installCommand([one.packages], "apt", false), { offline: false })).toMatchObject({
      state: "missing",
      fix: "sudo apt-get install -y --no-install-recommends uidmap",
    });
  }
  expect(rootlessTools.map(({ name }) => name)).toEqual(["newuidmap", "newgidmap"]);
  const isRoot = process.getuid?.() === 0;
  expect(tools.some(({ name }) => name === "newuidmap")).toBe(!isRoot);
});

describe("a user's numbers for the users of containers", () => {
  const ana = { name: "ana", uid: 1000, subuid: "", subgid: "", nsswitch: "passwd: files\n" };
  const given = (who: string) => `${who}:100000:65536\n`;

  test.each([
    ["has both, by name", { ...ana, subuid: given("ana"), subgid: given("ana") }],
    ["has both, by number", { ...ana, subuid: given("1000"), subgid: given("1000") }],
    ["is root", { ...ana, uid: 0, name: "root" }],
    ["has a name that nobody knows", { ...ana, name: undefined }],
    ["gets them from a directory service", { ...ana, nsswitch: "subid: sss\n" }],
  ])("who %s needs no command", (_, files) => {
    expect(rangeCommand(files)).toBeUndefined();
  });

  test.each([[["-u", "USER", "-u", "LOGNAME"]], [["USER=else", "LOGNAME=else"]]])(
    "the user's name is that of /etc/passwd, whatever the environment says: %j",
    async (env) => {
      const words = `console.log(JSON.stringify((await import("./lib/tools/rootless.ts")).idFiles()))`;
      const { stdout } = await exec(["env", ...env, process.execPath, "-e", words]);
      const line = new RegExp(`^([^:]+):[^:]*:${process.getuid?.()}:`, "m");
      expect(JSON.parse(stdout).name).toBe(line.exec(readFileSync("/etc/passwd", "utf8"))?.[1]);
    },
  );

  test("who has none gets a range that nobody else has, in both files", () => {
    expect(rangeCommand(ana)).toBe(
      "sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ana && podman system migrate",
    );
    const files = { ...ana, subuid: "# none\nben:100000:65536\n", subgid: `${given("ben")}eva:165536:1000\n` };
    expect(rangeCommand(files)).toContain("--add-subuids 166536-232071 --add-subgids 166536-232071 ana ");
  });

  test("who has one of both gets the other; an empty range is none", () => {
    const files = { ...ana, subuid: given("ana"), subgid: "ana:165536:0\n" };
    expect(rangeCommand(files)).toBe("sudo usermod --add-subgids 165536-231071 ana && podman system migrate");
  });
});

test("too little space is a note with what to do", () => {
  expect(spaceHealth({ path: "/", free: 60e9, total: 1e12 })).toEqual({
    state: "good",
    text: "60.0 GB free of 1.0 TB",
  });
  expect(spaceHealth({ path: "/", free: 3e9, total: 1e12 })).toMatchObject({ state: "note" });
});

test("memory is read as the kernel writes it", () => {
  expect(parseMemory("MemTotal:       24676036 kB\nMemFree: 1 kB\nMemAvailable:   23000000 kB\n")).toEqual({
    total: 24676036 * 1024,
    available: 23000000 * 1024,
  });
});

test("the guest that tries KVM is a boot sector whose jumps and tables lie where its code looks", () => {
  const sector = probeGuest();
  expect(sector.length).toBe(512);
  expect([...sector.slice(510)]).toEqual([0x55, 0xaa]);
  // the far jump goes to the byte after itself, in 64-bit code: xor eax,eax
  expect([...sector.slice(0x66, 0x6d)]).toEqual([0xea, 0x6b, 0x7c, 0x08, 0x00, 0x31, 0xc0]);
  // lgdt's operand: 16 bytes at 0x7c90, the second descriptor being 64-bit code
  expect([...sector.slice(0xa0, 0xa6)]).toEqual([0x0f, 0x00, 0x90, 0x7c, 0x00, 0x00]);
  expect([...sector.slice(0x98, 0xa0)]).toEqual([0, 0, 0, 0, 0, 0x9a, 0x20, 0]);
  expect(exitCode).toBe(85);
});
