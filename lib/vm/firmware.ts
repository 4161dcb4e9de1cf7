import { copyFileSync, existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { exit, Failure } from "../system/errors.ts";
import { owner } from "../system/owner.ts";
import { statePath } from "../system/project.ts";
import { run } from "../system/shell.ts";
import { together } from "../system/single-flight.ts";
import type { Progress } from "../system/steps.ts";
import { ensureToolbox, inToolbox } from "../tools/toolbox.ts";

/** A virtual machine's firmware: the program, and the empty store of its variables. */
export interface Firmware {
  code: string;
  /** To be copied for each machine. */
  variables: string;
}

/** Where distributions put it: Debian, Arch, Fedora; the toolbox is a Debian. */
const places: { [kind in "plain" | "secure"]: [folder: string, code: string, variables: string][] } = {
  plain: [
    ["/usr/share/OVMF", "OVMF_CODE_4M.fd", "OVMF_VARS_4M.fd"],
    ["/usr/share/edk2/x64", "OVMF_CODE.4m.fd", "OVMF_VARS.4m.fd"],
    ["/usr/share/edk2/ovmf", "OVMF_CODE.fd", "OVMF_VARS.fd"],
    ["/usr/share/OVMF", "OVMF_CODE.fd", "OVMF_VARS.fd"],
  ],
  secure: [
    ["/usr/share/OVMF", "OVMF_CODE_4M.secboot.fd", "OVMF_VARS_4M.fd"],
    ["/usr/share/edk2/x64", "OVMF_CODE.secboot.4m.fd", "OVMF_VARS.4m.fd"],
    ["/usr/share/edk2/ovmf", "OVMF_CODE.secboot.fd", "OVMF_VARS.fd"],
  ],
};

/**
 * The firmware, of this machine or of the toolbox. From there it is copied out once, so that any QEMU sees it.
 * @throws Failure
 */
export async function firmware(secure: boolean, progress?: Progress): Promise<Firmware> {
  const kind = secure ? "secure" : "plain";
  for (const [folder, code, variables] of places[kind]) {
    const found = { code: join(folder, code), variables: join(folder, variables) };
    if (existsSync(found.code) && existsSync(found.variables)) return found;
  }
  // guests side by side need the same
  return together(`firmware ${kind}`, () => copyOut(kind, progress));
}

async function copyOut(kind: keyof typeof places, progress?: Progress): Promise<Firmware> {
  const image = await ensureToolbox(progress);
  const [folder, ...names] = places[kind][0] ?? ["", ""];
  const cache = statePath("cache", `firmware-${image.split(":").at(-1)}-${kind}`);
  const [code = "", variables = ""] = names.map((name) => join(cache, name));
  if (!existsSync(cache)) {
    const partial = `${cache}.${owner}`;
    mkdirSync(partial, { recursive: true });
    const words = await inToolbox([], { mounts: [dirname(cache)], ...(progress ? { progress } : {}) });
    const { code: ended, said } = await run([...words, "cp", ...names.map((n) => join(folder, n)), partial]);
    if (ended !== 0)
      throw new Failure(exit.failed, "no UEFI firmware for virtual machines", {
        tried: [...places[kind].map(([f, c]) => join(f, c)), `the toolbox: ${said.trim()}`],
        next: "bun run doctor",
      });
    try {
      renameSync(partial, cache);
    } catch {
      rmSync(partial, { recursive: true, force: true }); // another command was quicker
    }
  }
  return { code, variables };
}

/** A machine's own store of variables. */
export function copyVariables({ variables }: Firmware, folder: string): string {
  copyFileSync(variables, join(folder, "variables.fd"));
  return basename("variables.fd");
}
