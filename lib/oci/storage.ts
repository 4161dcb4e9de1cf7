import { exit, Failure } from "../system/errors.ts";
import type { Answer } from "../system/question.ts";
import { askPodman, podmanMissing } from "../tools/podman.ts";
import { nextAfter } from "../tools/podman-failures.ts";
import { brokenFailure, findBroken, removeBroken } from "./broken.ts";

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
  if (outcome.code === 127 && /not found/.test(outcome.stderr)) return podmanMissing();
  const last = (outcome.said ?? outcome.stderr).trim().split("\n").slice(-3);
  return new Failure(exit.failed, `${what} failed (podman's exit code ${outcome.code})`, {
    tried: last,
    next: nextAfter(outcome.said ?? outcome.stderr, "bun run doctor"),
  });
}

/** podman's words about an incomplete image: another command removes or writes it right now, or it is broken. */
const stumbles = /retrieving label for image|may be corrupted/;

/**
 * podman's answer about its images. Broken ones that a build of ours left are removed first.
 * @param words after `podman`
 * @throws Failure naming broken images that are not ours, where podman fails because of them
 */
export async function askAboutImages(...words: string[]): Promise<Answer> {
  let answer = await askPodman(...words);
  if (!stumbles.test(answer.stderr)) return answer;
  const left = await removeBroken(await findBroken());
  answer = await askPodman(...words);
  // podman 4.3 fails if another command removes an image while it lists them
  for (let again = 0; answer.code !== 0 && stumbles.test(answer.stderr) && left.length === 0 && again < 5; again++) {
    await Bun.sleep(300);
    answer = await askPodman(...words);
  }
  if (answer.code !== 0 && left.length > 0) throw brokenFailure(`podman ${words.slice(0, 2).join(" ")}`, left);
  return answer;
}

/** The images of podman's storage by each of their names. @throws Failure when podman does not answer. */
export async function localImages(): Promise<Map<string, LocalImage>> {
  const outcome = await askAboutImages("image", "ls", "--format", "json");
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

/** What podman's list of images does not say. */
export interface ImageShape {
  layers: number;
  /** As OCI calls it; "" where the image does not say it. */
  architecture: string;
}

const shapes = new Map<string, Promise<ImageShape>>();

/** @param id an image's, of which podman is asked once: another content has another id. One that podman does not know has no layers */
export function imageShape(id: string): Promise<ImageShape> {
  const known = shapes.get(id) ?? askShape(id);
  shapes.set(id, known);
  return known;
}

async function askShape(id: string): Promise<ImageShape> {
  const format = "{{len .RootFS.Layers}} {{.Architecture}}";
  const { code, stdout } = await askPodman("image", "inspect", "--format", format, id);
  const [layers = "0", architecture = ""] = code === 0 ? stdout.trim().split(" ") : [];
  return { layers: Number(layers), architecture };
}
