import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Family, Target } from "../../family/family.ts";
import { readProjectFile } from "../../family/project-file.ts";
import { missingRows } from "../../family/readme.ts";
import type { Finding, Outcome } from "./finding.ts";

/** More than anybody reads. */
const mostReadme = 4_000_000;

/** Flavors that the table in README.md does not have yet. A family need not have a README, or a table in it. */
export async function readmeRows(targets: Target[], family: Family): Promise<Outcome> {
  if (!existsSync(join(family.root, "README.md"))) return { findings: [] };
  const read = readProjectFile(family.root, "README.md", mostReadme);
  if ("wrong" in read) return { skipped: `README.md: ${read.wrong}` };
  const missing = missingRows(read.text, family);
  const findings = missing.flatMap((name): Finding[] => {
    const mine = targets.filter((t) => t.flavor.name === name).map((t) => t.reference);
    if (mine.length === 0) return [];
    const message = `README.md has no row for flavor ${name}`;
    return [{ check: "readme", severity: "note", targets: mine, message, next: "bun run readme" }];
  });
  return { findings };
}
