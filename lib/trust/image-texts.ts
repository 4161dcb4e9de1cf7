import { exit, Failure } from "../system/errors.ts";
import { podman } from "../tools/podman.ts";

/** Small files of an image in podman's storage, read by a shell of its own, which has no network. */

/** Where an image's policy is; the first that is there counts. Source: containers-policy.json(5). */
export const policyPlaces = ["/etc/containers/policy.json", "/usr/share/containers/policy.json"];
export const registriesFolder = "/etc/containers/registries.d";

/** No policy is longer. */
const most = 1 << 20;

/** A file after the other, its path and its content each ended by a NUL; of a huge file only the beginning. */
const look = `for file; do if [ -f "$file" ]; then printf '%s\\0' "$file"; head -c ${most} "$file"; printf '\\0'; fi; done`;

/**
 * @param paths plain words, which may have patterns of the shell in them.
 * @param log what podman says goes there too.
 * @returns contents by path, of those that are there; undefined where the image has no shell
 * @throws Failure with podman's words
 */
export async function textsInImage(
  reference: string,
  paths: string[],
  log?: string,
): Promise<Map<string, string> | undefined> {
  const script = `set -- ${paths.join(" ")}; ${look}`;
  const argv = ["run", "--rm", "--pull", "never", "--network", "none", "--entrypoint", "sh", reference, "-c", script];
  const { code, stdout, said } = await podman(argv, log === undefined ? {} : { log });
  if (code === 127) return undefined;
  if (code !== 0)
    throw new Failure(exit.failed, `${reference} could not be looked into`, {
      tried: said.trim().split("\n").slice(-3),
      next: "bun run doctor",
    });
  const parts = stdout.split("\0");
  return new Map(parts.flatMap((part, i) => (i % 2 === 0 && i + 1 < parts.length ? [[part, parts[i + 1] ?? ""]] : [])));
}
