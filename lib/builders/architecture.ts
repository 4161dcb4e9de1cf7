import type { Arch, Target } from "../family/family.ts";
import { architectures } from "../family/schema.ts";
import { exit, Failure } from "../system/errors.ts";
import { say } from "../system/output.ts";
import { askPodman } from "../tools/podman.ts";
import { isOnlyLocal } from "./base.ts";

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

async function foundIn(reference: string): Promise<string | undefined> {
  const { code, stdout } = await askPodman("image", "inspect", "--format", "{{.Architecture}}", reference);
  return code === 0 && stdout.trim() ? stdout.trim() : undefined;
}

/**
 * Looks at a base before a build of perhaps twenty minutes, and says so where it is an image of this machine only.
 * @throws Failure for one of another architecture
 */
export async function lookAtBase({ arch, flavor, reference }: Target, base: string): Promise<void> {
  if (flavor.containerfile && !flavor.from && isOnlyLocal(base))
    say(`${reference} is based on ${base}, which is in this machine's podman storage only`);
  const [asked, found] = [architectureOf(arch), await foundIn(base)];
  if (found === undefined || found === asked) return;
  throw new Failure(exit.failed, `${reference}: its base is for ${found}, and ${arch.name} is ${asked}`, {
    tried: [`the architecture of ${base}: ${found}`],
    next: `podman pull --arch ${asked} ${base}; or \`architecture: ${found}\` for ${arch.name} in flavors/family.yaml`,
  });
}

/** Looks at what a build made; an image of another architecture is removed again. @throws Failure for one */
export async function refuseOtherImage({ arch, reference }: Target, log: string): Promise<void> {
  const [asked, found] = [architectureOf(arch), await foundIn(reference)];
  if (found === undefined || found === asked) return;
  await askPodman("rmi", reference);
  throw new Failure(exit.failed, `${reference} is for ${found}, and ${arch.name} is ${asked}`, {
    tried: [`the architecture of the image that was built: ${found}`, "the image was removed again"],
    next: `look for --platform in its Containerfile; or \`architecture: ${found}\` for ${arch.name} in flavors/family.yaml`,
    log,
  });
}
