import { statSync } from "node:fs";
import { exit, Failure } from "../cli/errors.ts";
import { canAsk } from "../cli/output.ts";

/** Programs that make somebody root, the usual one first, with what keeps each from asking where nobody can answer. */
const ways: { program: string; silent: string[] }[] = [
  { program: "sudo", silent: ["-n"] },
  { program: "run0", silent: ["--no-ask-password"] },
  { program: "doas", silent: ["-n"] },
];

/**
 * The words before a command that only root may run; none for root.
 * @throws Failure (missing) where there is no way to become root
 */
export function rootWords(
  uid = process.getuid?.() ?? 0,
  mayAsk = canAsk,
  which: (program: string) => string | null = (program) => Bun.which(program),
): string[] {
  if (uid === 0) return [];
  for (const { program, silent } of ways) if (which(program)) return [program, ...(mayAsk ? [] : silent)];
  throw new Failure(exit.missing, "this needs root, and there is no way to become it", {
    tried: ways.map(({ program }) => `${program} on the PATH`),
    next: "run the same command as root",
  });
}

/** A command of the user's own: where the user has become root by sudo or run0, it runs as the user again. */
export function asUser(argv: readonly string[], uid = process.getuid?.() ?? 0, env = process.env): string[] {
  const user = env.SUDO_USER;
  const again = uid === 0 && user && user !== "root";
  return again ? ["sudo", "-H", "-u", user, "--", ...argv] : [...argv];
}

/**
 * A program that belongs to one person, with all that it looks after (Homebrew): root runs it as that person, by number, as an
 * account may have any name, and from a folder that everybody may read, which Homebrew insists on.
 */
export function asOwner(program: string, words: string[], uid = process.getuid?.() ?? 0): string[] {
  const owner = uid === 0 ? statSync(program).uid : uid;
  const become = ["env", "--chdir=/", "sudo", "-H", "-u", `#${owner}`, "--"];
  return [...(owner === uid ? [] : become), program, ...words];
}

/** A command as root, with variables that sudo would drop. */
export function asRoot(argv: readonly string[], env: Record<string, string> = {}): string[] {
  const settings = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  return [...rootWords(), ...(settings.length ? ["env", ...settings] : []), ...argv];
}
