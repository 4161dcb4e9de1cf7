const underway = new Map<string, Promise<unknown>>();

/**
 * Does a piece of work once where several parts of a command ask for it at the same time: the first one begins it, the others
 * wait for its end and get the same. Who asks after that begins it anew.
 * @param what names the work, for the whole process.
 */
export function together<T>(what: string, work: () => Promise<T>): Promise<T> {
  const begun = underway.get(what) ?? work().finally(() => underway.delete(what));
  underway.set(what, begun);
  return begun as Promise<T>;
}
