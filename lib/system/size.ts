import { exit, Failure } from "./errors.ts";

/** "400MB" → bytes; MB is 10⁶, MiB 2²⁰. @throws Failure (usage) */
export function parseSize(text: string): number {
  const m = /^(\d+(?:\.\d+)?)\s*([kMGT]?)(i?)B?$/i.exec(text);
  if (!m) throw new Failure(exit.usage, `\`${text}\` is no size`, { tried: ["such as 400MB or 1.5GiB"] });
  const power = ["", "k", "m", "g", "t"].indexOf((m[2] ?? "").toLowerCase());
  return Math.round(Number(m[1]) * (m[3] ? 1024 : 1000) ** power);
}
