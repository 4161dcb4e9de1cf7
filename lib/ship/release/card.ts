import type { Family, Target } from "../../family/family.ts";
import type { Opened } from "../../oci/manifest.ts";
import type { PackageChanges, UnknownPackages } from "../../packages/changes.ts";
import { packagesOf } from "../../packages/record.ts";
import { commandLine } from "../../system/shell.ts";
import { type Pushed, repositoryOf } from "../push/pushed.ts";
import { checkNames } from "../verify.ts";

/** What a machine that has the last version of an image gets. */
export type Since =
  | { is: "first" }
  | { is: "same" }
  /** The registry no longer has the last version. */
  | { is: "gone"; previous: string }
  | {
      is: "update";
      previous: string;
      /** Bytes to fetch. */
      download: number;
      /** Layers that are there already. */
      kept: number;
      packages: PackageChanges | UnknownPackages;
    };

/** An image that was released, as it is shown, written into notes, and printed with `--json`. */
export interface Card {
  /** The name that machines follow. */
  reference: string;
  /** The image by its digest. */
  image: string;
  tags: string[];
  layers: number;
  /** Compressed bytes of all layers. */
  size: number;
  since: Since;
  /** How many packages it has; null where it does not say. */
  packages: number | null;
  /** The public key that verifies its signature. */
  key: string;
  /** What was checked, as machines do, and was good. */
  verified: readonly string[];
  /** The command for a machine that has bootc. */
  install: string;
}

/** Pure. @param pushed what the registry has; `image` is the same, as it lies here */
export function cardOf(target: Target, family: Family, pushed: Pushed, image: Opened, since: Since): Card {
  const { layers } = image.manifest;
  return {
    reference: target.reference,
    image: `${repositoryOf(target)}@${pushed.digest}`,
    tags: pushed.tags,
    layers: layers.length,
    size: layers.reduce((sum, { size }) => sum + size, 0),
    since,
    packages: packagesOf(image)?.size ?? null,
    key: family.key,
    verified: checkNames,
    install: commandLine(["sudo", "bootc", "switch", "--enforce-container-sigpolicy", target.reference]),
  };
}
