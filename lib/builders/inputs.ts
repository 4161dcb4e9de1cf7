import type { Family, Target } from "../family/family.ts";
import type { Draft } from "./builder.ts";

/**
 * The key of all that goes into an image: 64 hexadecimal digits. A target whose image has this key is not built again.
 * @param base the base image's id, "" without a base
 */
export function inputKey(target: Target, family: Family, base: string, { parts }: Pick<Draft, "parts">): string {
  const hash = new Bun.CryptoHasher("sha256");
  const { flavor, arch } = target;
  hash.update(JSON.stringify([target.reference, flavor.title, flavor.bootc, family.staleAfter, arch.name, base]));
  for (const part of parts()) hash.update(part);
  return hash.digest("hex");
}
