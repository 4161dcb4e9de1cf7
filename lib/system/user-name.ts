import { readFileSync } from "node:fs";

/**
 * The name of a user by number, as /etc/passwd has it; undefined for who is not in there, say a user of a directory service.
 * The environment is not asked: it lacks USER below systemd and cron, and Bun's userInfo() repeats what it says.
 * Source: passwd(5).
 */
export function userName(id: number): string | undefined {
  try {
    const lines = readFileSync("/etc/passwd", "utf8").split("\n");
    return lines.map((line) => line.split(":")).find((fields) => fields[2] === String(id))?.[0] || undefined;
  } catch {
    return undefined;
  }
}
