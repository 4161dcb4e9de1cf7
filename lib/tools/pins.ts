import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { exit, Failure } from "../system/errors.ts";

/**
 * Pins: exactly which image, commit or recipe a build takes from outside. They are lines of one file, so that a reviewer sees
 * each change of what an image is made from.
 */

/** Their file, from the root of a project. */
export const pinsFile = "containerfiles/pins";

export type PinKind = "image" | "git" | "aur";

export interface Pin {
  /** `ghcr.io/a/b:tag`, `https://host/repository`, or `aur:NAME`. */
  address: string;
  kind: PinKind;
  /** A digest or a commit; undefined while nobody has looked it up. */
  pin: string | undefined;
  /** The day on which it was looked up, as 2026-11-28. */
  day: string | undefined;
  /** Of a git repository, what an update follows: a branch, or with a `*` the newest of the tags that fit. */
  follows: string | undefined;
  /** 1-based. */
  line: number;
}

const forms: Record<PinKind, { address: RegExp; pin: RegExp; look: string }> = {
  aur: {
    address: /^aur:[a-z0-9@_][a-zA-Z0-9@._+-]*$/,
    pin: /^[0-9a-f]{40}$/,
    look: "a commit of 40 hexadecimal digits",
  },
  git: {
    address: /^https?:\/\/[\w.:-]+\/[\w./~+-]+$/,
    pin: /^[0-9a-f]{40}$/,
    look: "a commit of 40 hexadecimal digits",
  },
  image: {
    address: /^[a-z0-9.-]+(:\d+)?(\/[a-z0-9._-]+)+:[\w.-]+$/,
    pin: /^sha256:[0-9a-f]{64}$/,
    look: "sha256: and 64 hexadecimal digits",
  },
};

function kindOf(address: string): PinKind | undefined {
  return (Object.keys(forms) as PinKind[]).find((kind) => forms[kind].address.test(address));
}

const none = "-";

/** One line; undefined for a comment or an empty one. @throws Failure (usage) at file, line and column */
function parseLine(text: string, line: number): Pin | undefined {
  if (/^\s*(#|$)/.test(text)) return undefined;
  const words = [...text.matchAll(/\S+/g)].map((m) => ({ word: m[0], column: m.index + 1 }));
  const wrong = (at: number, message: string, expected: string): Failure =>
    new Failure(exit.usage, `${pinsFile}:${line}:${words[at]?.column ?? text.length + 1}: ${message}`, {
      next: `expected: ${expected}`,
    });
  const [address = "", pin = "", day = "", follows] = words.map(({ word }) => word);
  const kind = kindOf(address);
  if (!kind) throw wrong(0, "this is not an address", "IMAGE:TAG, https://HOST/REPOSITORY or aur:NAME");
  if (pin !== none && !forms[kind].pin.test(pin)) throw wrong(1, "this is not a pin", `${forms[kind].look}, or -`);
  if (pin === none ? day !== none : Number.isNaN(Date.parse(/^\d{4}-\d\d-\d\d$/.test(day) ? day : "")))
    throw wrong(2, "this is not a day", "the day when the pin was looked up, as 2026-11-28; - without a pin");
  if (words.length > (kind === "git" ? 4 : 3))
    throw wrong(words.length - 1, "one word too many", "the end of the line");
  if (follows !== undefined && !/^[\w][\w./*-]*$/.test(follows))
    throw wrong(3, "this is not a branch", "a branch, or a pattern of tags such as v*");
  const known = (word: string) => (word === none ? undefined : word);
  return { address, kind, pin: known(pin), day: known(day), follows, line };
}

/** The pins in a text. @throws Failure (usage) at file, line and column */
export function parsePins(text: string): Pin[] {
  const pins = text.split("\n").flatMap((line, i) => parseLine(line, i + 1) ?? []);
  for (const [i, { address, line }] of pins.entries())
    if (pins.findIndex((other) => other.address === address) < i)
      throw new Failure(exit.usage, `${pinsFile}:${line}:1: ${address} stands here a second time`);
  return pins;
}

/** A project's pins; undefined where it has no such file. @throws Failure (usage) at file, line and column */
export function readPins(root: string): Pin[] | undefined {
  const path = join(root, pinsFile);
  return existsSync(path) ? parsePins(readFileSync(path, "utf8")) : undefined;
}

/** The line of a pin in the file. */
export function pinLine({ address, pin, day, follows }: Omit<Pin, "line" | "kind">): string {
  return [address, pin ?? none, day ?? none, ...(follows ? [follows] : [])].join(" ");
}

/**
 * An address with its pin: an image's digest replaces its tag (podman 4.3 does not take both), a commit follows a `#`.
 * An address that has no pin stays as it is.
 */
export function pinned(address: string, pins: Pin[] | undefined): string {
  const found = pins?.find((one) => one.address === address);
  if (!found?.pin) return address;
  return found.kind === "image" ? `${address.replace(/:[\w.-]+$/, "")}@${found.pin}` : `${address}#${found.pin}`;
}
