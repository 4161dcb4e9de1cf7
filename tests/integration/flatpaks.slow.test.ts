// needs: debian
// reaches: lib/host/program.ts overlays/
import { afterAll, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { FlatpakMachine } from "../support/flatpak-machine.ts";
import { keys, Terminal } from "../support/terminal.ts";

// guara-install-flatpaks, compiled, with the real flatpak and a real repository, on a machine without a network.

setDefaultTimeout(300_000);
let machine: FlatpakMachine;
const users = ["root", "ann"];

beforeAll(async () => {
  machine = await FlatpakMachine.start();
});
afterAll(() => machine?.stop());
beforeEach(() => machine.reset());

const install = (args: string[], user = "root") => machine.run(["guara-install-flatpaks", ...args], user);
const scopeOf = (user: string) => (user === "root" ? "system" : "user");

describe.each(users)("as %s", (user) => {
  const scope = scopeOf(user);

  test("adds the remote, installs what is named, and once more only what is missing", async () => {
    const first = await install(["--only", "org.test.Good"], user);
    expect(first).toMatchObject({ code: 0, stdout: "org.test.Good\n" });
    expect(await machine.apps(user)).toEqual([`org.test.Good ${scope}`]);
    const { stdout } = await machine.run(["flatpak", "remotes", `--${scope}`, "--columns=name"], user);
    expect(stdout.trim()).toBe("flathub");

    const second = await install(["--only", "org.test.Good", "org.test.Other", "--json"], user);
    expect(second.code).toBe(0);
    expect(JSON.parse(second.stdout)).toEqual({
      ...{ scope, wanted: ["org.test.Other"], already: ["org.test.Good"] },
      ...{ installed: ["org.test.Other"], failed: [] },
    });
    const third = await install(["org.test.Good", "org.test.Other"], user);
    expect(third).toMatchObject({ code: 0, stdout: "", stderr: "all of them are installed already\n" });
  });

  test("a broken app and one that does not exist: told, with the reason; the others are installed", async () => {
    const ids = ["org.test.Broken", "org.test.Good", "org.test.Nowhere", "org.test.Other"];
    const { code, stdout, stderr } = await install(["--only", ...ids, "--json"], user);
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      installed: ["org.test.Good", "org.test.Other"],
      failed: [
        { ref: "org.test.Broken", because: expect.stringContaining("Couldn't find file object") },
        { ref: "org.test.Nowhere", because: "flathub has no such app" },
      ],
    });
    expect(await machine.apps(user)).toEqual([`org.test.Good ${scope}`, `org.test.Other ${scope}`]);
    expect(stderr).toContain("2 of 4 could not be installed");
    const log = /log: (\S+)/.exec(stderr)?.[1] ?? "";
    expect(log).toStartWith(user === "root" ? "/var/lib/guaraos/" : "/home/ann/.local/state/guaraos/");
    expect((await machine.run(["cat", log], user)).stdout).toContain("org.test.Broken");
  });

  test("--list FILE: all of it where nobody can be asked", async () => {
    expect(await install(["--list", "list", "--all"], user)).toMatchObject({ code: 0 });
    expect(await machine.apps(user)).toEqual([`org.test.Good ${scope}`, `org.test.Other ${scope}`]);
  });

  test("--dry-run: lines that can be pasted, and nothing is changed", async () => {
    const { code, stderr } = await install(["--list", "list", "--all", "--dry-run"], user);
    expect(code).toBe(0);
    expect(stderr.trim().split("\n")).toEqual([
      `+ flatpak remote-add --${scope} --if-not-exists flathub /srv/flatpak/test.flatpakrepo`,
      `+ flatpak install --${scope} --assumeyes --noninteractive flathub org.test.Good org.test.Other`,
    ]);
    expect((await machine.run(["flatpak", "remotes", `--${scope}`], user)).stdout.trim()).toBe("");
  });
});

