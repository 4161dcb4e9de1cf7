import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { join } from "node:path";
import { toolRoot } from "../system/project.ts";
import type { Figure } from "./build.ts";

const intro = `# Benchmarks

Written by \`bun run bench\`; each part says when and on what it was measured. Times are medians of whole processes; machines
differ and are shared, so the last column matters more than the second.
`;

function machine(): string {
  const model = (cpus()[0]?.model ?? "unknown CPU").replaceAll(/\s+/g, " ").trim();
  return `${cpus().length} cores of ${model}, ${Math.round(totalmem() / 2 ** 30)} GiB, Bun ${Bun.version}`;
}

function section(name: string, figures: Figure[]): string {
  const rows = figures.map((f) => `| ${f.what} | ${f.figure} | ${f.goal} | ${f.beside} |`);
  const date = new Date().toISOString().slice(0, 10);
  return [
    `<!-- ${name} -->`,
    `## ${name}`,
    "",
    `${date}, ${machine()}`,
    "",
    "| what | measured | goal | beside |",
    "| --- | --- | --- | --- |",
    ...rows,
    `<!-- /${name} -->`,
  ].join("\n");
}

/** Puts the measured parts into docs/benchmarks.md; parts that were not measured stay as they are. */
export function writeBenchmarks(sections: Map<string, Figure[]>, file = join(toolRoot, "docs/benchmarks.md")): void {
  let text = existsSync(file) ? readFileSync(file, "utf8") : intro;
  for (const [name, figures] of sections) {
    const made = section(name, figures);
    const known = new RegExp(`<!-- ${name} -->.*?<!-- /${name} -->`, "s");
    text = known.test(text) ? text.replace(known, () => made) : `${text}\n${made}\n`;
  }
  writeFileSync(file, text);
}
