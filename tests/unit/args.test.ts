import { describe, expect, test } from "bun:test";
import { help, readArguments } from "../../lib/cli/args.ts";
import { commands, findCommand } from "../../lib/cli/commands.ts";
import { Failure } from "../../lib/system/errors.ts";

// The command line, read by the table of commands.

function command(name: string) {
  const found = findCommand(name);
  if (!found) throw new Error(`no command ${name}`);
  return found;
}

function refused(name: string, ...argv: string[]): string[] {
  try {
    readArguments(command(name), argv).count("jobs", 2);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    expect(error.code).toBe(2);
    return error.lines();
  }
  throw new Error("it was not refused");
}

test("words, switches and values, in any order", () => {
  const args = readArguments(command("build"), ["znver4", "--jobs", "3", "gnome", "--json", "cosmic", "--dry-run"]);
  expect(args.words).toEqual(["znver4", "gnome", "cosmic"]);
  expect(["json", "dry-run", "force"].map((name) => args.has(name))).toEqual([true, true, false]);
  expect([args.value("jobs"), args.count("jobs", 2)]).toEqual(["3", 3]);
});

test("a value after =, the last of two, none at all", () => {
  expect(readArguments(command("build"), ["--jobs=3", "--jobs=4"]).count("jobs", 2)).toBe(4);
  expect(readArguments(command("build"), []).count("jobs", 2)).toBe(2);
  expect(readArguments(command("build"), []).words).toEqual([]);
  expect(readArguments(command("new-flavor"), ["--title=--json"]).value("title")).toBe("--json");
});

test("after -- everything is a word", () => {
  expect(readArguments(command("build"), ["--", "--force"]).words).toEqual(["--force"]);
});

describe("exit 2 for", () => {
  test("an unknown option, with the nearest and all of them", () => {
    expect(refused("build", "--forc")).toEqual([
      "build: unknown option --forc; did you mean `--force`?",
      "  the options of build: -n --dry-run --print --force --skip-unable --refresh --no-cache --jobs --json " +
        "-y --yes -h --help -q --quiet -v --verbose --version",
      "  next: bun run build --help",
    ]);
  });

  test.each<[string, string[], string]>([
    ["a short option", ["-x"], "build: unknown option -x"],
    ["an option that every object has", ["--constructor"], "build: unknown option --constructor"],
    ["a value that is missing", ["--jobs"], "build: --jobs needs a value"],
    ["an empty value", ["--jobs="], "build: --jobs needs a value"],
    ["an option in place of a value", ["--jobs", "--json"], "build: --jobs needs a value"],
    ["a value for a switch", ["--force=yes"], "build: --force takes no value"],
    ["a number that is none", ["--jobs", "many"], "build: --jobs takes a whole number from 1 up, not `many`"],
    ["a number below one", ["--jobs", "0"], "build: --jobs takes a whole number from 1 up, not `0`"],
    ["a number with a point", ["--jobs", "1.5"], "build: --jobs takes a whole number from 1 up, not `1.5`"],
  ])("%s", (_, argv, message) => {
    expect(refused("build", ...argv)[0]?.split(";")[0]).toBe(message);
  });

  test("a word too many", () => {
    expect(refused("doctor", "now")).toEqual(["doctor: unexpected word `now`", "  next: bun run doctor --help"]);
    expect(refused("lint", "a", "b", "c")[0]).toBe("lint: unexpected word `c`");
  });
});

test("one letter is the option, and several stand together", () => {
  const args = readArguments(command("update"), ["-of", "--check"]);
  expect(["os", "firmware", "flatpak", "brew", "distrobox", "check"].filter((name) => args.has(name))).toEqual([
    ...["os", "flatpak", "check"],
  ]);
  expect(refused("update", "-ox")[0]).toContain("update: unknown option -x");
});

test("an option that is given more than once", () => {
  const args = readArguments(command("install-flatpaks"), ["--only", "org.a.A", "org.b.B", "--only=org.c.C"]);
  expect([args.values("only"), args.value("only"), args.words]).toEqual([
    ["org.a.A", "org.c.C"],
    "org.c.C",
    ["org.b.B"],
  ]);
  expect(args.values("list")).toEqual([]);
});

test("the letters of what many commands take", () => {
  const args = readArguments(command("build"), ["-nyq", "amd64", "-v"]);
  expect(["dry-run", "yes", "quiet", "verbose", "json"].map((name) => args.has(name))).toEqual([
    ...[true, true, true, true, false],
  ]);
  for (const one of commands) {
    const letters = one.options.flatMap((o) =>
      o.name === "yes" || o.name === "dry-run" ? [`${o.short} ${o.name}`] : [],
    );
    expect(letters.filter((letter) => !["y yes", "n dry-run"].includes(letter))).toEqual([]);
  }
});

test("-h is --help", () => {
  expect(readArguments(command("list"), ["-h"]).has("help")).toBe(true);
});

test("help shows the words, every option and an example", () => {
  expect(help(command("lint"))).toBe(`bun run lint [arch] [flavor] [options]
  check the manifest, shipped scripts, recipes and built images

  --json         one JSON document on stdout
  --list         show all checks with their names, and run none
  -h, --help     this text
  -q, --quiet    say nothing but the result and what is wrong
  -v, --verbose  show what the tools say too
  --version      the version of Slipway

example: bun run lint znver4 gnome`);
  for (const one of commands) for (const o of one.options) expect(help(one)).toContain(`--${o.name}`);
});
