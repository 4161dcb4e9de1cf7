// reaches: update
import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, chownSync, existsSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { asUser } from "../../lib/host/root.ts";
import { firmwareNames } from "../../lib/host/update/check.ts";
import { type Line, parts } from "../../lib/host/update/parts.ts";
import { BootcHost } from "../support/bootc-host.ts";
import { checkout, exec } from "../support/sandbox.ts";
import { keys, Terminal } from "../support/terminal.ts";

// `bun run update` on a machine whose tools are stand-ins that write down their calls. The system image, which needs a
// registry and a verdict, is tested in update.test.ts; here the machine was booted from none.

setDefaultTimeout(60_000);
let host: BootcHost;

beforeEach(() => {
  host = new BootcHost();
  symlinkSync("/bin/bash", host.path("bin/bash"));
});
afterEach(() => host.remove());

/** A program that writes down its call and ends as is said. */
function tool(name: string, code = 0, says = ""): void {
  host.program(name, `echo "${name} $*" >>"$STAND_IN_BOOTC/calls"\n${says}\nexit ${code}`);
}

/** Nothing of this machine is on the PATH. Nobody answers: no terminal. */
function updateFor(user: string, ...args: string[]) {
  const env = { ...host.env, PATH: host.path("bin"), CI: "true", SUDO_USER: user };
  return exec([process.execPath, join(checkout, "scripts/update.ts"), ...args], env);
}
const update = (...args: string[]) => updateFor("", ...args);

interface Report {
  parts: { part: string; state: string; said: string }[];
  reboot: string | null;
}

async function report(...args: string[]): Promise<{ code: number; states: Record<string, string>; stderr: string }> {
  const { code, stdout, stderr } = await update(...args, "--json");
  const { parts }: Report = JSON.parse(stdout);
  return { code, stderr, states: Object.fromEntries(parts.map(({ part, state }) => [part, state])) };
}

// Homebrew is somebody else's: root leaves it to no program that it runs itself.
const byTopgrade: Record<string, string[]> = {
  w: ["topgrade --only firmware --yes"],
  f: ["topgrade --only flatpak --yes"],
  b: ["brew update", "brew upgrade"],
  d: ["topgrade --only distrobox --yes"],
};

const byItself: Record<string, string[]> = {
  w: ["fwupdmgr refresh", "fwupdmgr update --assume-yes --no-reboot-check"],
  f: ["flatpak update --assumeyes --noninteractive --system"],
  b: ["brew update", "brew upgrade"],
  d: ["distrobox upgrade --all"],
};
const tools = ["fwupdmgr", "flatpak", "brew", "distrobox"];

/** Every way to put some of the letters together. */
const combinations = Array.from({ length: 15 }, (_, i) =>
  [..."wfbd"].filter((_, bit) => ((i + 1) >> bit) & 1).join(""),
);

