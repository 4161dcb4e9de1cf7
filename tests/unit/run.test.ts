import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { secretNames } from "../../lib/system/secrets.ts";
import { podmanFacts } from "../../lib/tools/podman.ts";
import { Machine } from "../support/machine.ts";
import { checkout, exec } from "../support/sandbox.ts";

let machine: Machine;
beforeEach(() => {
  machine = new Machine();
});
afterEach(() => machine.remove());

const install = "install --frozen-lockfile --ignore-scripts --no-progress --no-summary";

describe("Bun", () => {
  test("of the PATH is taken when it fits, and gets the words as they are", async () => {
    const { code, stdout } = await machine.bun("1.4.0").run("list", "a b", "--json");
    expect([code, stdout]).toEqual([0, ""]);
    expect(machine.calls).toEqual([`bun ${install}`, "bun run list a b --json"]);
  });

  test.each(["1.3.9", "2.0.0", "0.9.1"])(
    "%s does not fit: the pinned one is installed below .slipway",
    async (version) => {
      const { code, stderr } = await machine.bun(version).npm("1.4.5").run("list");
      expect(code).toBe(0);
      expect(machine.calls).toEqual([
        "npm ci --prefix .slipway/bun --ignore-scripts --no-audit --no-fund --loglevel=error --fetch-retries=1",
        `own-bun ${install}`,
        "own-bun run list",
      ]);
      expect(stderr).toContain("installing Bun below .slipway/");
    },
  );

  test("that was installed before is used again, and nothing is installed", async () => {
    machine.npm("1.4.5");
    await machine.run("list");
    const before = machine.calls.length;
    const { code, stderr } = await machine.run("list");
    expect([code, stderr]).toEqual([0, ""]);
    expect(machine.calls.slice(before)).toEqual(["own-bun run list"]);
  });

  test("that was installed is found by what it runs, also in a folder with a comma, a colon and a space in its name", async () => {
    for (const name of ["clone", "a,b:c d"]) {
      const odd = new Machine(name);
      const found = join(odd.root, "found");
      odd.spy = `if [ "$1" = run ]; then bun --version >'${found}'; fi`;
      const { code, stderr } = await odd.npm("1.4.5").run("list");
      expect([name, code, stderr.includes("not found")]).toEqual([name, 0, false]);
      expect(readFileSync(found, "utf8")).toBe("1.4.5\n");
      odd.remove();
    }
  });

  test("two first runs at once install it once", async () => {
    machine.npm("1.4.5");
    const both = await Promise.all([machine.run("list"), machine.run("list")]);
    expect(both.map(({ code }) => code)).toEqual([0, 0]);
    expect(machine.calls.filter((call) => !call.endsWith("run list"))).toHaveLength(2);
  });

  test("neither there nor to be had: exit 3 and what to install", async () => {
    const { code, stdout, stderr } = await machine.run("list");
    expect([code, stdout]).toEqual([3, ""]);
    expect(stderr).toContain("no Bun 1.4 or later on the PATH, and no npm");
    expect(stderr).toContain("apt-get install npm");
  });

  test("npm fails: exit 3", async () => {
    const { code, stderr } = await machine.program("npm", "echo 'npm: no network' >&2; exit 1").run("list");
    expect(code).toBe(3);
    expect(stderr).toContain("npm: no network");
    expect(stderr).toContain("npm could not install the Bun of .bun/package-lock.json");
  });

  test("npm goes well and brings nothing, as with a wrong hash: exit 3, and nothing runs", async () => {
    const { code, stderr } = await machine.program("npm").run("list");
    expect([code, machine.calls.length]).toEqual([3, 1]);
    expect(stderr).toContain("not have the hash that .bun/package-lock.json names");
  });

  test.each([
    ["that a script of npm's put there before", undefined],
    ["of another lock", "{}"],
  ])("%s is replaced", async (_, lock) => {
    machine.npm("1.4.5").own("1.4.5", lock);
    const { code } = await machine.run("list");
    expect(code).toBe(0);
    expect(machine.calls[0]).toStartWith("npm ci ");
    expect(machine.calls.at(-1)).toBe("own-bun run list");
  });

  test("is locked by hash for each kind of machine, from any registry, in the version of package.json", () => {
    const { packageManager } = JSON.parse(readFileSync(join(checkout, "package.json"), "utf8"));
    const { packages } = JSON.parse(readFileSync(join(checkout, ".bun/package-lock.json"), "utf8"));
    const { "": root, ...locked } = packages as Record<string, Record<string, unknown>>;
    const kinds = ["aarch64", "aarch64-musl", "x64", "x64-musl"].map((kind) => `node_modules/@oven/bun-linux-${kind}`);
    expect(Object.keys(locked).sort()).toEqual(kinds);
    expect(root?.hasInstallScript).toBeUndefined();
    for (const { version, integrity, resolved, hasInstallScript } of Object.values(locked)) {
      expect(`bun@${version}`).toBe(packageManager);
      expect(integrity).toMatch(/^sha512-[\w+/]{86}==$/);
      expect([resolved, hasInstallScript]).toEqual([undefined, undefined]);
    }
  });
});

