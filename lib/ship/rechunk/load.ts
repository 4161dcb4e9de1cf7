import { writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { openLayout } from "../../oci/layout.ts";
import { podmanFailure } from "../../oci/storage.ts";
import { workFolder } from "../../system/work-folder.ts";
import { podman } from "../../tools/podman.ts";

/**
 * Puts the folder's image into podman's storage.
 * @param name what the image is to be called there; without one it has none.
 * @returns its id.
 * @throws Failure with podman's own words
 */
export async function pullFolder(folder: string, name: string | undefined, log?: string): Promise<string> {
  const { manifest } = openLayout(folder);
  const id = manifest.config.digest.slice("sha256:".length);
  const options = log ? { log } : {};
  // podman names the image after the folder as it was written; `.slipway` in it would be no name at all.
  const own = basename(folder);
  // The machine's own policy may refuse what nobody signed; this was made here, a moment ago.
  const work = workFolder();
  const policy = join(work.path, "policy.json");
  writeFileSync(policy, JSON.stringify({ default: [{ type: "insecureAcceptAnything" }] }));
  const words = ["pull", "--quiet", "--signature-policy", policy, `oci:${own}`];
  const pulled = await podman(words, { ...options, cwd: dirname(folder) });
  work.remove();
  if (pulled.code !== 0) throw podmanFailure(`loading ${name ?? own} into podman's storage`, pulled);
  if (name !== undefined) {
    const tagged = await podman(["tag", id, name], options);
    if (tagged.code !== 0) throw podmanFailure(`naming ${name}`, tagged);
  }
  await podman(["untag", id, `localhost/${own}:latest`], options);
  return id;
}