describe("ID, arch and branch", () => {
  const refs = async () => (await machine.refs()).filter((ref) => !ref.includes("Platform"));

  test("two branches of one ID are two things: both of a list are installed, the second beside the first", async () => {
    machine.write("/srv/branches", "org.test.Ext//23.08\norg.test.Ext//25.08\n");
    expect(await install(["--only", "org.test.Ext//23.08"])).toMatchObject({
      code: 0,
      stdout: "org.test.Ext//23.08\n",
    });
    const { code, stdout } = await install(["--list", "/srv/branches", "--all", "--json"]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      ...{ wanted: ["org.test.Ext//25.08"], already: ["org.test.Ext//23.08"] },
      ...{ installed: ["org.test.Ext//25.08"], failed: [] },
    });
    expect(await refs()).toEqual(["org.test.Ext/23.08", "org.test.Ext/25.08"]);
  });

  test("an app and a runtime of one ID, a whole ref, and one arch that is not there", async () => {
    const arch = (await machine.must("flatpak --default-arch")).trim();
    const whole = `app/org.test.Good/${arch}/stable`;
    const words = ["app/org.test.Both", "runtime/org.test.Both", whole, "org.test.Good", "org.test.Other/m68k"];
    const { code, stdout } = await install(["--only", ...words, "--json"]);
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      installed: words.slice(0, 4),
      failed: [{ ref: "org.test.Other/m68k", because: "flathub has no such app" }],
    });
    expect(await refs()).toEqual(["org.test.Both/stable", "org.test.Both/stable", "org.test.Good/stable"]);
  });

  test("another arch is installed where an entry names it, and only then", async () => {
    const words = ["org.test.Ext/aarch64", "org.test.Ext//25.08"];
    const { code, stdout } = await install(["--only", ...words, "--json"]);
    expect([code, JSON.parse(stdout).installed]).toEqual([0, words]);
    const { stdout: listed } = await machine.run(["flatpak", "list", "--runtime", "--all", "--columns=ref"]);
    const ours = listed.split("\n").filter((ref) => ref.startsWith("org.test.Ext/"));
    const own = (await machine.must("flatpak --default-arch")).trim();
    expect(ours.sort()).toEqual([`org.test.Ext/${own}/25.08`, "org.test.Ext/aarch64/25.08"].sort());
  });

  test("what can mean several refs is named with them, and the rest is installed", async () => {
    const { code, stdout, stderr } = await install(["--only", "org.test.Ext", "org.test.Good"]);
    expect([code, stdout]).toEqual([1, "org.test.Good\n"]);
    expect(stderr).toMatch(
      /org\.test\.Ext: more than one fits, name one of them: runtime\/org\.test\.Ext\/\S+\/23\.08, runtime.*25\.08$/m,
    );
  });
});

describe("a remote that this machine filters, as Fedora does", () => {
  beforeEach(async () => {
    machine.write("/srv/filter", "deny *\nallow org.test.Good\nallow runtime/org.test.Platform/*/*\n");
    await machine.must(
      "flatpak remote-add --system flathub /srv/flatpak/test.flatpakrepo; flatpak remote-modify --system --filter=/srv/filter flathub",
    );
  });
  const filter = () => machine.must("flatpak remotes --system --columns=filter");

  test("the error names the filter and how to lift it; nothing is lifted", async () => {
    const { code, stdout, stderr } = await install(["--only", "org.test.Good", "org.test.Other"]);
    expect([code, stdout]).toEqual([1, "org.test.Good\n"]);
    expect(stderr).toContain("org.test.Other: flathub is filtered on this machine, and shows no such app");
    expect(stderr).toContain(
      "next: to see all of flathub: flatpak remote-modify --system --no-filter flathub, or run this again with --no-filter",
    );
    expect(await filter()).toContain("/srv/filter");
  });

  test("--no-filter lifts it; --dry-run only shows the line", async () => {
    const words = ["--only", "org.test.Other", "--no-filter"];
    const dry = await install([...words, "--dry-run"]);
    expect(dry.stderr).toContain("+ flatpak remote-modify --system --no-filter flathub\n");
    expect(await filter()).toContain("/srv/filter");
    expect(await install(words)).toMatchObject({ code: 0, stdout: "org.test.Other\n" });
    expect(await filter()).not.toContain("/srv/filter");
  });

  test("on a terminal it is asked, and No leaves it", async () => {
    const words = machine.words(["guara-install-flatpaks", "--only", "org.test.Other"], "root", true);
    const ask = async (answer: string, code: number) => {
      const terminal = new Terminal(words, machine.podmanSettings);
      await terminal.see("flathub is filtered on this machine, and does not show: org.test.Other");
      await terminal.see("Show all of it from now on?");
      terminal.press(answer);
      expect(await terminal.end()).toBe(code);
    };
    await ask("n", 1);
    expect(await filter()).toContain("/srv/filter");
    await ask("y", 0);
    expect(await machine.apps()).toEqual(["org.test.Other system"]);
  });
});

test("what is there for everybody is not installed for a user again", async () => {
  await install(["org.test.Good"]);
  const { stdout } = await install(["--list", "list", "--all", "--json"], "ann");
  expect(JSON.parse(stdout)).toMatchObject({ already: ["org.test.Good"], installed: ["org.test.Other"] });
  expect(await machine.apps("ann")).toEqual(["org.test.Good system", "org.test.Other user"]);
});