describe("secrets", () => {
  const key = '-----BEGIN-----\na\'b "$c" `d`\\n\n';

  /** Programs that tell when they see a secret; the command tells all that it gets. */
  async function go(given: Record<string, string>) {
    const [saw, got] = [join(machine.root, "saw"), join(machine.root, "got")];
    machine.spy = `if [ "$1" = run ]; then env -0 >'${got}'; elif env | grep -q -e COSIGN_ -e hunter22; then echo "$0 $*" >>'${saw}'; fi`;
    machine.tool("env").npm("1.4.5").asRoot().program("apt-get");
    const { code } = await machine.runWith(given, "build", "--yes");
    const env = readFileSync(got, "utf8").split("\0");
    return {
      code,
      saw: existsSync(saw) ? readFileSync(saw, "utf8") : "",
      got: env.filter((line) => /COSIGN_|hunter22/.test(line)).sort(),
    };
  }

  test("reach the command as they are, and none of what sets it up", async () => {
    expect(await go({ COSIGN_PRIVATE_KEY: key, COSIGN_PASSWORD: "hunter22" })).toEqual({
      code: 0,
      saw: "",
      got: ["COSIGN_PASSWORD=hunter22", `COSIGN_PRIVATE_KEY=${key}`],
    });
    expect(machine.calls.map((call) => call.split(" ").slice(0, 2).join(" "))).toEqual(
      expect.arrayContaining(["npm ci", "own-bun install", "apt-get update", "apt-get install", "own-bun run"]),
    );
  });

  test("an empty one is given, and none stays none", async () => {
    expect((await go({ COSIGN_PASSWORD: "" })).got).toEqual(["COSIGN_PASSWORD="]);
    expect((await go({})).got).toEqual([]);
  });

  test("are the names that lib/system/secrets.ts takes out of the environment", () => {
    const [, names] = /^SECRETS="(.*)"$/m.exec(readFileSync(join(checkout, "run"), "utf8")) ?? [];
    expect(names?.split(" ")).toEqual([...secretNames]);
  });
});

describe("dependencies", () => {
  test("are installed once, and again when bun.lock changes", async () => {
    machine.bun("1.4.5");
    const installs = () => machine.calls.filter((call) => call === `bun ${install}`).length;
    await machine.run("list");
    await machine.run("list");
    expect(installs()).toBe(1);
    appendFileSync(join(machine.clone, "bun.lock"), "\n");
    await machine.run("list");
    expect(installs()).toBe(2);
  });

  test("cannot be had: exit 3, and the command does not run", async () => {
    const bun = `[ "$1" != --version ] || { echo 1.4.5; exit; }\n[ "$1" != install ] || { echo 'no registry' >&2; exit 1; }`;
    const { code, stderr } = await machine.program("bun", bun).run("list");
    expect(code).toBe(3);
    expect(stderr).toContain("no registry");
    expect(machine.calls).not.toContain("bun run list");
  });
});

describe("words", () => {
  test.each<[string[], string]>([
    [[], "help"],
    [["-h"], "help"],
    [["--help"], "help"],
    [["--version"], "help --version"],
    [["help", "build"], "help build"],
  ])("%j means %s", async (words, means) => {
    await machine.bun("1.4.5").run(...words);
    expect(machine.calls.at(-1)).toBe(`bun run ${means}`);
  });

  test("an unknown command goes to help, which knows the nearest one", async () => {
    await machine.bun("1.4.5").run("biuld", "amd64");
    expect(machine.calls.at(-1)).toBe("bun scripts/help.ts -- biuld");
  });

  test("a script of package.json that is no command of ours is run too", async () => {
    await machine.bun("1.4.5").run("check");
    expect(machine.calls.at(-1)).toBe("bun run check");
  });
});

