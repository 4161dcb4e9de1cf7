import type { Arch, Target } from "../family/family.ts";
import { architectures } from "../family/schema.ts";
import { imageShape } from "../oci/storage.ts";
import { exit, Failure } from "../system/errors.ts";
import { say } from "../system/output.ts";
import { askPodman } from "../tools/podman.ts";
import { isOnlyLocal } from "./base.ts";
import type { BaseImage } from "./builder.ts";

/** Whether an image is for the processor that was asked for. podman takes any base, and only warns in the middle of a log. */

/** Other names of an architecture: uname's. */
const alsoCalled: Record<string, string> = { x86_64: "amd64", aarch64: "arm64" };

/** An arch's architecture as OCI calls it: what family.yaml says, else what its name says, else this machine's. Pure. */
export function architectureOf({ name, architecture }: Arch, machine: string = process.arch): string {
  const named = alsoCalled[name] ?? name;
  if (architecture !== undefined) return architecture;
  if ((architectures as readonly string[]).includes(named)) return named;
  return machine === "x64" ? "amd64" : machine;
}

/**
 * Looks at a base before a build of perhaps twenty minutes, and says so where it is an image of this machine only.
 * @throws Failure for one of another architecture
 */
export async function lookAtBase({ arch, flavor, reference }: Target, base: BaseImage): Promise<void> {
  const { name } = base;
  if (flavor.containerfile && !flavor.from && isOnlyLocal(name))
    say(`${reference} is based on ${name}, which is in this machine's podman storage only`);
  const { architecture: found } = await imageShape(base.image.id);
  const asked = architectureOf(arch);
  if (found === "" || found === asked) return;
  throw new Failure(exit.failed, `${reference}: its base is for ${found}, and ${arch.name} is ${asked}`, {
    tried: [`the architecture of ${name}: ${found}`],
    next: `podman pull --arch ${asked} ${name}; or \`architecture: ${found}\` for ${arch.name} in flavors/family.yaml`,
  });
}

/** Looks at what a build made; an image of another architecture is removed again. @throws Failure for one */
export async function refuseOtherImage({ arch, reference }: Target, id: string, log: string): Promise<void> {
  const { architecture: found } = await imageShape(id);
  const asked = architectureOf(arch);
  if (found === "" || found === asked) return;
  await askPodman("rmi", reference);
  throw new Failure(exit.failed, `${reference} is for ${found}, and ${arch.name} is ${asked}`, {
    tried: [`the architecture of the image that was built: ${found}`, "the image was removed again"],
    next: `look for --platform in its Containerfile; or \`architecture: ${found}\` for ${arch.name} in flavors/family.yaml`,
    log,
  });
}
