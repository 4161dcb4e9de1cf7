import { join } from "node:path";

/** A file of the machine that is moved; SLIPWAY_HOST names the root of another one, for tests. */
export function hostPath(path: string): string {
  return join(process.env.SLIPWAY_HOST ?? "/", path);
}
