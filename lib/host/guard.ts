import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { hostPath } from "./host-path.ts";

/** The script that guards a switch; what it does stands at its head. */
const script = join(import.meta.dir, "guard.sh");

export interface GuardOptions {
  /** The digest that is to be judged when it is booted. */
  expect: string;
  /** The digest that is booted now, if bootc knows one. */
  before: string | undefined;
  image: string;
  /** A line of shell that must succeed in the new system. */
  health: string | undefined;
}

export function armWords({ expect, before, image, health }: GuardOptions): string[] {
  return [
    ...["sh", script, "arm", "--expect", expect, "--image", image],
    ...(before === undefined ? [] : ["--before", before]),
    ...(health === undefined ? [] : ["--health", health]),
  ];
}

export const disarmWords = ["sh", script, "disarm"];

/** What the last guard came to. */
export interface GuardOutcome {
  outcome: "good" | "rolling-back" | "rolled-back" | "rollback-failed" | "not-booted" | "unknown";
  /** The digest that it judged. */
  expect: string;
  image: string;
  because: string;
}

const outcomes = ["good", "rolling-back", "rolled-back", "rollback-failed", "not-booted", "unknown"] as const;

/** @returns undefined where no guard has judged yet */
export function lastOutcome(): GuardOutcome | undefined {
  const path = hostPath("/var/lib/slipway/guard");
  if (!existsSync(path)) return undefined;
  const text = readFileSync(path, "utf8");
  const value = (key: string) => new RegExp(`^${key} (.*)$`, "m").exec(text)?.[1] ?? "";
  const outcome = outcomes.find((name) => name === value("outcome"));
  return outcome && { outcome, expect: value("expect"), image: value("image"), because: value("because") };
}

/** /etc does not outlive the reboot: nothing that is left there guards anything. */
export function etcIsTransient(): boolean {
  const path = hostPath("/usr/lib/ostree/prepare-root.conf");
  const text = existsSync(path) ? readFileSync(path, "utf8") : "";
  const section = /^\[etc\]\s*$([^[]*)/m.exec(text)?.[1] ?? "";
  return /^\s*transient\s*=\s*(true|yes|1)\s*$/m.test(section);
}
