import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { podmanEnv } from "../../lib/tools/podman.ts";
import { toolboxReference } from "../../lib/tools/toolbox.ts";
import { exec, testStorage } from "./sandbox.ts";

const programs = ["skopeo", "cosign"];

/** Copies programs with their libraries; each is started by the loader that belongs to them, so they run on a Debian of any age. */
const script = (to: string) => `set -eu
mkdir -p ${to}/bin ${to}/lib
cp -L /lib64/ld-linux-x86-64.so.2 ${to}/lib/
for program in ${programs.join(" ")}; do
    cp /usr/bin/$program ${to}/lib/
    ldd /usr/bin/$program | sed -n 's/.*=> \\(\\/[^ ]*\\) .*/\\1/p' | xargs -r cp -L -t ${to}/lib
done`;

function home(): string {
  return process.env.SLIPWAY_TEST_IMAGES ?? testStorage().CONTAINERS_STORAGE_CONF?.replace(/\/[^/]*$/, "") ?? "";
}

const folder = () => join(home(), `tools-${toolboxReference().split(":").at(-1)}`);

/** Makes them where they are not there yet; those of older toolboxes go. */
export async function takeTools(toolbox: string): Promise<void> {
  const final = folder();
  if (existsSync(final)) return;
  for (const name of readdirSync(home()))
    if (name.startsWith("tools-")) rmSync(join(home(), name), { recursive: true });
  const made = `${final}.${process.pid}`;
  mkdirSync(made);
  const words = ["podman", "run", "--rm", "--network=none", "--security-opt=label=disable", `--volume=${made}:${made}`];
  const said = await exec([...words, toolbox, "sh", "-c", script(made)], {
    ...(await podmanEnv()),
    ...testStorage(),
  });
  if (said.code !== 0) throw new Error(said.stderr);
  for (const program of programs) {
    const words = `${final}/lib/ld-linux-x86-64.so.2 --library-path ${final}/lib ${final}/lib/${program} "$@"`;
    writeFileSync(join(made, "bin", program), `#!/bin/sh\nexec ${words}\n`, { mode: 0o755 });
  }
  renameSync(made, final);
}

/** Puts them first on the PATH of this process and of what it starts. Without them, tools run in the toolbox. */
export function useTools(): void {
  process.env.PATH = `${join(folder(), "bin")}:${process.env.PATH}`;
}