describe("system packages", () => {
  const hybrid = podmanFacts().cgroups === "hybrid";
  const runtime = hybrid ? "runc" : "crun";
  const packages = `podman ${runtime} mmdebstrap`;

  test.each([
    ["apt-get", `sudo apt-get install -y --no-install-recommends podman uidmap ${runtime} mmdebstrap`],
    ["dnf", `sudo dnf install -y podman shadow-utils ${runtime} mmdebstrap`],
    // mmdebstrap is no package of Arch
    ["pacman", `sudo pacman -S --noconfirm --needed podman shadow ${runtime}`],
  ])("without root the one command of %s is printed, with newuidmap's package: exit 3", async (manager, line) => {
    const { code, stderr } = await machine.bun("1.4.5").program(manager).run("build");
    expect(code).toBe(3);
    expect(stderr).toContain("missing on this machine: podman ");
    expect(stderr.split("\n").map((l) => l.trim())).toContain(line);
    expect(machine.calls).toEqual([`bun ${install}`]);
  });

  test("only what is missing is named", async () => {
    const has = machine.bun("1.4.5").program("podman").program("runc").program("apt-get");
    const install = "sudo apt-get install -y --no-install-recommends";
    expect((await has.run("build")).stderr).toContain(`${install} uidmap mmdebstrap\n`);
    expect((await has.program("newuidmap").run("build")).stderr).toContain(`${install} mmdebstrap\n`);
  });

  test("podman's own crun will do, but on a hybrid tree of cgroups", async () => {
    const has = ["podman", "newuidmap", "crun", "mmdebstrap", "apt-get"];
    for (const program of has) machine.program(program);
    const { code, stderr } = await machine.bun("1.4.5").run("build");
    expect([code, stderr.includes("missing on this machine: runc")]).toEqual(hybrid ? [3, true] : [0, false]);
  });

  test("as root and without a terminal they are installed, then the command runs", async () => {
    const { code } = await machine.bun("1.4.5").asRoot().program("apt-get").run("build", "--yes");
    expect(code).toBe(0);
    expect(machine.calls.slice(1)).toEqual([
      "apt-get update -qq",
      `apt-get install -y --no-install-recommends ${packages}`,
      "bun run build --yes",
    ]);
  });

  test("the package manager fails: exit 3 with the command to run by hand", async () => {
    const apt = `[ "$1" = update ] || { echo 'E: no such package' >&2; exit 100; }`;
    const { code, stderr } = await machine.bun("1.4.5").asRoot().program("apt-get", apt).run("build");
    expect(code).toBe(3);
    expect(stderr).toContain("E: no such package");
    expect(stderr).toContain(`run it by hand: apt-get install -y --no-install-recommends ${packages}`);
    expect(machine.calls).not.toContain("bun run build");
  });

  test("a machine without a package manager that we know: exit 3 with the names", async () => {
    const { code, stderr } = await machine.bun("1.4.5").asRoot().run("build");
    expect(code).toBe(3);
    expect(stderr).toContain(`missing on this machine: ${packages}`);
  });

  test("a command that needs none asks for none", async () => {
    expect((await machine.bun("1.4.5").program("apt-get").run("list")).code).toBe(0);
  });
});

describe("a maintainer's script", () => {
  const write = (name: string) => writeFileSync(join(machine.clone, "scripts", name), "");

  test("is run by its name, with no entry in package.json, and asks for no system package", async () => {
    write("digests.ts");
    expect((await machine.bun("1.4.5").run("digests", "build", "a b")).code).toBe(0);
    expect(machine.calls.at(-1)).toBe("bun --no-install scripts/digests.ts build a b");
  });

  test("of the project that SLIPWAY_PROJECT names is run too", async () => {
    const project = join(machine.root, "project");
    mkdirSync(join(project, "scripts"), { recursive: true });
    writeFileSync(join(project, "scripts/digests.ts"), "");
    await machine.bun("1.4.5").runWith({ SLIPWAY_PROJECT: project }, "digests");
    expect(machine.calls.at(-1)).toBe(`bun --no-install ${project}/scripts/digests.ts`);
  });

  test("is found by `bun run` from any folder of the clone, once ./run has seen it", async () => {
    writeFileSync(join(machine.clone, "scripts/digests.ts"), "console.log(process.argv.slice(2))");
    await machine.bun("1.4.5").run("list");
    const path = { PATH: `${join(process.execPath, "..")}:${process.env.PATH}` };
    const { stdout } = await exec([process.execPath, "run", "digests", "a b"], path, join(machine.clone, "scripts"));
    expect(stdout).toBe('[ "a b" ]\n');
  });

  test("with the name of a command of ours, a package or a path is not run", async () => {
    for (const name of ["zod.ts", "build.ts", "a b.ts", "-x.ts"]) write(name);
    machine.bun("1.4.5").program("apt-get");
    mkdirSync(join(machine.clone, "node_modules/.bin"), { recursive: true });
    writeFileSync(join(machine.clone, "node_modules/.bin/zod"), "of a package");
    await machine.run("a b");
    expect(machine.calls.at(-1)).toBe("bun scripts/help.ts -- a b");
    await machine.run("../scripts/zod");
    expect(machine.calls.at(-1)).toBe("bun scripts/help.ts -- ../scripts/zod");
    expect(readdirSync(join(machine.clone, "node_modules/.bin"))).toEqual(["zod"]);
    expect(readFileSync(join(machine.clone, "node_modules/.bin/zod"), "utf8")).toBe("of a package");
  });
});
