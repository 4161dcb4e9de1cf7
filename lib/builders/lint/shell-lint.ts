import { relative } from "node:path";
import { readProjectFile } from "../../family/project-file.ts";
import { run } from "../../system/shell.ts";
import type { Progress } from "../../system/steps.ts";
import { tool } from "../../tools/tools.ts";
import { crash, type Finding, type Outcome, type Severity } from "./finding.ts";
import type { ShippedFile } from "./shell-files.ts";

/** What shellcheck says of one place; its own words are longer. */
interface Comment {
  file: string;
  line: number;
  column: number;
  level: string;
  code: number;
  message: string;
}

function isComments(value: unknown): value is Comment[] {
  return Array.isArray(value) && value.every((v) => typeof v?.file === "string" && typeof v.message === "string");
}

const severities: Record<string, Severity> = { error: "error", warning: "warning", info: "note", style: "note" };

/** shellcheck's `--format=json` as findings. @throws when it is something else. */
export function parseShellcheck(json: string, root: string): Finding[] {
  const comments: unknown = JSON.parse(json);
  if (!isComments(comments)) throw new Error("shellcheck answered in a form that is not known here");
  return comments.map(({ file, line, column, level, code, message }) => ({
    check: "shellcheck",
    severity: severities[level] ?? "warning",
    file: file.startsWith("/") ? relative(root, file) : file,
    line,
    column,
    message: `${message} (SC${code})`,
    next: `https://www.shellcheck.net/wiki/SC${code}`,
  }));
}

/** POSIX sh and bash, by shellcheck: of this machine, or of the toolbox. */
export async function shellcheck(root: string, files: ShippedFile[], progress: Progress): Promise<Outcome> {
  if (files.length === 0) return { findings: [] };
  const program = await tool("shellcheck", { cwd: root, progress });
  // Those without a first line must be told their shell, and shellcheck takes one shell for all of a call.
  const calls: { flags: string[]; files: ShippedFile[] }[] = [
    { flags: [], files: files.filter((f) => ["sh", "bash"].includes(f.kind) && !f.unnamed) },
    { flags: ["--shell=sh"], files: files.filter((f) => f.kind === "sh" && f.unnamed) },
    { flags: ["--shell=bash"], files: files.filter((f) => f.kind === "bash" && f.unnamed) },
  ];
  const findings: Finding[] = [];
  for (const { flags, files: some } of calls) {
    if (some.length === 0) continue;
    const argv = [...program, "--format=json", "--severity=style", ...flags, ...some.map((f) => f.file)];
    const { code, stdout, said } = await run(argv, { cwd: root, log: progress.log });
    if (code > 1) throw crash(1, `shellcheck ended with exit code ${code}`, said);
    findings.push(...parseShellcheck(stdout, root));
  }
  return { findings };
}

/** How a shell that shellcheck does not know reads a file without running it, and where in its words the line is. */
const readers = {
  zsh: { flags: ["--no-exec"], words: /^.*?:(\d+): (.*)$/ },
  fish: { flags: ["--no-execute"], words: /^.*? \(line (\d+)\): (.*)$/ },
} as const;

/** zsh and fish files, by the shell itself. */
export async function shellSyntax(kind: "zsh" | "fish", root: string, files: ShippedFile[]): Promise<Outcome> {
  const program = Bun.which(kind);
  if (!program) return { skipped: `there is no ${kind} on this machine to read them` };
  const findings: Finding[] = [];
  for (const { file } of files) {
    const { code, stderr } = await run([program, ...readers[kind].flags, file], { cwd: root });
    if (code === 0) continue;
    const [first = ""] = stderr.trim().split("\n");
    const [, line, message] = readers[kind].words.exec(first) ?? [];
    const at = line === undefined ? {} : { line: Number(line), column: 1 };
    findings.push({ check: `${kind}-syntax`, severity: "error", file, ...at, message: message ?? first });
  }
  return { findings };
}

/** The largest data file that is read, and held in memory as values. */
const mostData = 8_000_000;

/** JSON and TOML files must be readable at all. */
export async function dataSyntax(root: string, files: ShippedFile[]): Promise<Outcome> {
  const findings = files.flatMap(({ file, kind }): Finding[] => {
    const read = readProjectFile(root, file, mostData);
    if ("wrong" in read) return [{ check: `${kind}-syntax`, severity: "error", file, message: read.wrong }];
    try {
      if (kind === "json") JSON.parse(read.text);
      else Bun.TOML.parse(read.text);
      return [];
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      return [{ check: `${kind}-syntax`, severity: "error", file, message }];
    }
  });
  return { findings };
}
