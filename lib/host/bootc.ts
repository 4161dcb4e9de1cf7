import { exit, Failure } from "../system/errors.ts";
import { run } from "../system/shell.ts";
import { latest, timeOf, versionTime } from "../trust/facts.ts";
import { asRoot } from "./root.ts";

/**
 * bootc as data: what it says of the machine, and the words that make it act.
 * Source: bootc's host-v1 schema and man pages. Read leniently: older hosts say v1alpha1 and leave fields out.
 */

export type Transport = "registry" | "containers-storage";

/** Where an image comes from and who vouches for it. */
export interface ImageSpec {
  image: string;
  transport: string;
  /** `containerPolicy` is the mark that `--enforce-container-sigpolicy` leaves. */
  signature: "containerPolicy" | "insecure" | "ostreeRemote" | undefined;
}

/** A system that is booted, or would be. */
export interface Entry {
  spec: ImageSpec | undefined;
  digest: string | undefined;
  version: string | undefined;
  /** Milliseconds since 1970: when the image was made, as its labels say. */
  made: number | undefined;
  /** Layered packages, or other changes that bootc does not understand. */
  incompatible: boolean;
  /** It is fetched, but the next shutdown does not put it in place. */
  downloadOnly: boolean;
  /** It is kept by composefs alone, without ostree. */
  composefs: boolean;
  /** `STATEROOT/CHECKSUM.SERIAL` of ostree. */
  deployment: string | undefined;
}

export interface Host {
  booted: Entry | undefined;
  staged: Entry | undefined;
  rollback: Entry | undefined;
  /** What `bootc upgrade` follows: of the staged system if there is one, else of the booted one. */
  spec: ImageSpec | undefined;
  rollbackQueued: boolean;
  readOnly: boolean;
  /**
   * The backend: composefs alone, or ostree. On composefs bootc (1.16) ignores `--enforce-container-sigpolicy` without a word, and
   * its status has no signature mode. Source: write_composefs_state in bootc's state.rs.
   */
  composefs: boolean;
}

function field(value: unknown, ...path: string[]): unknown {
  let at = value;
  for (const key of path) at = typeof at === "object" && at !== null ? (at as Record<string, unknown>)[key] : undefined;
  return at;
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function toSpec(value: unknown): ImageSpec | undefined {
  const image = text(field(value, "image"));
  if (image === undefined) return undefined;
  const said = field(value, "signature");
  const remote = typeof field(said, "ostreeRemote") === "string" ? "ostreeRemote" : undefined;
  const signature = said === "containerPolicy" || said === "insecure" ? said : remote;
  return { image, transport: text(field(value, "transport")) ?? "registry", signature };
}

function toDeployment(value: unknown): string | undefined {
  const [stateroot, checksum, serial] = ["stateroot", "checksum", "deploySerial"].map((name) => field(value, name));
  return text(stateroot) && text(checksum) && typeof serial === "number"
    ? `${stateroot}/${checksum}.${serial}`
    : undefined;
}

function toEntry(value: unknown): Entry | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  return {
    spec: toSpec(field(value, "image", "image")),
    digest: text(field(value, "image", "imageDigest")),
    version: text(field(value, "image", "version")),
    made: latest([timeOf(field(value, "image", "timestamp")), versionTime(field(value, "image", "version"))]),
    incompatible: field(value, "incompatible") === true,
    downloadOnly: field(value, "downloadOnly") === true,
    composefs: typeof field(value, "composefs") === "object" && field(value, "composefs") !== null,
    deployment: toDeployment(field(value, "ostree")),
  };
}

/** @throws Failure for something that is no status of bootc's */
export function parseStatus(said: string): Host {
  let value: unknown;
  try {
    value = JSON.parse(said);
  } catch {
    value = undefined;
  }
  if (typeof value !== "object" || value === null)
    throw new Failure(exit.failed, "bootc status did not answer with JSON", {
      tried: ["bootc status --format=json", ...said.trim().split("\n").slice(-2)],
      next: "see what it says by itself: sudo bootc status",
    });
  const status = field(value, "status");
  const booted = toEntry(field(status, "booted"));
  const staged = toEntry(field(status, "staged"));
  return {
    booted,
    staged,
    rollback: toEntry(field(status, "rollback")),
    spec: toSpec(field(value, "spec", "image")) ?? staged?.spec ?? booted?.spec,
    rollbackQueued: field(status, "rollbackQueued") === true || field(value, "spec", "bootOrder") === "rollback",
    readOnly: field(status, "readOnly") === true,
    composefs: booted?.composefs ?? false,
  };
}

/** How the status is asked for, the newest way first. */
const statusForms = [["--format=json", "--format-version=1"], ["--format=json"], ["--json"]];

/** @throws Failure (missing) without bootc, Failure where it does not answer */
export async function readHost(): Promise<Host> {
  if (!Bun.which("bootc"))
    throw new Failure(exit.missing, "this machine has no bootc: only a bootc host can be moved to an image", {
      tried: ["bootc on the PATH"],
      next: "install the image on a disk, or try it in a virtual machine",
    });
  let said = "";
  for (const form of statusForms) {
    const outcome = await run(asRoot(["bootc", "status", ...form]));
    if (outcome.code === 0) return parseStatus(outcome.stdout);
    said = outcome.said;
    if (!/unexpected argument|invalid value|unrecognized/i.test(said)) break;
  }
  throw new Failure(exit.failed, "bootc status does not answer", {
    tried: said.trim().split("\n").slice(-3),
    next: "see what it says by itself: sudo bootc status",
  });
}

/** The words that make an image the next system. An unchanged specification is an upgrade: `switch` would do nothing. */
export function stageWords(host: Host, wanted: ImageSpec, isStaged: boolean): string[] {
  if (isStaged && host.staged?.downloadOnly) return ["bootc", "upgrade", "--from-downloaded"];
  if (host.spec && sameSpec(host.spec, wanted, host.composefs)) return ["bootc", "upgrade"];
  return [
    ...["bootc", "switch"],
    ...(wanted.transport === "registry" ? [] : ["--transport", wanted.transport]),
    ...(wanted.signature === "containerPolicy" ? ["--enforce-container-sigpolicy"] : []),
    wanted.image,
  ];
}

/**
 * Whether two specifications mean the same image with the same trust. A host that does not say a signature mode has none; on
 * composefs no host says one, so there only the image counts.
 */
export function sameSpec(a: ImageSpec, b: ImageSpec, composefs: boolean): boolean {
  const mode = ({ signature }: ImageSpec) => (composefs ? undefined : (signature ?? "insecure"));
  return a.image === b.image && a.transport === b.transport && mode(a) === mode(b);
}
