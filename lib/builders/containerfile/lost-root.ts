import { posix } from "node:path";
import { exit, Failure } from "../../system/errors.ts";
import { findStore, type Store } from "../../system/podman-store.ts";
import { askPodman, podmanEnv, podmanVersion } from "../../tools/podman.ts";
import { linesOf, mountsOf, parseContainerfile } from "./instructions.ts";

/**
 * After a RUN with mounts, podman before 4.6 removes the folders that were mounted on, also those that the image had (buildah issue
 * 4739, fixed by its pull request 4755 in 1.31). Worse, it takes their paths as seen from its own storage: with its storage in
 * `/var/lib/containers`, a mount on `/var` removes all of the image, and a mount on `/var/usr` removes `/usr`. podman writes a line
 * to its log at most, and the build goes on.
 */
const fixedIn = "4.6.0";

/** Without them a system does not start, or people lose files. What is mounted anew in each container is not among them. */
const needed = [
  "",
  ..."bin boot etc home lib lib64 opt root sbin srv tmp usr var".split(" "),
  ..."usr/bin usr/lib usr/lib64 usr/sbin usr/share".split(" "),
].map((name) => `/${name}`);

/** What podman before 4.6 removes from the image after a RUN with a mount on `target`. Pure. */
export function removedAfterMount(target: string, { root, driver }: Store): string {
  return posix.join("/", posix.relative(`${root}/${driver}/ID/merged`, target));
}

/** Mounts of a Containerfile that take something with them that a system needs. */
export function harmfulMounts(
  containerfile: string,
  store: Store,
): { line: number; target: string; removed: string }[] {
  return parseContainerfile(linesOf(containerfile)).instructions.flatMap((at) =>
    mountsOf(at).flatMap((mount) => {
      const target = mount.get("target") ?? mount.get("dst") ?? mount.get("destination") ?? "";
      // podman removes neither secrets nor sockets
      if (!target.startsWith("/") || /^(secret|ssh)$/.test(mount.get("type") ?? "")) return [];
      const removed = removedAfterMount(target, store);
      return needed.includes(removed) ? [{ line: at.line, target, removed }] : [];
    }),
  );
}

/** What to do about it. */
export const keepFiles = `use podman ${fixedIn.replace(/\.0$/, "")} or later, or mount on a folder that the image does not have, such as /run/ctx`;

/**
 * Looks before a build whether podman would remove what the image needs.
 * @param file what the Containerfile is called
 * @throws Failure with the first such line
 */
export async function refuseHarmfulMounts(containerfile: string, file: string): Promise<void> {
  if (!containerfile.includes("--mount=")) return;
  const version = await podmanVersion("podman");
  if (Bun.semver.order(version, fixedIn) >= 0) return;
  const store = await findStore(["podman"], await podmanEnv());
  const [first] = store ? harmfulMounts(containerfile, store) : [];
  if (!first || !store) return;
  const what = first.removed === "/" ? "all files" : first.removed;
  throw new Failure(
    exit.failed,
    `podman ${version} would remove ${what} from the image after a RUN with a mount on ${first.target}`,
    {
      tried: [
        `the mounts in ${file}:${first.line}`,
        `podman's storage is in ${store.root}: podman before 4.6 removes the path as seen from there`,
      ],
      next: keepFiles,
    },
  );
}

/**
 * Removes an image that was built and is not complete, with its layers: a later build would take them from the cache.
 * @param line what podman said about it
 * @throws Failure with the line
 */
export async function refuseLostFiles(line: string, reference: string, log: string): Promise<never> {
  await askPodman("rmi", "--force", reference);
  throw new Failure(exit.failed, `${reference}: podman removed files of the image after a RUN with a mount`, {
    tried: [line, "the image was removed again: its files are not complete"],
    next: keepFiles,
    log,
  });
}

/**
 * Whether a line is podman's own about files that are lost: what a RUN printed may stand before it, but the words alone, or a
 * RUN with such a text, are none. Source: buildah, run_linux.go, and logrus' text format.
 */
export function tellsOfLostFiles(line: string): boolean {
  const words = /time="[^"]*" level=error msg="unable to cleanup run mounts /;
  return words.test(line) && !/^(?:\[\d+\/\d+\] )?STEP \d+\/\d+: /.test(line);
}
