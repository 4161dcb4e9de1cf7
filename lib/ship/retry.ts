import { RegistryTrouble } from "../oci/skopeo.ts";
import { Failure } from "../system/errors.ts";
import type { Progress } from "../system/steps.ts";

export interface Patience {
  /** How often it is tried in all. */
  attempts: number;
  /** Seconds before the second attempt; every further pause is twice as long, up to a minute. */
  first: number;
}

const longest = 60;

export const patient: Patience = { attempts: 5, first: 2 };

/** The pauses between the attempts, in seconds. */
export function pauses({ attempts, first }: Patience): number[] {
  return Array.from({ length: Math.max(0, attempts - 1) }, (_, i) => Math.min(longest, first * 2 ** i));
}

/** The end after several attempts says that it was several. */
function afterAttempts(error: unknown, attempts: number): unknown {
  if (!(error instanceof RegistryTrouble) || attempts === 1) return error;
  const { tried = [], ...rest } = error.details;
  return new Failure(error.code, error.message, {
    ...rest,
    tried: [`${attempts} times, with growing pauses`, ...tried],
  });
}

/**
 * Does what a registry may spoil for a moment; tries again with growing pauses, unless the trouble is one that stays.
 * @throws the last error, which says how often it was tried
 */
export async function insist<T>(
  work: () => Promise<T>,
  patience: Patience,
  progress: Progress,
  pause: (seconds: number) => Promise<void> = (seconds) => Bun.sleep(seconds * 1000),
): Promise<T> {
  const waits = pauses(patience);
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      const wait = waits[attempt - 1];
      const passes = error instanceof RegistryTrouble && error.trouble === "passing";
      if (wait === undefined || !passes) throw afterAttempts(error, attempt);
      progress.now(`attempt ${attempt} failed, the next one follows in ${wait} s`);
      await pause(wait);
    }
  }
}
