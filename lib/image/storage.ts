import { exit, Failure } from "../cli/errors.ts";
import { askPodman } from "../cli/podman.ts";

/** An image in podman's storage. */
export interface LocalImage {
  id: string;
  digest: string;
  names: string[];
  labels: Record<string, string>;
  /** Bytes. */
  size: number;
}

interface Listed {
  Id: string;
  Digest?: string;
  Names?: string[] | null;
  Labels?: Record<string, string> | null;
  Size?: number;
}

function isListing(value: unknown): value is Listed[] {
  return Array.isArray(value) && value.every((v) => typeof v === "object" && v !== null && typeof v.Id === "string");
}

/** Why podman could not answer, as a Failure. */
export function podmanFailure(what: string, outcome: { code: number; stderr: string; said?: string }): Failure {
  if (outcome.code === 127 && /not found/.test(outcome.stderr))
    return new Failure(exit.missing, "podman is not on this machine", { next: "bun run doctor" });
  const last = (outcome.said ?? outcome.stderr).trim().split("\n").slice(-3);
  return new Failure(exit.failed, `${what} failed (podman's exit code ${outcome.code})`, {
    tried: last,
    next: "bun run doctor",
  });
}

/** The images of podman's storage by each of their names. @throws Failure when podman does not answer. */
export async function localImages(): Promise<Map<string, LocalImage>> {
  let outcome = await askPodman("image", "ls", "--format", "json");
  // podman 4.3 stumbles over an image that another command removes while it lists.
  for (let again = 0; outcome.code !== 0 && /retrieving label for image/.test(outcome.stderr) && again < 5; again++) {
    await Bun.sleep(300);
    outcome = await askPodman("image", "ls", "--format", "json");
  }
  if (outcome.code !== 0) throw podmanFailure("listing the local images", outcome);
  const images: unknown = JSON.parse(outcome.stdout || "[]");
  if (!isListing(images)) throw new Failure(exit.failed, "podman listed its images in a form that is not known here");
  return new Map(
    images.flatMap((i) => {
      const names = i.Names ?? [];
      const image = { id: i.Id, digest: i.Digest ?? "", names, labels: i.Labels ?? {}, size: i.Size ?? 0 };
      return names.map((name): [string, LocalImage] => [name, image]);
    }),
  );
}

/** How many layers an image has. */
export async function layerCount(reference: string): Promise<number> {
  const outcome = await askPodman("image", "inspect", "--format", "{{len .RootFS.Layers}}", reference);
  return outcome.code === 0 ? Number(outcome.stdout) : 0;
}
