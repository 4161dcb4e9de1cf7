// What aur-build does with a package that cannot be built, in temporary folders and with makepkg's own words.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const helpers = resolve(import.meta.dir, "../../containerfiles/helpers");
let top = "";

beforeEach(() => {
  top = mkdtempSync(join(tmpdir(), "slipway-aur-"));
  for (const folder of ["bin", "app-bin"]) mkdirSync(join(top, folder));
  // a pacman that knows no option, for the file of its functions
  writeFileSync(join(top, "bin/pacman"), "#!/bin/sh\n", { mode: 0o755 });
});
afterEach(() => rmSync(top, { recursive: true, force: true }));

function run(line: string, env: Record<string, string> = {}): { code: number; out: string; err: string } {
  const before = `set -euo pipefail; . ${helpers}/pm-pacman.sh; as_builder() { "$@"; }; . ${helpers}/aur-kept.sh`;
  const { exitCode, stdout, stderr } = Bun.spawnSync(["bash", "-c", `${before}; ${line}`], {
    cwd: top,
    env: {
      PATH: `${join(top, "bin")}:${process.env.PATH ?? "/usr/bin:/bin"}`,
      LC_ALL: "C.UTF-8",
      AUR_KEPT: join(top, "kept"),
      ...env,
    },
  });
  return { code: exitCode, out: stdout.toString(), err: stderr.toString() };
}

const hash = (text: string) => new Bun.CryptoHasher("sha256").update(text).digest("hex");

test("a source that changed is named, with the recipe's sum and its own", () => {
  writeFileSync(join(top, "app-bin/App Image"), "new");
  const sums = ["0".repeat(64), "SKIP"].map((sum) => `\tsha256sums = ${sum}\n`).join("");
  writeFileSync(
    join(top, "app-bin/.SRCINFO"),
    `pkgbase = app-bin\n${sums}\tsha256sums_x86_64 = SKIP\n\tsha256sums_x86_64 = ${hash("old")}\n`,
  );
  writeFileSync(
    join(top, "said"),
    [
      "==> Validating source files with sha256sums...",
      "    licence ... Passed",
      "    other ... Skipped",
      "==> Validating source_x86_64 files with sha256sums...",
      "    first ... Skipped",
      "    App Image ... FAILED",
      "==> ERROR: One or more files did not pass the validity check!",
      "",
    ].join("\n"),
  );
  const { code, out } = run("stale_sources app-bin app-bin said");
  expect([code, out.split("\n").slice(0, 3)]).toEqual([
    0,
    [
      "slipway: aur-build: app-bin: App Image is not what its recipe says",
      `    the recipe: sha256sums ${hash("old")}`,
      `    the file:   sha256sums ${hash("new")}`,
    ],
  ]);
  // words of a recipe that look like makepkg's
  writeFileSync(join(top, "said"), "==> Validating source files with x//;etouch\thit;sums...\n    a ... FAILED\n");
  expect(run("stale_sources app-bin app-bin said")).toMatchObject({ code: 0, out: "" });
  writeFileSync(join(top, "said"), "==> Validating source files with ./x...\n    a ... FAILED\n");
  expect(run("stale_sources app-bin app-bin said")).toMatchObject({ code: 0, out: "" });
  writeFileSync(join(top, "said"), "==> ERROR: A failure occurred in build().\n");
  expect(run("stale_sources app-bin app-bin said")).toMatchObject({ code: 0, out: "" });
});

test("a folder without the package has no file of it", () => {
  writeFileSync(join(top, "app-data-1-1-any.pkg.tar.zst"), "");
  expect(run("package_file . app; package_file . app-data").out).toBe("./app-data-1-1-any.pkg.tar.zst\n");
});

test("a failure stops the build, unless packages are kept; after it nothing of that package is done", () => {
  const line = "work() { false; touch done; }; try work; echo status $status";
  expect(run(line)).toMatchObject({ code: 1, out: "" });
  expect(run(line, { AUR_ON_FAILURE: "keep" })).toMatchObject({ code: 0, out: "status 1\n" });
  expect(existsSync(join(top, "done"))).toBe(false);
});
