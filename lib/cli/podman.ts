import { type Outcome, type RunOptions, run } from "./shell.ts";

/** Settings that this machine's podman needs (see docs/architecture.md, "Podman as it is found"). */
export async function podmanEnv(): Promise<Record<string, string>> {
  return {};
}

/** Runs podman with the settings that this machine needs. */
export async function podman(args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  return run(["podman", ...args], { ...options, env: { ...(await podmanEnv()), ...options.env } });
}
