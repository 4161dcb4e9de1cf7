/**
 * The files of an image in podman's storage as the toolbox sees them: layers laid over each other, owners as in the image, no root
 * needed. Nothing is unpacked or streamed: tools read them where they lie.
 */
import { createReadStream } from "node:fs";
import { join } from "node:path";
import { TarReader } from "../../layers/tar-read.ts";
import { exit, Failure } from "../../system/errors.ts";
import { run } from "../../system/shell.ts";
import type { Progress } from "../../system/steps.ts";
import { nextAfter, podmanFailureIn } from "../../tools/podman-failures.ts";
import { inToolbox } from "../../tools/toolbox.ts";
import { BootFiles, bootPlaces } from "./boot-files.ts";

/** Where the toolbox sees them. */
const mounted = "/image";

/**
 * Runs a script of bash in the toolbox, in the folder of an image's files. What it writes there is kept nowhere.
 * @param image its id. @param args what the script knows as $1 and on. @param signal ends it.
 */
export async function runInImage(
  image: string,
  script: string,
  args: string[],
  { log, signal }: { log: string; signal?: AbortSignal },
): Promise<{ code: number; said: string }> {
  // to be written to, as a subvolume needs a folder that an image may lack
  const words = await inToolbox([`--mount=type=image,source=${image},destination=${mounted},rw=true`]);
  const whole = `set -euo pipefail\nexport LC_ALL=C.UTF-8\ncd ${mounted}\n${script}`;
  return run([...words, "bash", "-c", whole, "bash", ...args], { log, ...(signal ? { signal } : {}) });
}

/** Why it could not be done, from what was said. */
export function diskFailure(what: string, tool: string, said: string, log: string): Failure {
  const space = podmanFailureIn(said)?.kind === "space";
  return new Failure(exit.failed, space ? "no space left for the disk" : what, {
    tried: [tool, ...said.trim().split("\n").slice(-3)],
    next: `${nextAfter(said, "read the log")}${space ? "; or give the guest more: --size" : ""}`,
    log,
  });
}

const collect = `tar=$1
shift
for place; do
    # a link may lead to what is only in the image
    if [ -e "$place" ] || [ -L "$place" ]; then find "$place" -maxdepth 3 -print0; fi
done | tar --create --format=posix --null --no-recursion --files-from=- --file="$tar"
`;

/**
 * Looks for what a boot needs in an image.
 * @param image its id. @param work a folder for what is made on the way.
 * @throws Failure
 */
export async function readBootFiles(image: string, work: string, progress: Progress): Promise<BootFiles> {
  const file = join(work, "boot.tar");
  const { code, said } = await runInImage(image, collect, [file, ...bootPlaces], progress);
  if (code !== 0)
    throw diskFailure(
      "the image's files could not be read from podman's storage",
      "podman run --mount=type=image",
      said,
      progress.log,
    );
  const boot = new BootFiles();
  let parts: Buffer[] | undefined;
  const tar = new TarReader(
    (entry) => {
      parts = boot.entry(entry) ? [] : undefined;
    },
    (bytes) => parts?.push(Buffer.from(bytes)),
    (entry) => {
      if (parts) boot.file(entry, Buffer.concat(parts));
      parts = undefined;
    },
  );
  for await (const bytes of createReadStream(file, { highWaterMark: 1 << 20 })) tar.push(bytes);
  tar.close();
  return boot;
}