describe("with topgrade", () => {
  test.each(combinations)("-%s", async (letters) => {
    for (const name of ["topgrade", "brew"]) tool(name);
    expect(await update(`-${letters}`)).toMatchObject({ code: 0 });
    expect(host.calls).toEqual([...letters].flatMap((letter) => byTopgrade[letter] ?? []));
  });

  test("long options are the same, and their order does not matter", async () => {
    for (const name of ["topgrade", "brew"]) tool(name);
    await update("--distrobox", "--firmware", "--brew", "--flatpak");
    expect(host.calls).toEqual(Object.values(byTopgrade).flat());
  });

  test("the older word --fw is -w", async () => {
    tool("topgrade");
    await update("--fw");
    expect(host.calls).toEqual(byTopgrade.w ?? []);
  });

  test("no option: everything by it, but for the system and what root does not run", async () => {
    for (const name of ["topgrade", "brew"]) tool(name);
    expect(await report()).toMatchObject({ code: 0, states: { os: "left", topgrade: "done", brew: "done" } });
    const disabled = "topgrade --disable system --disable brew_formula --disable brew_cask --yes";
    expect(host.calls).toEqual([disabled, "brew update", "brew upgrade"]);
  });

  test("for a user it does Homebrew, too", async () => {
    host.program("sudo", 'shift 4; exec "$@"');
    tool("topgrade");
    await updateFor("ann", "-b");
    await updateFor("ann");
    const brew = "topgrade --only brew_formula --only brew_cask --yes";
    expect(host.calls.map((call) => call.replace(/^\S*\//, ""))).toEqual([brew, "topgrade --disable system --yes"]);
  });

  test("what it fails at is reported; the other parts were done", async () => {
    host.program("topgrade", 'echo "topgrade $*" >>"$STAND_IN_BOOTC/calls"\n[ "$2" != flatpak ]');
    const { code, states, stderr } = await report("-wfd");
    expect([code, states]).toEqual([1, { firmware: "done", flatpak: "failed", distrobox: "done" }]);
    expect(stderr).toContain("topgrade --only flatpak --yes ended with exit code 1");
  });
});

describe("without topgrade", () => {
  test.each(combinations)("-%s", async (letters) => {
    for (const name of tools) tool(name);
    expect(await update(`-${letters}`)).toMatchObject({ code: 0 });
    expect(host.calls).toEqual([...letters].flatMap((letter) => byItself[letter] ?? []));
  });

  test("no option: everything, in order", async () => {
    for (const name of tools) tool(name);
    const { code, stdout } = await update();
    expect(code).toBe(0);
    expect(host.calls).toEqual(Object.values(byItself).flat());
    expect(stdout).toMatch(/^os +left +this machine was not booted from an image\nfirmware +done/);
  });

  test.each(["-a", "--all", "-ao"])("%s: everything, as without an option", async (words) => {
    for (const name of tools) tool(name);
    expect(await report(words)).toMatchObject({
      ...{ code: 0, states: { os: "left", firmware: "done", flatpak: "done", brew: "done", distrobox: "done" } },
    });
    expect(host.calls).toEqual([..."wfbd"].flatMap((letter) => byItself[letter] ?? []));
  });

  test("what is not installed is left out, unless it was asked for", async () => {
    tool("flatpak");
    const { code, states } = await report();
    const left = { os: "left", firmware: "left", flatpak: "done", brew: "left", distrobox: "left" };
    expect([code, states]).toEqual([0, left]);
    const named = await report("-bf");
    expect([named.code, named.states]).toEqual([3, { flatpak: "done", brew: "failed" }]);
    expect(named.stderr).toContain("Homebrew: not installed");
  });

  test("each failing part is reported, and none stops the next", async () => {
    for (const name of tools) tool(name, name === "flatpak" || name === "brew" ? 7 : 0);
    const { code, states, stderr } = await report();
    expect(code).toBe(1);
    expect(states).toMatchObject({ firmware: "done", flatpak: "failed", brew: "failed", distrobox: "done" });
    expect(stderr).toContain("brew update ended with exit code 7");
    expect(host.calls.filter((call) => call === "brew upgrade")).toEqual([]);
  });

  test("Flatpaks of a user and of the system stand apart: what fails at one leaves the other be", async () => {
    host.program("sudo", 'shift 4; exec "$@"');
    host.program("flatpak", 'echo "flatpak $*" >>"$STAND_IN_BOOTC/calls"; case $* in *--user) exit 7 ;; esac');
    const stale = "usr/libexec/guaraos/flatpak-stale-caches";
    host.write(stale, "").program(`../${stale}`, "exit 9");
    host.write("var/tmp/flatpak-cache-A/x", "");
    const { code, stdout, stderr } = await updateFor("ann", "-f");
    expect(code).toBe(1);
    expect(stdout).toMatch(/^flatpak +failed/);
    expect(host.calls.map((call) => call.split(" ").at(-1))).toEqual(["--user", "--system"]);
    expect(stderr).toMatch(
      /^2 of its 3 commands failed\n.*--user ended with exit code 7\n.*caches ended with exit code 9$/m,
    );
  });

  test.each([
    ["nothing new", "", 0, 0],
    ["something new", "org.x.App", 0, 1],
    ["a remote that does not answer", "", 1, 1],
  ])("Flatpaks of the system, %s: a user is asked to become root for %p, %p %p", async (_, says, code, asked) => {
    host.program("flatpak", `[ "$1" = update ] || { echo "${says}"; exit ${code}; }`);
    const lines = parts.find(({ name }) => name === "flatpak")?.lines(host.path("bin/flatpak"), 1000) ?? [];
    const system: Line[] = [];
    for await (const line of lines) if (line.argv.includes("--system")) system.push(line);
    expect(system.length).toBe(asked);
  });

  test("Homebrew refuses root: root runs it as the one whose it is", async () => {
    symlinkSync("/usr/bin/env", host.path("bin/env"));
    host.program("sudo", 'echo "$PWD sudo $*" >>"$STAND_IN_BOOTC/calls"');
    tool("brew");
    chownSync(host.path("bin/brew"), 1234, 1234);
    await update("-b");
    await update("-b", "--check");
    const calls = host.calls.map((call) => call.replace(host.path("bin/brew"), "brew"));
    expect(calls).toEqual(
      ["update", "upgrade", "outdated --quiet"].map((words) => `/ sudo -H -u #1234 -- brew ${words}`),
    );
  });

  test("Homebrew that looks like root's for a moment is not run by root", async () => {
    symlinkSync("/usr/bin/env", host.path("bin/env"));
    host.program("sudo", 'echo "sudo $*" >>"$STAND_IN_BOOTC/calls"');
    host.write("home/linuxbrew/.linuxbrew/bin/own", "");
    chownSync(host.path("home/linuxbrew/.linuxbrew/bin"), 1234, 1234);
    // At the moment of a stat it is a program of root's; its folder is not.
    symlinkSync("/bin/true", host.path("home/linuxbrew/.linuxbrew/bin/brew"));
    await update("-b", "--check");
    expect(host.calls).toEqual([
      `sudo -H -u #1234 -- ${host.path("home/linuxbrew/.linuxbrew/bin/brew")} outdated --quiet`,
    ]);
  });

  test("Homebrew that anybody can swap is not run", async () => {
    tool("brew");
    chmodSync(host.path("bin/brew"), 0o777);
    const { code, stderr } = await update("-b");
    expect([code, host.calls]).toEqual([1, []]);
    expect(stderr).toMatch(/root does not run .*brew: somebody else could swap it\n.*others may write to it\n *next: /);
  });

  test("root takes no program from a folder of somebody else's", async () => {
    host.program("flatpak", 'echo "flatpak of root" >>"$STAND_IN_BOOTC/calls"');
    for (const name of ["flatpak", "fwupdmgr"])
      host.write(`foreign/${name}`, "").program(`../foreign/${name}`, "exit 9");
    chownSync(host.path("foreign"), 1234, 1234);
    const env = { ...host.env, PATH: `${host.path("foreign")}:${host.path("bin")}`, CI: "true", SUDO_USER: "" };
    const { code } = await exec([process.execPath, join(checkout, "scripts/update.ts"), "-wf"], env);
    expect([code, host.calls]).toEqual([3, ["flatpak of root"]]);
  });

  test("a tool that was interrupted at its own question ends all of it", async () => {
    for (const name of tools) tool(name, name === "brew" ? 130 : 0);
    const { code, stderr } = await update();
    expect(code).toBe(130);
    expect(stderr).toContain("brew update was interrupted");
    expect(host.calls.at(-1)).toBe("brew update");
  });

  test("fwupd's exit code for nothing to do is no failure, another one is", async () => {
    tool("fwupdmgr", 2);
    expect(await report("-w")).toMatchObject({ code: 0, states: { firmware: "done" } });
    tool("fwupdmgr", 1);
    expect(await report("-w")).toMatchObject({ code: 1, states: { firmware: "failed" } });
  });

  test("Homebrew is found where it lives, on no PATH; stale caches go before flatpak", async () => {
    const log = 'echo "$0 $*" >>"$STAND_IN_BOOTC/calls"';
    tool("flatpak");
    for (const path of ["home/linuxbrew/.linuxbrew/bin/brew", "usr/libexec/guaraos/flatpak-stale-caches"])
      host.write(path, `#!/bin/sh\n${log}\n`).program(`../${path}`, log);
    host.write("var/tmp/flatpak-cache-A/x", "");
    expect(await update("-bf")).toMatchObject({ code: 0 });
    expect(host.calls.map((call) => call.replace(`${host.root}/`, ""))).toEqual([
      "usr/libexec/guaraos/flatpak-stale-caches ",
      ...(byItself.f ?? []),
      "home/linuxbrew/.linuxbrew/bin/brew update",
      "home/linuxbrew/.linuxbrew/bin/brew upgrade",
    ]);
  });
});

test("on a terminal each tool has it to itself, and is not told to assume anything", async () => {
  const script = 'echo "topgrade $*" >>"$STAND_IN_BOOTC/calls"; printf "go on? "; read -r answer; echo "so: $answer"';
  host.program("topgrade", script);
  const argv = [process.execPath, join(checkout, "scripts/update.ts"), "-d"];
  const terminal = new Terminal(argv, { ...host.env, PATH: host.path("bin"), SUDO_USER: "" });
  await terminal.see("── Distrobox");
  await terminal.see("go on? ");
  terminal.press("certainly", keys.enter);
  await terminal.see("so: certainly");
  await terminal.see(/distrobox +done/);
  expect(await terminal.end()).toBe(0);
  expect(host.calls).toEqual(["topgrade --only distrobox"]);
});

test("-o on a machine that was booted from no image: said, and the rest goes on", async () => {
  tool("topgrade");
  const { code, states, stderr } = await report("-of");
  expect([code, states]).toEqual([3, { os: "failed", flatpak: "done" }]);
  expect(stderr).toContain("was not booted from an image");
});

test("interrupted, it stops what it started", async () => {
  host.program("topgrade", 'echo $$ >"$STAND_IN_BOOTC/pid"; exec /bin/sleep 60');
  const argv = [process.execPath, join(checkout, "scripts/update.ts"), "-f"];
  const env = { ...process.env, ...host.env, PATH: host.path("bin"), CI: "true" };
  const child = Bun.spawn(argv, { env, stdio: ["ignore", "ignore", "ignore"] });
  while (host.read("bootc/pid") === "") await Bun.sleep(20);
  child.kill("SIGINT");
  expect(await child.exited).toBe(130);
  expect(existsSync(`/proc/${host.read("bootc/pid").trim()}`)).toBe(false);
});

test("--dry-run shows the lines, and nothing runs", async () => {
  for (const name of tools) tool(name);
  const { code, stderr } = await update("--dry-run");
  expect([code, host.calls]).toEqual([0, []]);
  const shown = stderr.split("\n").filter((line) => line.startsWith("+ "));
  expect(shown.map((line) => line.replaceAll(`${host.path("bin")}/`, ""))).toEqual(
    Object.values(byItself)
      .flat()
      .map((line) => `+ ${line}`),
  );
});

describe("--check changes nothing", () => {
  test("what would come", async () => {
    const devices = '{"Devices": [{"Name": "Dock", "Releases": [{"Version": "1.2"}, {"Version": "1.1"}]}]}';
    tool("fwupdmgr", 0, `echo '${devices}'`);
    tool("flatpak", 0, "echo org.a.A; echo org.b.B");
    tool("brew", 0, "echo jq");
    tool("distrobox", 0, "echo 'ID | NAME | STATUS | IMAGE'; echo 'ab12 | arch | Up | docker.io/archlinux'");
    const { code, stdout } = await update("--check", "--json");
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual([
      { part: "os", state: "left", said: "this machine was not booted from an image" },
      { part: "firmware", state: "available", said: "1 device: Dock 1.2" },
      { part: "flatpak", state: "available", said: "2 apps: org.a.A org.b.B" },
      { part: "brew", state: "available", said: "1 package: jq" },
      { part: "distrobox", state: "unknown", said: expect.stringContaining("arch") },
    ]);
    expect(host.calls.filter((call) => /(update|upgrade)( |$)/.test(call))).toEqual([]);
  });

  test("nothing new, nothing installed, and what does not answer", async () => {
    tool("fwupdmgr", 2);
    tool("flatpak", 1, "echo 'error: no network' >&2");
    tool("distrobox", 0, "echo 'ID | NAME | STATUS | IMAGE'");
    const { code, stdout } = await update("--check");
    expect(code).toBe(1);
    expect(stdout).toMatch(/^firmware +current +up to date$/m);
    expect(stdout).toMatch(/^flatpak +failed/m);
    expect(stdout).toContain("no network");
    expect(stdout).toMatch(/^brew +left +not installed$/m);
    expect(stdout).toMatch(/^distrobox +current +no containers$/m);
  });

  test("only what was named; what is missing then is an error", async () => {
    tool("flatpak");
    const { code, stdout } = await update("--check", "-fb", "--json");
    expect(code).toBe(3);
    expect(JSON.parse(stdout).map(({ part, state }: { part: string; state: string }) => [part, state])).toEqual([
      ["flatpak", "current"],
      ["brew", "failed"],
    ]);
  });
});

test.each(["", "[]", "{", '{"Devices": null}', "null"])("fwupd's answer %j names nothing", (said) => {
  expect(firmwareNames(said)).toEqual([]);
});

test.each([
  [1000, { SUDO_USER: "ann" }, ["sudo"], []],
  [0, {}, ["sudo"], []],
  [0, { SUDO_USER: "root" }, ["sudo"], []],
  [0, { SUDO_USER: "ann" }, ["sudo", "run0"], ["sudo", "-H", "-u", "ann", "--"]],
  [0, { SUDO_USER: "ann" }, ["run0", "doas"], ["run0", "--user=ann", "--"]],
  [0, { SUDO_USER: "ann" }, ["doas"], ["doas", "-u", "ann", "--"]],
])("a user's own tools, uid %d, %j, with %j", (uid, env, ways, before) => {
  const which = (program: string) => (ways.includes(program) ? program : null);
  expect(asUser(["brew", "update"], uid, env, which)).toEqual([...before, "brew", "update"]);
});