describe("without a network", () => {
  test("the upstream list could not be fetched: said, and the curated one goes on", async () => {
    const { code, stdout, stderr } = await install(["--all", "--dry-run", "--json"]);
    expect(code).toBe(0);
    expect(stderr).toMatch(/^the upstream list could not be fetched \(.+\): going on without it$/m);
    const { wanted } = JSON.parse(stdout);
    expect(wanted).toHaveLength(29);
    expect(wanted[0]).toBe("com.discordapp.Discord");
  });

  test("Flathub itself could not be fetched: told, nothing is left half done", async () => {
    const env = ["env", "SLIPWAY_FLATHUB=https://flathub.invalid/repo/flathub.flatpakrepo"];
    const { code, stderr } = await machine.run([...env, "guara-install-flatpaks", "org.test.Good"]);
    expect(code).toBe(1);
    expect(stderr).toContain("the remote flathub could not be added");
    expect(stderr).toContain("next: check the network");
    expect((await machine.run(["flatpak", "remotes"])).stdout.trim()).toBe("");
  });
});

describe("guaraos-update -f, without topgrade", () => {
  const newer = (app: string) =>
    machine.must(`cd /srv/flatpak; date +%N >>${app}/files/data
flatpak build-export --disable-sandbox repo ${app} stable; chmod -R a+rX repo`);
  const update = (args: string[], user = "root") => machine.run(["guaraos-update", ...args], user);

  test("what is new is reported, then it is there", async () => {
    await install(["org.test.Good"]);
    expect((await update(["--check", "-f"])).stdout).toMatch(/^flatpak +current +up to date\n$/);
    await newer("Good");
    expect((await update(["--check", "-f"])).stdout).toMatch(/^flatpak +available +1 app: org\.test\.Good\n$/);
    expect(await update(["-f"])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^flatpak +done +updated\n$/),
    });
    expect((await update(["--check", "-f"])).stdout).toMatch(/^flatpak +current +up to date\n$/);
  });

  test("a user who cannot become root has the own apps updated, and hears about the system's", async () => {
    await install(["org.test.Good"], "ann");
    await newer("Good");
    expect(await update(["-f"], "ann")).toMatchObject({ code: 0 });
    await install(["org.test.Other"]);
    await newer("Good");
    await newer("Other");
    const { code, stderr } = await update(["-f"], "ann");
    expect(code).toBe(3);
    expect(stderr).toContain("this needs root, and there is no way to become it");
    const left = await update(["--check", "-f"], "ann");
    expect(left.stdout).toMatch(/^flatpak +available +1 app: org\.test\.Other\n$/);
  });
});

test("a remote that somebody switched off stays off", async () => {
  await install(["org.test.Good"]);
  await machine.must("flatpak remote-modify --system --disable flathub");
  const { code, stderr } = await install(["org.test.Other"]);
  expect(code).toBe(1);
  expect(stderr).toContain("switched off");
  expect(stderr).toContain("next: if you want it: flatpak remote-modify --system --enable flathub");
});

describe("the upstream list", () => {
  test.each([
    ["#x\norg.test.Good\ncom.discordapp.Discord\nrubbish line\n", 30],
    ["", 29],
  ])("%j beside the curated one: %d apps in all", async (text, count) => {
    machine.write("/srv/upstream", text);
    const env = ["env", "SLIPWAY_FLATPAK_LIST=file:///srv/upstream"];
    const { stdout, stderr } = await machine.run([...env, "guara-install-flatpaks", "--all", "--dry-run", "--json"]);
    expect(JSON.parse(stdout).wanted).toHaveLength(count);
    expect(stderr).not.toContain("could not be fetched");
  });

  test("an empty address means none", async () => {
    const env = ["env", "SLIPWAY_FLATPAK_LIST="];
    const { stdout, stderr } = await machine.run([...env, "guara-install-flatpaks", "--all", "--dry-run", "--json"]);
    expect([JSON.parse(stdout).wanted.length, stderr.includes("upstream")]).toEqual([29, false]);
  });
});

