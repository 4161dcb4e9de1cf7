import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Family, Target } from "../../family/family.ts";
import { patience as limits } from "../../oci/skopeo.ts";
import { commandLine } from "../../system/shell.ts";
import { packingOf } from "../packing.ts";
import { imageFolder } from "../rechunk/target.ts";
import { repositoryOf } from "./pushed.ts";
import { packWords } from "./source.ts";

/** 20261121, in UTC. */
export function dayOf(date: Date): string {
  return date.toISOString().slice(0, 10).replaceAll("-", "");
}

/** The tag of the day first: the others are moved to it, the arch's name last. */
export function tagsOf({ arch }: Target, day: string): [dated: string, ...moving: string[]] {
  return [`${arch.name}-${day}`, ...(arch.tags ?? []), arch.name];
}

/** Pure: the words of skopeo that send an oci folder under a tag, byte for byte. */
export function sendWords(folder: string, reference: string, files: { policy: string; digest: string }): string[] {
  return [
    ...["--command-timeout", limits.image, "--policy", files.policy],
    ...["copy", "--quiet", "--remove-signatures", "--preserve-digests", "--digestfile", files.digest],
    `oci:${folder}`,
    `docker://${reference}`,
  ];
}

/** Pure: the words of skopeo that let a tag point at what the registry has, an image or an index of several. */
export function tagWords(repository: string, digest: string, tag: string, policy: string): string[] {
  return [
    ...["--command-timeout", limits.question, "--policy", policy],
    ...["copy", "--all", "--quiet", "--remove-signatures", "--preserve-digests"],
    `docker://${repository}@${digest}`,
    `docker://${repository}:${tag}`,
  ];
}

/** The command lines that a push stands for, as a person would type them; nothing of them is run. */
export function pushCommands(target: Target, family: Family, options: { folder?: string; day: string }): string[] {
  const repository = repositoryOf(target);
  const [dated, ...moving] = tagsOf(target, options.day);
  const rechunkedIs = existsSync(join(imageFolder(target.reference), "index.json"));
  const folder = options.folder ?? (rechunkedIs ? imageFolder(target.reference) : undefined);
  const files = { policy: "policy.json", digest: "digest" };
  const made = [
    commandLine(["podman", "push", "--remove-signatures", target.reference, "dir:plain"]),
    commandLine(["skopeo", ...packWords("plain", "packed", packingOf(target.flavor, family), files.policy)]),
    "# the annotations of its layers, which podman and skopeo drop, are put back",
  ];
  return [
    ...(folder ? [] : made),
    commandLine(["skopeo", ...sendWords(folder ?? "packed", `${repository}:${dated}`, files)]),
    "digest=$(cat digest)",
    ...moving.map(
      (tag) =>
        `skopeo ${commandLine(tagWords(repository, "DIGEST", tag, files.policy)).replace("@DIGEST", '@"$digest"')}`,
    ),
  ];
}
