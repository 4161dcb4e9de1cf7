import { z } from "zod";
import { grammar } from "../oci/reference.ts";
import { isPattern } from "./pattern.ts";

/** The allowed characters of each kind of word: values end up in a Containerfile, in a line of shell or on a terminal. */

/** What was expected, for each message about a wrong word. */
export const looks = new Map<string, string>();

export function word(what: string, look: string, pattern: RegExp) {
  const error = `not ${what}`;
  looks.set(error, look);
  return z.string().regex(pattern, { error });
}

/** Long enough for every name. Two of them in one word stay below the limit of a tag (128) and of a file name (255). */
const mostName = 64;
/** A line of a file, a label, a kernel argument. The kernel takes 2,048 characters for all of them. */
const mostLine = 1_000;
/** A script of a smoke check. */
const mostScript = 4_000;
/** The longest file name of Linux, and of a unit in systemd (UNIT_NAME_MAX). */
const mostFile = 255;

export const flavorName = /^[a-z0-9][a-z0-9-]*$/;
export const name = word("a name", "small letters, digits and dashes", flavorName).max(mostName);
export const packageName = word("a package name", "letters, digits and @ . _ + -", /^[a-z0-9@_][a-zA-Z0-9@._+-]*$/).max(
  mostFile,
);
// A dash does not come first: systemctl would take it for an option.
export const unitName = word(
  "a unit name",
  "a name with its type, such as sshd.service",
  /^\w[\w@.:\\-]*\.(service|socket|timer|mount|automount|target|path|swap|slice)$/,
).max(mostFile);
const plainPath = word(
  "one plain path",
  "letters, digits and _ . , : + = @ % ~ - between the slashes, and neither . nor .. alone",
  /^(?!.*\/\.{1,2}(\/|$))(\/[\w.,:+=@%~-]+)*\/?$/,
);
export const absolutePath = word("an absolute path", "a path from /, without spaces", /^\/[^\s"'`$\\;&|<>()]*$/)
  .max(mostLine)
  .pipe(plainPath);
export const mode = word("a mode", 'four octal digits in quotes, such as "0750"', /^[0-7]{4}$/);
export const helperName = word("a helper's name", "a file of containerfiles/helpers", /^[a-z][a-z0-9-]*$/).max(
  mostName,
);
export const karg = word("a kernel argument", "name or name=value, without spaces", /^\w[\w.-]*(=[!-~]+)?$/).max(
  mostLine,
);
export const argName = word("a build argument", "capital letters, digits and _", /^[A-Z][A-Z0-9_]*$/).max(mostName);
/** Of a Containerfile that we did not write. */
export const anyArgName = word("a name of a variable", "letters, digits and _", /^[A-Za-z_]\w*$/).max(mostName);
export const stageName = word("a stage", "the name after AS", /^[A-Za-z][\w.-]*$/).max(mostName);
export const secretId = word("a secret's name", "letters, digits and . _ -", /^\w[\w.-]*$/).max(mostName);
export const userName = word("a user's name", "small letters, digits and . _ -", /^[a-z_][a-z0-9_.-]*$/).max(mostName);
export const cpuFlag = word("a CPU flag", "as in /proc/cpuinfo, such as avx2", /^[a-z0-9_]+$/).max(mostName);
export const age = word("an age", "such as 12h, 2d or 1w", /^\d{1,4}[hdw]$/);
export const cron = word(
  "a time of cron",
  "five fields of digits and * , / -, such as 20 3 */2 * *",
  /^[\d*,/-]+( [\d*,/-]+){4}$/,
).max(mostName);
export const projectFile = word(
  "a file of the project",
  "a relative name of letters, digits and . _ + -, such as family.pub",
  /^\w[\w.+-]*(\/\w[\w.+-]*)*$/,
).max(mostFile);
export const contextFolder = word(
  "a folder of the project",
  "a relative name of letters, digits and . _ + -, or . for all of it",
  /^(\.|\w[\w.+-]*(\/\w[\w.+-]*)*)$/,
).max(mostFile);
/** It may lie outside of the project, where git does not see it. A comma would end it: podman reads a list of options. */
export const secretFile = word(
  "a secret's file",
  "a path of letters, digits and . _ + -, from the project's root, from / or from ~/",
  /^(~\/|\/)?(?!\.{1,2}\/)[\w.+-]+(\/(?!\.{1,2}(\/|$))[\w.+-]+)*$/,
).max(mostLine);

const { isHost, host, path, tag, digest } = grammar;
export const tagName = word("a tag", "letters, digits and _ . -, such as latest", new RegExp(`^${tag}$`)).max(mostName);
export const imageName = word(
  "an image reference",
  "such as docker.io/library/debian:trixie, or {debian: SUITE}",
  new RegExp(`^${host}/${path}(:${tag})?(@${digest})?$`),
).max(mostFile);
export const imageByDigest = word(
  "an image by its digest",
  "such as quay.io/coreos/chunkah@sha256:…",
  new RegExp(`^${host}/${path}@${digest}$`),
).max(mostFile);
export const registryName = word(
  "a registry",
  "a host, or a host and a namespace, such as ghcr.io/guara92; podman takes no IPv6 address: give it a name in /etc/hosts",
  new RegExp(`^${isHost}${host}(/${path})?$`),
).max(mostFile);
// A name and a password in it would be on every image.
export const address = word(
  "an address",
  "such as https://github.com/name/project",
  /^https?:\/\/[\w.:-]+(\/[!-~]*)?$/,
).max(mostLine);

/**
 * What moves a terminal, ends a line, or turns the direction of what is read (Unicode's controls and "bidi controls"); and half
 * characters, which no file can hold.
 */
const controls = "\\p{Cc}\\p{Cs}\\u2028\\u2029\\u202a-\\u202e\\u2066-\\u2069";
export const oneLine = word(
  "one line",
  "a value without line breaks and control characters",
  new RegExp(`^[^${controls}]*$`, "u"),
).max(mostLine);
export const title = oneLine.min(1);
export const script = word(
  "a command",
  "text without control characters",
  new RegExp(`^(?:[\\t\\n]|[^${controls}])*$`, "u"),
)
  .min(1)
  .max(mostScript);

const noPattern = "not a regular expression";
looks.set(noPattern, "RE2's syntax, without look-around and back-references, such as ^enabled$");
export const pattern = z.string().max(mostLine).refine(isPattern, { error: noPattern });

const noSetting = "not a setting";
looks.set(noSetting, "a string or a number");
/** Above this, JavaScript changes a number when it reads it. */
const exact = Number.MAX_SAFE_INTEGER;
const setting = z.union([oneLine, z.number().min(-exact).max(exact)], { error: noSetting });
export const sysctl = z.record(word("a sysctl key", "such as vm.swappiness", /^[a-z0-9_]+(\.[\w-]+)+$/), setting);

/** A map with few enough keys to be listed in a message. */
export function few<T extends z.ZodRecord>(record: T, most: number) {
  const error = `more than ${most} of them`;
  looks.set(error, `at most ${most}`);
  return record.refine((value) => Object.keys(value).length <= most, { error });
}
