import type { Target } from "../family/family.ts";
import { exit, Failure } from "../system/errors.ts";
import type { Builder } from "./builder.ts";
import { containerfile } from "./containerfile/builder.ts";

/** The builders by the name that a flavor's YAML gives. */
export const builders = new Map<string, Builder>([containerfile].map((builder) => [builder.name, builder as Builder]));

/** @throws Failure where the manifest's schema knows a builder that nobody wrote */
export function builderOf({ flavor }: Target): Builder {
  const builder = builders.get(flavor.builder);
  if (!builder) throw new Failure(exit.usage, `${flavor.name}: there is no builder ${flavor.builder}`);
  return builder;
}
