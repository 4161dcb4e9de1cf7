import { globSync, readFileSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { nameOf, splitArguments } from "../oci/kargs.ts";
import { Failure } from "../system/errors.ts";
import { run } from "../system/shell.ts";
import { readHost } from "./bootc.ts";
import { hostPath } from "./host-path.ts";
import { asRoot } from "./root.ts";

/**
 * What the boot loader's entries say of the booted deployment. Other systems on this disk have entries in the same folder, with
 * a `root=` of their own. So only ostree's files are opened, and only the one that leads to the booted deployment counts.
 *
 * Sources: UAPI.1, the Boot Loader Specification, "Type #1": a key and its value a line, `#` begins a comment, several `options` are
 * combined in their order. ostree itself takes the files `ostree-*.conf`, and the highest `version` for the next boot.
 */
const entriesFolder = "/boot/loader/entries";
const ofOstree = "ostree-*.conf";

export interface BootEntry {
  file: string;
  version: string;
  words: string[];
  /** A `--` or a lone quotation mark: what stands behind it would be lost, or more words misread. */
  open: boolean;
}

export function parseEntry(file: string, text: string): BootEntry {
  const pairs = text.split(/\r?\n/).flatMap((line) => {
    const [, key, value] = /^\s*([^\s#]\S*)\s+(.*)$/.exec(line) ?? [];
    return key === undefined || value === undefined ? [] : [{ key, value: value.trim() }];
  });
  const all = (name: string) => pairs.filter(({ key }) => key === name).map(({ value }) => value);
  const options = all("options").join(" ");
  const end = "slipway.end";
  return {
    file,
    version: all("version").at(-1) ?? "",
    words: splitArguments(options),
    open: splitArguments(`${options} ${end}`).at(-1) !== end,
  };
}

export interface Configured {
  /** What the next boot gets. */
  words: string[];
  /** Why a list made from these words must not be written, and what to do about it. */
  doubt?: { why: string; next: string };
}

/** ostree's initramfs finds its deployment by this value: the first one counts. */
export function deploymentPath(words: string[]): string | undefined {
  return words.find((word) => nameOf(word) === "ostree")?.replace(/^[^=]*=/, "");
}

/**
 * Pure: what the entries say of the booted deployment.
 * @param isBooted whether an `ostree=` leads to it
 * @param running what is taken where no entry does
 */
export function chooseEntry(entries: BootEntry[], isBooted: (path: string) => boolean, running: string[]): Configured {
  const sorted = entries.toSorted((a, b) => b.version.localeCompare(a.version, "en", { numeric: true }));
  const entry = sorted.find(({ words }) => isBooted(deploymentPath(words) ?? ""));
  if (!entry)
    return {
      words: running,
      doubt: {
        why: `no ${ofOstree} of the boot loader leads to the booted deployment`,
        next: "see ostree admin status; then try once more as root, or after a reboot",
      },
    };
  const { words, file } = entry;
  if (entry !== sorted[0])
    return {
      words,
      doubt: {
        why: `the next boot uses another deployment (${sorted[0]?.file}); the booted one has ${file}`,
        next: "reboot into it first, then run this again",
      },
    };
  if (entry.open)
    return {
      words,
      doubt: {
        why: `the options of ${file} hold \`--\` or a lone quotation mark; what follows it would be lost`,
        next: "correct that first: ostree admin instutil set-kargs",
      },
    };
  return { words };
}

/** `STATEROOT/CHECKSUM.SERIAL` of the deployment that an `ostree=` leads to; undefined where it leads to none. */
function deploymentOf(path: string): string | undefined {
  try {
    const [, stateroot, name] =
      /\/ostree\/deploy\/([^/]+)\/deploy\/([^/]+)$/.exec(realpathSync(hostPath(`/sysroot${path}`))) ?? [];
    return stateroot === undefined ? undefined : `${stateroot}/${name}`;
  } catch {
    return undefined;
  }
}

/**
 * What is booted, as bootc says: the path in /proc/cmdline may be gone or lead elsewhere since the entries were written. If
 * bootc does not answer, only exactly the same path counts; nothing can be applied then anyway.
 */
async function whoIsBooted(running: string[]): Promise<(path: string) => boolean> {
  const host = Bun.which("bootc")
    ? await readHost().catch((error: unknown) => {
        if (error instanceof Failure) return undefined;
        throw error;
      })
    : undefined;
  const deployment = host?.booted?.deployment;
  if (deployment !== undefined) return (path) => deploymentOf(path) === deployment;
  const booted = deploymentPath(running);
  return (path) => path !== "" && path === booted;
}

/** Reads the entries of this machine. @param running /proc/cmdline */
export async function readConfigured(running: string[]): Promise<Configured> {
  const folder = hostPath(entriesFolder);
  const entries: BootEntry[] = [];
  for (const file of globSync(ofOstree, { cwd: folder }).sort()) {
    const path = join(folder, file);
    try {
      entries.push(parseEntry(file, readFileSync(path, "utf8")));
    } catch {
      const { code, stdout } = await run(asRoot(["cat", path]));
      if (code === 0) entries.push(parseEntry(file, stdout));
    }
  }
  return chooseEntry(entries, await whoIsBooted(running), running);
}
