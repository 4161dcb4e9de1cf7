import { lineage, type Target } from "../../family/family.ts";
import { smokeOf } from "../../family/smoke.ts";
import { installedLine } from "../../packages/installed.ts";
import type { Progress } from "../../system/steps.ts";
import { podman } from "../../tools/podman.ts";
import { crash, type Finding, type Outcome } from "./finding.ts";

/** What `bootc container lint` said. */
export interface BootcWords {
  failed: { name: string; message: string }[];
  warnings: { name: string; message: string }[];
  /** Undefined where it did not say: then it did not come to its end. */
  passed: number | undefined;
}

/** bootc's lines: `Failed lint: NAME: …`, `Lint warning: NAME: …`, `Checks passed: N`; indented lines go on with the one before. */
export function parseBootcLint(said: string): BootcWords {
  const words: BootcWords = { failed: [], warnings: [], passed: undefined };
  let last: { message: string } | undefined;
  for (const line of said.split("\n")) {
    const [, kind, name = "", message = ""] = /^(Failed lint|Lint warning): ([\w-]+): (.*)$/.exec(line) ?? [];
    const passed = /^Checks passed: (\d+)/.exec(line)?.[1];
    if (kind) {
      last = { message };
      words[kind === "Failed lint" ? "failed" : "warnings"].push(Object.assign(last, { name }));
    } else if (last && /^\s+\S/.test(line)) last.message += ` ${line.trim()}`;
    else last = undefined;
    if (passed !== undefined) words.passed = Number(passed);
  }
  return words;
}

const inImage = ["run", "--rm", "--network", "none"];

/** Runs bootc's own lint in a built image. Exit codes of podman run: podman-run(1). */
export async function bootcLint({ reference, flavor }: Target, progress: Progress): Promise<Outcome> {
  const argv = [...inImage, reference, "bootc", "container", "lint"];
  const { code, stdout, stderr, said } = await podman(argv, { log: progress.log });
  const targets = [reference];
  if (code === 127) {
    if (!flavor.bootc) return { skipped: "the image has no bootc, and need not have it" };
    const message = "the image is meant for bootc, and has no bootc";
    return {
      findings: [
        {
          check: "bootc",
          severity: "error",
          targets,
          message,
          next: "install bootc in the image, or leave out `bootc: true`",
        },
      ],
    };
  }
  const { failed, warnings, passed } = parseBootcLint(`${stdout}\n${stderr}`);
  if (
    code === 125 ||
    code === 126 ||
    (passed === undefined && failed.length === 0) ||
    (code !== 0 && failed.length === 0)
  )
    throw crash(1, `bootc container lint did not come to its end in ${reference} (exit code ${code})`, said);
  return {
    findings: [
      ...failed.map(({ name, message }): Finding => ({ check: `bootc ${name}`, severity: "error", targets, message })),
      ...warnings.map(
        ({ name, message }): Finding => ({ check: `bootc ${name}`, severity: "warning", targets, message }),
      ),
    ],
  };
}

/** Run by the image's own sh: a line a fact. */
const look = `
# Not running, a finished image has no /var: dpkg's database is where its link would lead.
if [ -d /usr/lib/sysimage/dpkg ]; then export DPKG_ADMINDIR=/usr/lib/sysimage/dpkg; fi
kind=
for word; do
  case $word in --*) kind=$word; continue ;; esac
  case $kind in
    --file) [ -e "$word" ] || [ -L "$word" ] || echo "missing $word" ;;
    --absent) ! { [ -e "$word" ] || [ -L "$word" ]; } || echo "present $word" ;;
    --enabled) state=$(systemctl --root=/ is-enabled "$word" 2>/dev/null) || echo "disabled $word \${state:-unknown}" ;;
    --package) ${installedLine('"$word"')} || echo "uninstalled $word" ;;
  esac
done
echo done
`;

const facts: Record<string, (name: string, more: string) => string> = {
  missing: (name) => `${name} is not in the image`,
  present: (name) => `${name} is in the image`,
  disabled: (name, state) => `${name} is not enabled: ${state}`,
  uninstalled: (name) => `the package ${name} is not installed`,
};

/** Only while the image runs: what is mounted or made there cannot be looked at before. */
const atRunTime = /^\/(dev|proc|sys|run|tmp)\//;

/** The part of `smoke` that needs no running machine: files, packages, units that are on. */
export async function contents({ reference, flavor }: Target, progress: Progress): Promise<Outcome> {
  const all = lineage(flavor);
  const off = all.flatMap((f) => [...f.units.disable, ...f.units.mask]);
  const ask = (flag: string, words: string[]) => (words.length ? [flag, ...new Set(words)] : []);
  const smoke = smokeOf(flavor);
  const words = [
    ...ask(
      "--file",
      smoke.files.filter((path) => !atRunTime.test(path)),
    ),
    ...ask(
      "--absent",
      smoke.absent.filter((path) => !atRunTime.test(path)),
    ),
    ...ask("--package", smoke.packages),
    ...ask(
      "--enabled",
      all.flatMap((f) => f.units.enable).filter((unit) => !off.includes(unit)),
    ),
  ];
  const argv = [...inImage, "--entrypoint", "sh", reference, "-c", look, "sh", ...words];
  const { code, stdout, said } = await podman(argv, { log: progress.log });
  const lines = stdout.trim().split("\n");
  if (code === 127) return { skipped: "the image has no sh to look with" };
  if (code !== 0 || lines.at(-1) !== "done") throw crash(1, `${reference} could not be looked into`, said);
  const findings = lines.slice(0, -1).flatMap((line): Finding[] => {
    const [fact = "", name = "", ...more] = line.split(" ");
    const message = facts[fact]?.(name, more.join(" "));
    if (message === undefined) return [];
    return [
      {
        check: "contents",
        severity: "error",
        targets: [reference],
        message,
        next: "see smoke and units in the flavor",
      },
    ];
  });
  return { findings };
}
