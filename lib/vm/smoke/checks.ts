import { isFound } from "../../family/pattern.ts";
import type { Smoke } from "../../family/smoke.ts";
import { installedLine } from "../../packages/installed.ts";
import { quote } from "../../system/shell.ts";

/** One thing that must hold in a running system. */
export interface Check {
  kind: string;
  /** What it is about: a unit, a path, a command. */
  subject: string;
  /** A line of POSIX shell; what it says is judged. */
  line: string;
  /** @returns what is wrong, or undefined. */
  judge(code: number, said: string): string | undefined;
  /** Whose journal tells more. */
  unit?: string;
}

const exitsWell = (what: string) => (code: number, said: string) => (code === 0 ? undefined : said.trim() || what);

/** Numbers and blanks as the kernel shows them. */
const even = (text: string) => text.trim().replaceAll(/\s+/g, " ");

type Kinds = { [K in keyof Smoke]: (wanted: Smoke[K]) => Check[] };

/** How each kind of promise is looked at. */
const kinds: Kinds = {
  units: (units) =>
    units.map((unit) => ({
      ...{ kind: "unit", subject: unit, unit },
      line: `systemctl is-active ${quote(unit)}`,
      judge: (code, said) => (code === 0 ? undefined : `it is ${said.trim() || "unknown"}, not active`),
    })),
  files: (paths) =>
    paths.map((path) => ({
      ...{ kind: "file", subject: path },
      line: `test -e ${quote(path)} || test -L ${quote(path)}`,
      judge: exitsWell("it is not there"),
    })),
  absent: (paths) =>
    paths.map((path) => ({
      ...{ kind: "absent", subject: path },
      line: `! test -e ${quote(path)} && ! test -L ${quote(path)}`,
      judge: exitsWell("it is there"),
    })),
  packages: (names) =>
    names.map((name) => ({
      ...{ kind: "package", subject: name },
      line: installedLine(quote(name)),
      judge: (code) => (code === 0 ? undefined : "it is not installed"),
    })),
  commands: (commands) =>
    commands.map(({ run, output }) => ({
      ...{ kind: "command", subject: run },
      line: run,
      judge: (code, said) => {
        if (code !== 0) return `it ended with ${code}: ${said.trim().split("\n").slice(-3).join(" / ")}`;
        if (output === undefined || isFound(output, said)) return undefined;
        return `it said ${JSON.stringify(said.trim().slice(0, 200))}, not /${output}/`;
      },
    })),
  kargs: (kargs) =>
    kargs.map((karg) => ({
      ...{ kind: "kernel argument", subject: karg },
      line: "cat /proc/cmdline",
      judge: (_, said) => (even(said).split(" ").includes(karg) ? undefined : `the kernel was given: ${even(said)}`),
    })),
  sysctl: (settings) =>
    Object.entries(settings).map(([name, value]) => ({
      ...{ kind: "sysctl", subject: name },
      line: `cat ${quote(`/proc/sys/${name.replaceAll(".", "/")}`)}`,
      judge: (code, said) =>
        code === 0 && even(said) === even(String(value)) ? undefined : `it is ${even(said)}, not ${value}`,
    })),
  mounts: (paths) =>
    paths.map((path) => ({
      ...{ kind: "mount", subject: path },
      line: `awk -v path=${quote(path)} '$5 == path { found = 1 } END { exit !found }' /proc/self/mountinfo`,
      judge: exitsWell("nothing is mounted there"),
    })),
  users: (names) =>
    names.map((name) => ({
      ...{ kind: "user", subject: name },
      line: `getent passwd ${quote(name)}`,
      judge: (code) => (code === 0 ? undefined : "there is no such user"),
    })),
};

/** What each kind of promise says, as a sentence: `lint --list`. */
const sentences: Record<keyof Smoke, string> = {
  units: "the unit is active",
  files: "the file is there",
  absent: "the file is not there",
  packages: "the package is installed",
  commands: "the command ends with 0, and its output has the pattern",
  kargs: "the kernel got the argument",
  sysctl: "the kernel setting has the value",
  mounts: "something is mounted there",
  users: "the user exists",
};

/** All checks of `smoke`, with their names. */
export const smokeChecks = [
  { name: "system", sentence: "no unit failed" },
  ...Object.entries(sentences).map(([name, sentence]) => ({ name, sentence })),
];

/** Nothing failed; the units that did are named, with their journal. */
const nothingFailed: Check = {
  kind: "system",
  subject: "no unit failed",
  line: "systemctl list-units --failed --plain --no-legend | awk '{ print $1 }'",
  judge: (code, said) => (code === 0 && said.trim() === "" ? undefined : `failed: ${even(said)}`),
};

/** Everything that a flavor promises, as checks. */
export function checksOf(smoke: Smoke): Check[] {
  const of = <K extends keyof Smoke>(key: K) => kinds[key](smoke[key]);
  const keys = Object.keys(kinds) as (keyof Smoke)[];
  return [nothingFailed, ...keys.flatMap((key) => of(key))];
}

/** No command of a check may wait for ever. */
const patience = 300;

/**
 * All checks as one script for a shell's stdin, so that a slow guest is asked once.
 * @param mark a word that no check says; it ends what each of them said.
 */
export function scriptOf(checks: Check[], mark: string): string {
  const lines = checks.map(
    ({ line }, i) =>
      `timeout ${patience} sh -c ${quote(line)} </dev/null 2>&1; printf '\\n%s %s %s\\n' ${mark} ${i} "$?"`,
  );
  return ["export LC_ALL=C.UTF-8 SYSTEMD_PAGER= SYSTEMD_COLORS=0", ...lines, ""].join("\n");
}

/** What each check ended with and said, in order; a check that the answer does not hold is undefined. */
export function readAnswers(out: string, mark: string, count: number): ({ code: number; said: string } | undefined)[] {
  const answers = new Array<{ code: number; said: string } | undefined>(count).fill(undefined);
  let from = 0;
  for (const m of out.matchAll(new RegExp(`\\n?${mark} (\\d+) (\\d+)\\n`, "g"))) {
    answers[Number(m[1])] = { code: Number(m[2]), said: out.slice(from, m.index) };
    from = m.index + m[0].length;
  }
  return answers;
}
