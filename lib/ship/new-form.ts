import { type Index, type Manifest, parseManifest } from "../oci/manifest.ts";
import { RegistryTrouble, rawManifest } from "../oci/skopeo.ts";
import { Failure } from "../system/errors.ts";
import type { Progress } from "../system/steps.ts";

/**
 * The form of a signature that cosign writes by default from version 3 on, and that containers/image does not look for. It is attached to
 * the image, as much else may be (a list of its contents, where it was built): the tag `sha256-HEX` lists all that is. What it is
 * stands in annotations of its manifest. Not every cosign copies them into the list, and the list's `artifactType` may be that of
 * an empty configuration.
 * Sources: github.com/sigstore/cosign, specs/BUNDLE_SPEC.md and pkg/oci/remote/write.go; go-containerregistry, pkg/v1/remote/write.go;
 * github.com/projectbluefin/common/issues/977.
 */
const ofSignature = { predicateType: "https://sigstore.dev/cosign/sign/v1", content: "message-signature" };

/** So many of what is attached are looked at: each is a question to the registry. */
const most = 16;

function isSignature(annotations: Record<string, string> | null | undefined): boolean {
  const all = Object.entries(ofSignature);
  return all.some(([name, value]) => annotations?.[`dev.sigstore.bundle.${name}`] === value);
}

/** Undefined for text that is no manifest. */
function parsed(text: string): Manifest | Index | undefined {
  try {
    return parseManifest(text, "what is attached to the image");
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}

/**
 * Whether a list of what is attached to an image has a signature in the new form.
 * @param text from outside, of any content
 * @param read gets the manifest of a digest
 */
export async function listsSignature(text: string, read: (digest: string) => Promise<string>): Promise<boolean> {
  const list = parsed(text);
  if (!list || !("manifests" in list)) return false;
  for (const { annotations, digest } of list.manifests.slice(0, most)) {
    if (isSignature(annotations)) return true;
    const manifest = parsed(await read(digest));
    if (manifest && "layers" in manifest && isSignature(manifest.annotations)) return true;
  }
  return false;
}

/**
 * Why machines see no signature where there is one: words to add, or none.
 * @throws RegistryTrouble
 */
export async function newForm(repository: string, digest: string, progress: Progress): Promise<string> {
  /** Empty where there is none. */
  const read = (version: string) =>
    rawManifest(`docker://${repository}${version}`, { progress }).catch((error: unknown) => {
      if (error instanceof RegistryTrouble && error.trouble === "absent") return "";
      throw error;
    });
  const list = await read(`:${digest.replace(":", "-")}`);
  if (!(await listsSignature(list, (one) => read(`@${one}`)))) return "";
  return "; cosign 3 signed it in its own form, which podman and bootc do not read: sign it with `bun run sign`";
}
