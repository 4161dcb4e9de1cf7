/** A loop may hold up signals and timers for so long: Ctrl-C is answered at once, and the loop is hardly slower. */
const turn = 50;

/**
 * Goes through what may be long, and lets signals and timers in now and then. Every loop over an image's files that is not in a
 * thread of its own is one of these: a million of them take seconds.
 */
export async function inTurns<T>(items: Iterable<T>, each: (item: T) => void): Promise<void> {
  let until = performance.now() + turn;
  for (const item of items) {
    each(item);
    if (performance.now() < until) continue;
    await new Promise((resolve) => setImmediate(resolve));
    until = performance.now() + turn;
  }
}

/** Runs work that stops now and then to be gone on with, and lets signals and timers in. @returns what it comes to */
export async function workInTurns<R>(work: Generator<void, R, void>): Promise<R> {
  const end: { value?: R } = {};
  function* steps(): Generator<void> {
    end.value = yield* work;
  }
  await inTurns(steps(), () => undefined);
  return end.value as R;
}

/** 0, 1, 2 … below `count`. */
export function* upTo(count: number): Generator<number> {
  for (let i = 0; i < count; i++) yield i;
}
