/** Milliseconds for which a loop may delay signals and timers: Ctrl-C works at once, and the loop is hardly slower. */
const turn = 50;

/**
 * Goes through a long list, and lets signals and timers run now and then. Every loop over an image's files outside a thread of
 * its own must use it: a million files take seconds.
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

/** Runs a generator to its end, and lets signals and timers run now and then. @returns its result */
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
