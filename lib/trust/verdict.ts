import type { Progress } from "../cli/steps.ts";
import { lastWords, patience, skopeo, troubleOf } from "../image/skopeo.ts";
import type { ShippedTrust } from "./shipped.ts";

/**
 * The verdict of containers/image, the library by which podman, skopeo and bootc judge: an image is copied under a policy, and the
 * policy speaks before any layer is fetched.
 */

/** `unclear`: something else came in between, which is neither yes nor no. */
export type Verdict = { is: "accepted" } | { is: "refused" | "unclear"; said: string };

const refusal = /rejected|signature was required|signature verification failed|no signature exists|not signed by/i;

/** What a copy under a policy came to. Pure. */
export function readVerdict(code: number, said: string): Verdict {
  if (code === 0) return { is: "accepted" };
  const words = lastWords(said);
  return {
    is: refusal.test(words) && troubleOf(words) !== "denied" ? "refused" : "unclear",
    said: verdictWords(words),
  };
}

/** The reason alone, without what was being copied. */
function verdictWords(words: string): string {
  return /Source image rejected: (.*)$/.exec(words)?.[1] ?? words;
}

/**
 * What a machine with this trust says of an image.
 * @param reference `repository@digest`, or a tag
 * @param folder an oci folder; blobs that `blobs` has are not fetched again.
 */
export async function verdict(
  reference: string,
  trust: ShippedTrust,
  folder: { path: string; blobs: string },
  progress: Progress,
): Promise<Verdict> {
  const words = [
    ...["--command-timeout", patience.image, "--policy", trust.policy, "--registries.d", trust.registries],
    ...["copy", "--quiet", "--remove-signatures", "--preserve-digests", "--dest-shared-blob-dir", folder.blobs],
    `docker://${reference}`,
    `oci:${folder.path}:verdict`,
  ];
  const { code, said } = await skopeo(words, { progress, mounts: [folder.path, folder.blobs] });
  return readVerdict(code, said);
}
