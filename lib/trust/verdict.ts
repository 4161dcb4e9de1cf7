import { dirname } from "node:path";
import { lastWords, patience, skopeo, troubleOf } from "../oci/skopeo.ts";
import type { Progress } from "../system/steps.ts";

/**
 * The verdict of containers/image, the library by which podman, skopeo and bootc judge: an image is copied under a policy, and the
 * policy speaks before any layer is fetched.
 */

/** `unclear`: something else came in between, which is neither yes nor no. */
export type Verdict = { is: "accepted" } | { is: "refused"; said: string } | { is: "unclear"; said: string };

/** By what an image is judged. */
export interface Trust {
  /** For `--policy`. */
  policy: string;
  /** For `--registries.d`: where signatures lie; containers/image's own choice without it. */
  registries?: string | undefined;
  /** Files that the policy names. */
  keys?: string[];
}

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

/** The reason only, without what was copied; and an explanation for a good signature of another image. */
function verdictWords(words: string): string {
  const reason = /Source image rejected: (.*)$/.exec(words)?.[1] ?? words;
  const other = /^Signature for identity "?([^"\s]+)"? is not accepted/.exec(reason)?.[1];
  return other === undefined ? reason : `${reason}: the signature is for another image, ${other}`;
}

/**
 * What a machine with this trust says of an image.
 * @param reference `repository@digest`, or a tag
 * @param folder an oci folder; blobs that `blobs` has are not fetched again.
 */
export async function verdict(
  reference: string,
  trust: Trust,
  folder: { path: string; blobs: string },
  progress?: Progress,
): Promise<Verdict> {
  const { policy, registries, keys = [] } = trust;
  const words = [
    ...["--command-timeout", patience.image, "--policy", policy],
    ...(registries ? ["--registries.d", registries] : []),
    ...["copy", "--quiet", "--remove-signatures", "--preserve-digests", "--dest-shared-blob-dir", folder.blobs],
    `docker://${reference}`,
    `oci:${folder.path}:verdict`,
  ];
  const seen = [policy, ...keys].map((file) => dirname(file));
  const mounts = [...new Set([folder.path, folder.blobs, ...seen, ...(registries ? [registries] : [])])];
  const { code, said } = await skopeo(words, { ...(progress ? { progress } : {}), mounts });
  return readVerdict(code, said);
}