describe("exit 2, and nothing is installed, for", () => {
  const bad: [string, string[], string][] = [
    ["an ID that is none", ["--only", "inkscape"], "no app ID: inkscape"],
    ["an option as an ID", ["--", "--system"], "no app ID: --system"],
    ["a list that is not there", ["--list", "/nowhere", "--all"], "cannot be read"],
    ["a list with a line that is no app", ["--list", "/srv/bad", "--all"], "/srv/bad:2: `what is this` is no app ID"],
    ["a list without an app", ["--list", "/srv/empty", "--all"], "names no app"],
    ["a list that never ends", ["--list", "/dev/zero", "--all"], "/dev/zero is not an ordinary file"],
    ["no choice, and nobody to ask", ["--list", "list"], "next: guara-install-flatpaks --all, or --only ID…"],
  ];
  test.each(bad)("%s", async (_, args, words) => {
    machine.write("/srv/bad", "org.test.Good\nwhat is this\n");
    machine.write("/srv/empty", "# nothing\n");
    const { code, stdout, stderr } = await install(args);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toContain(words);
    expect(await machine.apps()).toEqual([]);
  });
});

test("--review has the list edited first; a failing editor installs nothing", async () => {
  const edited = (editor: string) =>
    machine.run(["env", `EDITOR=${editor}`, "guara-install-flatpaks", "--list", "list", "--all", "--review"]);
  expect(await edited("false")).toMatchObject({ code: 1, stderr: expect.stringContaining("nothing was installed") });
  expect(await machine.apps()).toEqual([]);
  expect(await edited("sed -i s/^org.test.Good/#org.test.Good/")).toMatchObject({ code: 0 });
  expect(await machine.apps()).toEqual(["org.test.Other system"]);
  expect((await machine.run(["sh", "-c", "ls /var/lib/guaraos/run"])).stdout).toBe("");
});

test("a state folder that cannot be written is reported, not the program's checkout, which is not there", async () => {
  const words = ["env", "XDG_STATE_HOME=/root/of-ann", "guara-install-flatpaks", "org.test.Good"];
  const { code, stderr } = await machine.run(words, "ann");
  expect(code).toBe(1);
  expect(stderr).toContain("`/root/of-ann/guaraos/` cannot be written: EACCES (owner root)");
  expect(await machine.apps("ann")).toEqual([]);
});

test("without flatpak: exit 3", async () => {
  const { code, stderr } = await machine.run(["env", "PATH=/nowhere", "/usr/bin/guara-install-flatpaks", "--all"]);
  expect([code, stderr.split("\n")[0]]).toEqual([3, "this machine has no flatpak"]);
});

describe("on a terminal", () => {
  const open = (...args: string[]) =>
    new Terminal(machine.words(["install-optional-flatpaks", ...args], "ann", true), machine.podmanSettings);

  test("grouped by category, what is installed is marked and cannot be taken", async () => {
    await install(["org.test.Good"], "ann");
    const terminal = open("--list", "list");
    await terminal.see("Which apps are to be installed for you?");
    await terminal.see(/first +org\.test\.Good \(installed\)/);
    await terminal.see(/second +org\.test\.Other/);
    terminal.press(keys.up, keys.space); // on the one that is installed
    await terminal.see("installed already");
    terminal.press(keys.down, keys.space, keys.enter);
    await terminal.see("1 app:");
    terminal.press(keys.enter);
    await terminal.see("✓ install 1 app");
    expect(await terminal.end()).toBe(0);
    expect(await machine.apps("ann")).toEqual(["org.test.Good user", "org.test.Other user"]);
  });

  test("the list is reviewed in $EDITOR, where something is taken in; then it is asked again", async () => {
    const words = machine.words(["env", "EDITOR=nano", "guara-install-flatpaks", "--list", "list"], "ann", true);
    const terminal = new Terminal(words, machine.podmanSettings);
    await terminal.see("Which apps");
    await terminal.see("org.test.Other");
    terminal.press(keys.space, keys.enter);
    await terminal.see("1 app:");
    terminal.press(keys.down, keys.enter);
    await terminal.see("#org.test.Other"); // nano shows the file
    terminal.press("\x1c"); // search and replace
    await terminal.see("Search (to replace)");
    terminal.press("#org", keys.enter);
    await terminal.see("Replace with");
    terminal.press("org", keys.enter);
    await terminal.see("A All");
    terminal.press("A", "\x0f", keys.enter, "\x18"); // all of them, write, leave
    await terminal.see("2 apps:");
    terminal.press(keys.enter);
    await terminal.see("✓ install 2 apps");
    expect(await terminal.end()).toBe(0);
    expect(await machine.apps("ann")).toEqual(["org.test.Good user", "org.test.Other user"]);
  });

  test("left: nothing was done", async () => {
    const terminal = open("--list", "list");
    await terminal.see("Which apps");
    terminal.press(keys.interrupt);
    await terminal.see("cancelled at a question");
    expect(await terminal.end()).toBe(130);
    expect(await machine.apps("ann")).toEqual([]);
  });
});
