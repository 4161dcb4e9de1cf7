import { existsSync, readFileSync } from "node:fs";
import { isConsole, kargsFolder, splitArguments } from "../oci/kargs.ts";
import { kargsOfImage, readKargsFolder } from "../oci/kargs-folder.ts";
import { exit, Failure } from "../system/errors.ts";
import { run } from "../system/shell.ts";
import { podman } from "../tools/podman.ts";
import { readHost } from "./bootc.ts";
import { hostPath } from "./host-path.ts";
import { type Change, wholeList } from "./kargs.ts";
import { type Configured, readConfigured } from "./kargs-entries.ts";

/** Kernel arguments of this machine and of images, and the programs that change them. */

/** What the booted image asks for; nothing on a machine that was booted from none. */
export function bootedArguments(): string[] {
  return readKargsFolder(hostPath(kargsFolder));
}

/** @throws Failure on a machine that was booted from no image */
export function ownArguments(): string[] {
  if (existsSync(hostPath(kargsFolder)) || Bun.which("bootc")) return bootedArguments();
  throw new Failure(exit.missing, "this machine was not booted from an image", {
    tried: [`${kargsFolder}, bootc on the PATH`],
    next: "name an image to compare it with: bun run kargs ARCH FLAVOR",
  });
}

export function runningArguments(): string[] {
  return splitArguments(readFileSync(hostPath("/proc/cmdline"), "utf8"));
}

/**
 * What an image in podman's storage asks for. Nothing of it is run: it may be for another CPU.
 * @throws Failure where there is no such image
 */
export async function argumentsOf(reference: string): Promise<string[]> {
  if ((await podman(["image", "exists", reference])).code !== 0)
    throw new Failure(exit.failed, `podman's storage has no ${reference}`, {
      tried: ["podman image exists"],
      next: `build it first (bun run build), or fetch it: podman pull ${reference}`,
    });
  return kargsOfImage(reference);
}

export type Tool = "rpm-ostree" | "ostree";

/** rpm-ostree knows the machine's own changes where it is; a host without it has ostree. */
export function kargsTool(): Tool | undefined {
  return (["rpm-ostree", "ostree"] as const).find((program) => Bun.which(program));
}

/** What the next boot gets; the running arguments where nobody says. */
export async function configuredArguments(): Promise<Configured> {
  if (kargsTool() === "rpm-ostree") {
    const outcome = await run(["rpm-ostree", "kargs"]);
    if (outcome.code === 0) return { words: splitArguments(outcome.stdout) };
  }
  return readConfigured(runningArguments());
}

/**
 * The words that give the next boot what is wanted. `ostree` only takes the whole list, and so nothing twice; it writes new
 * entries next to the old ones and puts them in place by one rename. No argument is read as an option, whatever it begins with.
 *
 * rpm-ostree deletes first, then appends in the order of its options, then appends what is missing. So a console that stays last is
 * taken out and put behind the added ones. Source: kernel_arg_apply_patching in its rpmostreed-transaction-types.cxx.
 */
export function applyWords(tool: Tool, configured: string[], change: Change): string[] {
  if (tool === "ostree")
    return [
      ...["ostree", "admin", "instutil", "set-kargs"],
      ...wholeList(configured, change).map((word) => `--append=${word}`),
    ];
  const { add, drop, last } = change;
  const inOrder = last === undefined ? [] : [...add.filter(isConsole), last];
  return [
    ...["rpm-ostree", "kargs"],
    ...(last === undefined ? [] : [`--delete=${last}`]),
    ...inOrder.map((word) => `--append=${word}`),
    ...add.filter((word) => !inOrder.includes(word)).map((word) => `--append-if-missing=${word}`),
    ...drop.map((word) => `--delete-if-present=${word}`),
  ];
}

/** @throws Failure where the arguments of this machine cannot be changed */
export async function toolForApplying(): Promise<Tool> {
  const host = await readHost();
  if (!host.booted)
    throw new Failure(exit.missing, "this machine was not booted from an image: its arguments are not ours to change", {
      tried: ["bootc status: status.booted is null"],
      next: "change them in its boot loader's configuration",
    });
  if (host.booted.composefs)
    throw new Failure(exit.failed, "this system is kept by composefs: nothing changes its arguments but an image", {
      tried: ["bootc status: status.booted.composefs"],
      next: "try them once in the boot menu, or put them into the flavor's `kargs` and build",
    });
  if (host.staged)
    throw new Failure(exit.failed, "something is staged: arguments that are changed now would be lost with it", {
      tried: ["bootc status: status.staged"],
      next: "reboot into it first",
    });
  const tool = kargsTool();
  if (tool) return tool;
  throw new Failure(exit.missing, "nothing here changes kernel arguments", {
    tried: ["rpm-ostree, ostree on the PATH"],
    next: "try them once in the boot menu, or put them into the flavor's `kargs` and build",
  });
}
