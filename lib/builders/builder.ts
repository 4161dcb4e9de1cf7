import type { Base, Family, Target } from "../family/family.ts";
import type { LocalImage } from "../oci/storage.ts";
import type { Progress } from "../system/steps.ts";
import type { Pin } from "../tools/pins.ts";
import type { Origin } from "./epoch.ts";
import type { Finding, Severity } from "./lint/finding.ts";

/** An image in podman's storage that another one is based on. */
export interface BaseImage {
  name: string;
  image: LocalImage;
}

/** Images that a target is made from and that are not the family's. */
export interface Outside {
  /** What a flavor without `from` is based on; undefined for one that starts from nothing. */
  base: Base | undefined;
  /** Images that a build takes other files from, as a Containerfile names them. */
  others: string[];
  /** Nothing in the build upgrades what is in them: a refresh asks the registries for newer ones. */
  renewed?: boolean;
  /** By which digest they are taken. */
  pins?: Pin[] | undefined;
}

/** What a builder makes of a target before anything is built. */
export interface Draft {
  /** All that goes into the image besides its base and labels: the same parts give the same image. */
  parts: () => Iterable<string | Uint8Array>;
  /** What goes into it and is not known before the build: a clause, with its place. Then it is built every time. */
  unknown?: string | undefined;
}

/** What a draft depends on besides the project's files. */
export interface DraftOf {
  /** Undefined while the base is still to be made. */
  base: BaseImage | undefined;
  /** When the packages were last upgraded on purpose; "" if never. */
  stamp: string;
  /** The ids of the other images from outside, in their order; "" for one that is still to be fetched. */
  others: string[];
}

/** One build, decided. */
export interface Job<D extends Draft = Draft> {
  target: Target;
  draft: D;
  base: BaseImage | undefined;
  labels: Record<string, string>;
  origin: Origin;
  noCache: boolean;
}

/**
 * A way from a target to an image. Order, bases, skipping, refreshes, labels and reports are common to all (build.ts). A build ends
 * with an image in podman's storage under the target's reference, with the job's labels, so nothing above asks which builder it was.
 * A new builder is a folder here, a row in `builders` (all.ts) and its keys of a flavor's YAML (lib/family/builder-parts.ts).
 */
export interface Builder<D extends Draft = Draft> {
  /** As in a flavor's YAML, `builder: NAME`. */
  name: string;
  /** The images from outside that a target is made from. @throws Failure for a recipe that cannot be read */
  outside(target: Target, family: Family): Outside;
  /** Makes what the project's files do not hold but a draft reads, such as a compiled program. */
  prepare(target: Target, family: Family, progress?: Progress): Promise<void>;
  /**
   * Reads the target's recipe once.
   * @returns drafts of it: one before a refresh and, perhaps, one with a new stamp
   * @throws Failure for a recipe that cannot be read
   */
  read(target: Target, family: Family): (at: DraftOf) => D;
  /** Makes the image. The tag moves only when everything went well. @throws Failure with the failing part, the tool's own words and the log */
  build(job: Job<D>, family: Family, progress: Progress): Promise<void>;
  /** The command lines that a job stands for, as a person would type them at the project's root. */
  commands(job: Job<D>, family: Family): Promise<string[]>;
  /** What the tool gets, as one text: `build --print`. */
  print(target: Target, family: Family): string;
  /** What `lint` looks for, as `lint --list` shows it. */
  checks: { name: string; severity: Severity; sentence: string }[];
  /** Looks at a target's recipe. @throws Failure for one that cannot be read */
  lint(target: Target, family: Family): Finding[];
}
