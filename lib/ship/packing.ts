import type { Family, Flavor } from "../family/family.ts";
import type { LayerPacking } from "../layers/layer-tar.ts";

/**
 * How the layers of a flavor's images are packed: as family.yaml says, else so that its machines can read them. bootc fetches whole
 * layers in any case, so parts of a layer are of use to podman alone.
 */
export function packingOf({ bootc }: Flavor, { push: { compression, level } }: Family): LayerPacking {
  return { compression: compression ?? (bootc ? "zstd" : "zstd:chunked"), level };
}
