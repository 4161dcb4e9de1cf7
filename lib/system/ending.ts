import { endForgotten } from "./container-processes.ts";
import { ownerLabel } from "./owner.ts";
import { findStore, isBetweenWrites } from "./podman-store.ts";
import { isStopped, signal, startOf, withChildren } from "./process.ts";
import { question } from "./question.ts";

/**
 * How a command ends a program that it started. Most programs get SIGTERM, and SIGKILL if they ignore it. podman must not get
 * either at a bad moment: 4.3 ends at once, and if it was writing an image, the store keeps an image without a manifest, which
 * makes every later command fail. So it depends on what podman does:
 *
 * - If it runs a container: SIGTERM (podman itself delays that while it makes the container), then the container is removed.
 * - Else it is stopped (SIGSTOP), so that the store does not change during a look at it. If no image is half written, podman is
 *   killed; else it goes on for a moment.
 */

/** A program that runs, and how it was started. */
export interface Started {
  pid: number;
  argv: readonly string[];
  /** In addition to this process's own environment. */
  env: Record<string, string | undefined>;
}

/** Milliseconds: a program that has not reacted to SIGTERM by then will not. */
const patience = 3000;
/** How long podman may take for what must not be interrupted; a commit of a large image takes a few seconds on a slow disk. */
const patienceForStore = 30_000;
/** Between two looks at the store: longer than one write, shorter than a step of a build. */
const pause = 20;

const settings = /^(env|[A-Z_]+=.*)$/;

/** podman's own words, and those up to it; undefined for another program. */
export function podmanIn(argv: readonly string[]): { words: string[]; args: string[] } | undefined {
  const at = argv.findIndex((word) => !settings.test(word));
  if (!/^(.*\/)?podman$/.test(argv[at] ?? "")) return undefined;
  return { words: argv.slice(0, at + 1), args: argv.slice(at + 1) };
}

/** The mark of the container that these words start. */
function markIn(args: string[]): string | undefined {
  const label = `--label=${ownerLabel}=`;
  return args.find((word) => word.startsWith(label))?.slice(label.length);
}

/** The process and all that came from it, with when each began: a number that was given anew is not theirs. */
function family(pid: number): (name: NodeJS.Signals) => void {
  const all = withChildren(pid).map((one) => ({ pid: one, began: startOf(one) }));
  return (name) => {
    for (const one of all) if (startOf(one.pid) === one.began) signal(one.pid, name);
  };
}

async function within(milliseconds: number, ended: Promise<unknown>): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<false>((done) => {
    timer = setTimeout(done, milliseconds, false);
  });
  const result = await Promise.race([
    ended.then(
      () => true,
      () => true,
    ),
    late,
  ]);
  clearTimeout(timer);
  return result;
}

async function endPlainly(pid: number, ended: Promise<unknown>): Promise<void> {
  const send = family(pid);
  send("SIGTERM");
  if (await within(patience, ended)) return;
  send("SIGKILL");
  await within(patience, ended);
}

/** Stops all threads, so that the store does not change. A thread that waits for the disk stops after that. */
function stopAll(pid: number, send: (name: NodeJS.Signals) => void): boolean {
  send("SIGSTOP");
  for (let tries = 0; tries < 200; tries++) {
    if (withChildren(pid).every(isStopped)) return true;
    Bun.sleepSync(1);
  }
  return false;
}

async function endBetweenWrites({ pid, env }: Started, words: string[], ended: Promise<unknown>): Promise<void> {
  family(pid)("SIGCONT"); // whoever was about to end it may have been killed: a stopped podman holds the store's locks
  const store = await findStore(words, env);
  const end = performance.now() + patienceForStore;
  for (;;) {
    // No await here: a second Ctrl-C would get in during one and leave podman stopped.
    const send = family(pid);
    const good = stopAll(pid, send) && (!store || isBetweenWrites(store));
    send(good || performance.now() > end ? "SIGKILL" : "SIGCONT");
    if (await within(good ? patience : pause, ended)) return;
    if (performance.now() > end + patience) return;
  }
}

/** Removes the containers with a mark. @returns whether podman did it. */
async function removeMarked(words: string[], env: Started["env"], mark: string): Promise<boolean> {
  const filter = ["--filter", `label=${ownerLabel}=${mark}`];
  const { code, stdout } = await question([...words, "ps", "--all", "--quiet", ...filter], env, { cleaning: true });
  const ids = stdout.split("\n").filter(Boolean);
  if (code !== 0 || ids.length === 0) return code === 0;
  const remove = [...words, "rm", "--force", "--time", "0", "--volumes", ...ids];
  return (await question(remove, env, { cleaning: true })).code === 0;
}

async function endContainer(started: Started, words: string[], mark: string, ended: Promise<unknown>): Promise<void> {
  const { pid, env } = started;
  family(pid)("SIGTERM");
  // its first process may ignore SIGTERM, which podman hands on
  await within(pause, ended);
  for (let tries = 3; tries > 0; tries--) {
    await removeMarked(words, env, mark);
    if (await within(patience, ended)) break;
  }
  family(pid)("SIGKILL");
  await within(patience, ended);
  await removeMarked(words, env, mark);
  await endForgotten(mark);
}

/**
 * Ends a program and everything that it started.
 * @param ended is settled when it has ended.
 */
export function endProgram(started: Started, ended: Promise<unknown>): Promise<void> {
  const podman = podmanIn(started.argv);
  if (!podman) return endPlainly(started.pid, ended);
  const mark = markIn(podman.args);
  if (mark !== undefined) return endContainer(started, podman.words, mark, ended);
  return endBetweenWrites(started, podman.words, ended);
}
