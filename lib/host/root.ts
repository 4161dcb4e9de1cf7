import { exit, Failure } from "../system/errors.ts";
import { canAsk } from "../system/output.ts";
import { isRoots, whose } from "./whose.ts";

/** Programs that make one user another, the usual one first. */
interface Way {
  program: string;
  /** What keeps it from asking where nobody can answer. */
  silent: string[];
  /** Root becomes a user, by name or number, with that user's home. */
  become(user: string | number): string[];
}
const ways: Way[] = [
  {
    program: "sudo",
    silent: ["-n"],
    become: (user) => ["-H", "-u", typeof user === "number" ? `#${user}` : user, "--"],
  },
  { program: "run0", silent: ["--no-ask-password"], become: (user) => [`--user=${user}`, "--"] },
  { program: "doas", silent: ["-n"], become: (user) => ["-u", String(user), "--"] },
];

type Which = (program: string) => string | null;

/** The PATH as the caller had it. */
const callersPath = process.env.PATH ?? "";

/** A program on the PATH, for root on `rootsPath`. */
export const onPath: Which = (program) => Bun.which(program, { PATH: process.env.PATH ?? "" });

/** A program anywhere on the caller's PATH: it runs as the user who controls it. */
export const anywhere: Which = (program) => Bun.which(program, { PATH: callersPath });

/**
 * Root runs no program that somebody else can swap: other users' folders, such as Homebrew's, leave the PATH.
 * For this process and all that it starts.
 */
export function keepRootsPath(): void {
  if (process.getuid?.() !== 0) return;
  const all = callersPath.split(":").filter((folder) => folder.startsWith("/"));
  process.env.PATH = all.filter(isRoots).join(":");
}

/** The way that this machine has. @throws Failure (missing) */
function way(which: Which, what: string, next: string): Way {
  const found = ways.find(({ program }) => which(program));
  if (found) return found;
  throw new Failure(exit.missing, what, { tried: ways.map(({ program }) => `${program} on the PATH`), next });
}

/** The words with which root becomes a user. */
function userWords(user: string | number, which: Which): string[] {
  const { program, become } = way(
    which,
    `no way to run something as user ${user}`,
    "run the same command as that user",
  );
  return [program, ...become(user)];
}

/**
 * The words before a command that only root may run; none for root.
 * @throws Failure (missing) where there is no way to become root
 */
export function rootWords(uid = process.getuid?.() ?? 0, mayAsk = canAsk, which = onPath): string[] {
  if (uid === 0) return [];
  const what = "this needs root, and there is no way to become it";
  const { program, silent } = way(which, what, "run the same command as root");
  return [program, ...(mayAsk ? [] : silent)];
}

/** A command of the user's own: where the user has become root by sudo or run0, it runs as the user again. */
export function asUser(
  argv: readonly string[],
  uid = process.getuid?.() ?? 0,
  env = process.env,
  which = onPath,
): string[] {
  const user = env.SUDO_USER;
  const again = uid === 0 && user && user !== "root";
  return [...(again ? userWords(user, which) : []), ...argv];
}

/**
 * A program that belongs to one person, with all that it looks after (Homebrew): root runs it as that person, by number, as an
 * account may have any name, and from a folder that everybody may read, which Homebrew insists on. That person is whoever can swap the
 * program, not who owns what is there at the moment. @throws Failure where anybody could swap it
 */
export function asOwner(program: string, words: string[]): string[] {
  const uid = process.getuid?.() ?? 0;
  const owner = uid === 0 ? whose(program) : uid;
  return [...(owner === uid ? [] : ["env", "--chdir=/", ...userWords(owner, onPath)]), program, ...words];
}

/** A command as root, with variables that sudo would drop. */
export function asRoot(argv: readonly string[], env: Record<string, string> = {}): string[] {
  const settings = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  return [...rootWords(), ...(settings.length ? ["env", ...settings] : []), ...argv];
}
