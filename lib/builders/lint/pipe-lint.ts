import { readProjectFile } from "../../family/project-file.ts";
import type { Finding, Outcome } from "./finding.ts";
import type { ShippedFile } from "./shell-files.ts";

/**
 * Programs that stop reading a pipe before its end. What writes into it is then killed by SIGPIPE, now and then and by chance;
 * `pipefail` makes a failure of that. shellcheck does not know it. Source: bash(1), "pipefail"; signal(7), SIGPIPE.
 */
const early = [
  // a word of options with q or m in it, before a letter that takes the rest of the word
  { program: /^[efz]?grep$/, option: /^(-[^-efABCdD]*[qm]|--(quiet|silent|max-count))/, fix: "grep … >/dev/null" },
  { program: /^head$/, option: undefined, fix: "awk 'NR == 1', or sed -n 1p" },
];

/** A pipe, not `||`, and the words of the program behind it, which may be in the next line. */
const behindPipe = /(?<![|>])\|&?(?!\|)(?:\s|\\\n)*(?:!\s+)?([\w-]+)([^|;&()\n]*)/g;

/** What of a script would end by chance. Pure. */
export function earlyReaders(file: string, text: string): Finding[] {
  // helpers without a first line are sourced by those that set it
  const pipefail = /^\s*set\s.*\bpipefail\b/m.test(text) || !text.startsWith("#!");
  const blank = (all: string) => all.replaceAll(/[^\n]/g, " ");
  // what is no pipe: comments, words in quotes, patterns behind =~, the patterns of a case
  const code = text
    .replaceAll(/^[ \t]*#.*$/gm, blank)
    .replaceAll(/'[^'\n]*'/g, blank)
    .replaceAll(/"[^"$`\n]*"/g, blank)
    .replaceAll(/=~[^\n]*?\]\]/g, blank)
    .replaceAll(/^[ \t]*[\w*?.|"'-]+\)(?=\s)/gm, blank);
  return [...code.matchAll(behindPipe)].flatMap((match): Finding[] => {
    const [, program = "", rest = ""] = match;
    const found = early.find((row) => row.program.test(program));
    const [options = ""] = rest.split(/\s--(?:\s|$)/);
    const word = found?.option ? options.split(/\s+/).find((one) => found.option?.test(one)) : "";
    // without pipefail, head does no harm; grep is as easily written well
    if (!found || word === undefined || (!found.option && !pipefail)) return [];
    const before = code.slice(0, match.index + match[0].length - rest.length - program.length).split("\n");
    return [
      {
        check: "early-reader",
        severity: "error",
        file,
        line: before.length,
        column: (before.at(-1) ?? "").length + 1,
        message: `\`${[program, word].join(" ").trim()}\` stops before the end of the pipe: what writes into it fails by chance`,
        next: `read all of it (${found.fix}), or put the text into a variable first`,
      },
    ];
  });
}

/** Looks into scripts of sh and bash for programs that stop reading a pipe. */
export async function pipes(root: string, files: ShippedFile[]): Promise<Outcome> {
  const findings = files.flatMap(({ file }): Finding[] => {
    const read = readProjectFile(root, file);
    if ("text" in read) return earlyReaders(file, read.text);
    return [{ check: "early-reader", severity: "warning", file, message: read.wrong }];
  });
  return { findings };
}
