import { grammar, parseReference } from "../../oci/reference.ts";
import { openPolicy, RegistryTrouble, skopeo, tagDigest } from "../../oci/skopeo.ts";
import { exit, Failure } from "../../system/errors.ts";
import { warn } from "../../system/output.ts";
import { commandLine } from "../../system/shell.ts";
import type { Progress } from "../../system/steps.ts";
import { withWorkFolder } from "../../system/work-folder.ts";
import { tagWords } from "./words.ts";

/**
 * Lets a tag stand for an image that its repository has already, and reads back that it does.
 * @param folder for a file that skopeo needs; the caller removes it.
 * @throws RegistryTrouble; Failure where the tag stands for another image afterwards
 */
export async function moveTag(
  repository: string,
  digest: string,
  tag: string,
  folder: string,
  progress?: Progress,
): Promise<void> {
  const more = progress ? { progress } : {};
  const words = tagWords(repository, digest, tag, openPolicy(folder));
  const { code, said } = await skopeo(words, { ...more, mounts: [folder] });
  if (code !== 0) throw new RegistryTrouble(`the tag ${repository}:${tag} could not be moved`, said, progress?.log);
  const stands = await tagDigest(`${repository}:${tag}`, more);
  if (stands !== digest)
    throw new Failure(exit.failed, `${repository}:${tag} names another image than the one just pushed`, {
      tried: [`pushed ${digest}`, `found ${stands ?? "no such tag"}`],
      next: "see who else pushes to this tag, then run this again",
    });
}

const isTag = new RegExp(`^${grammar.tag}$`);

/**
 * Gives a published image one more tag in its repository, or moves that tag to it. Nothing is copied, and signatures hold:
 * they are of the digest.
 * @param from the image, such as `ghcr.io/guara92/guaraos-minimal:amd64-20261127`.
 * @param options.dryRun only show the command.
 * @returns the digest that the tag stands for now.
 * @throws Failure (usage) for a name that is none; Failure where the registry has no such image, or refuses
 */
export async function retag(from: string, tag: string, { dryRun = false } = {}): Promise<string> {
  const reference = parseReference(from);
  if (!reference || !isTag.test(tag))
    throw new Failure(exit.usage, reference ? `\`${tag}\` is no tag` : `\`${from}\` is no image in a registry`, {
      tried: ["the form HOST/REPOSITORY:TAG, and a tag of letters, digits, dots, dashes and underscores"],
    });
  const digest = await tagDigest(from);
  if (digest === undefined)
    throw new Failure(exit.failed, `there is no image ${from}`, {
      tried: [`asked ${reference.host} for it`],
      next: "look at the tags that its repository has",
    });
  const repository = `${reference.host}/${reference.repository}`;
  if (dryRun) {
    warn(`+ ${commandLine(["skopeo", ...tagWords(repository, digest, tag, "policy.json")])}`);
    return digest;
  }
  await withWorkFolder((folder) => moveTag(repository, digest, tag, folder));
  return digest;
}
