// The functions of pacman for a build, with a pacman of a few lines that writes down how it was called.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const helpers = resolve(import.meta.dir, "../../containerfiles/helpers");
let top = "";

const fakePacman = `#!/bin/bash
case "$*" in
    "-S --help") cat "$FAKE/help"; exit ;;
    -Qq) cat "$FAKE/installed"; exit ;;
    -Quq) cat "$FAKE/outdated" || exit; [ -s "$FAKE/outdated" ]; exit ;;
    "-Slq -- "*) [ -e "$FAKE/theirs" ] || { echo "error: no list" >&2; exit 1; }; cat "$FAKE/theirs"; exit ;;
esac
echo "$*" | sed 's/^--noconfirm --noprogressbar --color never //' >>"$FAKE/calls"
`;

function give(name: string, text: string): void {
  writeFileSync(join(top, name), text);
}

function program(name: string, text: string): void {
  give(`bin/${name}`, text);
  chmodSync(join(top, "bin", name), 0o755);
}

beforeEach(() => {
  top = mkdtempSync(join(tmpdir(), "slipway-pacman-"));
  mkdirSync(join(top, "bin"));
  program("pacman", fakePacman);
  program("pacman-conf", '#!/bin/sh\necho "$FAKE/$1/"\n');
  program("pacman-key", '#!/bin/sh\necho "key $*" >>"$FAKE/calls"\n');
  give("help", "  --disable-sandbox\n");
  give("installed", "glibc\nbash\nonly-here\n");
  give("outdated", "");
});
afterEach(() => rmSync(top, { recursive: true, force: true }));

/** Runs a line of shell with the functions; gives back its exit code and how pacman was called. */
function run(line: string): { code: number; calls: string[]; err: string } {
  const { exitCode, stderr } = Bun.spawnSync(["bash", "-c", `set -euo pipefail; . ${helpers}/pm-pacman.sh; ${line}`], {
    env: { PATH: `${join(top, "bin")}:${process.env.PATH ?? "/usr/bin:/bin"}`, FAKE: top, LC_ALL: "C.UTF-8" },
  });
  const calls = join(top, "calls");
  return {
    code: exitCode,
    calls: existsSync(calls) ? readFileSync(calls, "utf8").trim().split("\n") : [],
    err: stderr.toString(),
  };
}

describe("a full upgrade", () => {
  test("installs what the arch's repositories have from them, though the version is the same", () => {
    give("theirs", "zlib\nglibc\nbash\n");
    mkdirSync(join(top, "CacheDir"));
    give("CacheDir/bash-5.3-1-x86_64_v4.pkg.tar.zst", "another repository's");
    expect(run("full_upgrade cachyos-znver4")).toMatchObject({
      code: 0,
      calls: ["--disable-sandbox -Sy", "--disable-sandbox -Su -- bash glibc"],
    });
    expect(readdirSync(join(top, "CacheDir"))).toEqual([]);
  });

  test("stops where a repository has no list, and names nothing without repositories", () => {
    const { code, calls } = run("full_upgrade cachyos-znver4");
    expect([code, calls]).toEqual([1, ["--disable-sandbox -Sy"]]);
    expect(run("full_upgrade").calls.slice(1)).toEqual(["--disable-sandbox -Sy", "--disable-sandbox -Su --"]);
  });

  test("brings keyrings first, with a key of pacman's own to sign them", () => {
    give("outdated", "bash\narchlinux-keyring\ngnome-keyring\ncachyos-keyring\n");
    expect(run("full_upgrade").calls).toEqual([
      "--disable-sandbox -Sy",
      "key --init",
      "--disable-sandbox -S --needed -- archlinux-keyring cachyos-keyring",
      "--disable-sandbox -Su --",
    ]);
    rmSync(join(top, "calls"));
    mkdirSync(join(top, "GPGDir/private-keys-v1.d"), { recursive: true });
    expect(run("full_upgrade").calls).not.toContain("key --init");
  });

  // pacman ends by SIGPIPE where a reader has seen enough, and pipefail takes that for "nothing found".
  test("sees a keyring at the beginning of a long list", () => {
    const many = Array.from({ length: 20_000 }, (_, i) => `package-${i}\n`).join("");
    give("outdated", `archlinux-keyring\n${many}`);
    expect(run("full_upgrade").calls).toContain("key --init");
  });
});

test("pacman's sandbox is off in each call, and an older pacman is not asked for that", () => {
  for (const line of ["pm_install jq", "pm_remove mesa", "full_upgrade"])
    for (const call of run(line).calls) expect(call).toStartWith("--disable-sandbox ");
  give("help", "  --needed\n");
  rmSync(join(top, "calls"));
  expect(run("pm_install jq").calls).toEqual(["-S --needed -- jq"]);
});
