import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { exit, Failure } from "../system/errors.ts";
import { containerMark } from "../system/owner.ts";
import { projectRoot, toolRoot } from "../system/project.ts";
import { together } from "../system/single-flight.ts";
import { type Progress, runSteps } from "../system/steps.ts";
import { ensureLocalDebian } from "./debian-image.ts";
import { podmanBuild } from "./leftovers.ts";
import { bindMount, csvWord } from "./mount-words.ts";
import { pinned, readPins } from "./pins.ts";
import { askPodman, podman, podmanEnv } from "./podman.ts";
import { nextAfter } from "./podman-failures.ts";

/** The label by which `bun run clean` knows a toolbox, whatever its name. */
export const toolboxLabel = "org.slipway.toolbox";

/**
 * The toolboxes. Secrets go to the stable one only; the rolling one has what stable lacks.
 */
const boxes = { stable: "trixie", rolling: "sid" } as const;
export type Box = keyof typeof boxes;
export const boxNames = Object.keys(boxes) as Box[];

/** Where an image of ours says which suite its packages are of, and of which day (helpers/archive-date). */
export const originFile = "/usr/share/slipway-toolbox";

// Slipway's own, whichever project it works on.
const folder = join(toolRoot, "containerfiles");
const recipe = (box: Box) => join(folder, box === "stable" ? "toolbox.Containerfile" : "toolbox-rolling.Containerfile");

/** A toolbox's image is named after what it is made by, so that a changed recipe is another image. Pure. */
export function toolboxName(recipe: string): string {
  const key = new Bun.CryptoHasher("sha256").update(recipe).digest("hex").slice(0, 16);
  return `localhost/slipway-toolbox:${key}`;
}

/** The name of a toolbox's image. */
export function toolboxReference(box: Box = "stable"): string {
  return toolboxName(
    [recipe(box), join(folder, "helpers/archive-date")].map((f) => readFileSync(f, "utf8")).join("\n"),
  );
}

/** The names of all toolboxes by today's recipes. */
export function toolboxReferences(): string[] {
  return boxNames.map((box) => toolboxReference(box));
}

const ids = new Map<Box, Promise<string | undefined>>();

/** Asked once a command: the id of a toolbox's image; undefined while it is not built. */
export function toolboxId(box: Box = "stable"): Promise<string | undefined> {
  const inspect = ["image", "inspect", "--format", "{{.Id}}", toolboxReference(box)];
  const known =
    ids.get(box) ?? askPodman(...inspect).then(({ code, stdout }) => (code === 0 ? stdout.trim() : undefined));
  ids.set(box, known);
  return known;
}

/**
 * A toolbox's image, built where it is not there yet (about a minute).
 * @param progress the step that needs it; without one, building is a step of its own.
 * @throws Failure with what was tried
 */
export function ensureToolbox(progress?: Progress, box: Box = "stable"): Promise<string> {
  return together(`toolbox ${box}`, () => ensure(box, progress));
}

async function ensure(box: Box, progress?: Progress): Promise<string> {
  if (await toolboxId(box)) return toolboxReference(box);
  const make = (during: Progress) => build(box, during);
  if (progress) return make(progress);
  const step = { id: "toolbox", title: "the toolbox: tools that this machine lacks", after: [], run: make };
  const [result] = await runSteps([step], 1);
  if (result?.state === "done") return result.value;
  throw result?.state === "failed" ? result.error : new Failure(exit.failed, "the toolbox was not built");
}

/** Debian's own image by its digest where a registry has it, else the same made from packages that Debian signed. */
async function base(box: Box, progress: Progress): Promise<string> {
  const name = pinned(`docker.io/library/debian:${boxes[box]}`, readPins(toolRoot));
  progress.now(`pulling ${name}`);
  if (name.includes("@") && (await podman(["pull", "--quiet", name], { log: progress.log })).code === 0) return name;
  return ensureLocalDebian(boxes[box], progress);
}

async function build(box: Box, progress: Progress): Promise<string> {
  const reference = toolboxReference(box);
  const from = await base(box, progress);
  const days = process.env.SLIPWAY_ARCHIVE_DAYS;
  progress.now("installing the tools");
  const outcome = await podmanBuild(
    [
      ...["--network", "host", "--force-rm", "--file", csvWord(recipe(box)), "--tag", reference],
      ...["--build-arg", `BASE=${from}`, "--label", `${toolboxLabel}=${reference.split(":").at(-1)}`],
      ...(days ? ["--build-arg", `ARCHIVE_DAYS=${days}`] : []),
      folder,
    ],
    {
      log: progress.log,
      onLine: (line) => {
        const what = /^(?:Setting up|Unpacking|Get:\d+ \S+ \S+ \S+) ([\w.+-]+)/.exec(line)?.[1];
        if (what) progress.now(what);
      },
    },
  );
  if (outcome.code === 0) {
    ids.delete(box);
    return reference;
  }
  const errors = outcome.said.split("\n").filter((line) => /^(E:|Err|Error|slipway:)/.test(line));
  const tooOld = errors.some((line) => line.includes("archive-date"));
  throw new Failure(exit.failed, "the toolbox could not be built", {
    tried: [`podman build on ${from}`, ...errors.slice(-4)],
    next: tooOld
      ? "set SLIPWAY_DEBIAN_MIRROR to a current mirror, or a higher limit with SLIPWAY_ARCHIVE_DAYS"
      : nextAfter(outcome.said, "make sure that this machine can reach Debian's packages, then run this again"),
    log: progress.log,
  });
}

export interface ContainerOptions {
  /** Where it runs; the folder is mounted at the same path. */
  cwd?: string;
  /** Folders and files beside the project that it sees at the same path. */
  mounts?: string[];
  /** Variables that it gets, by name: their values are never on a command line. */
  env?: string[];
  /** It reads what is written to it. */
  stdin?: boolean;
  /** It keeps running when this command ends, and is found in another way. */
  outlives?: boolean;
}

/** This machine's certificate authorities: whom it trusts, a tool in the toolbox trusts too. */
function authorities(): string[] {
  const bundles = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];
  const bundle = bundles.find((path) => existsSync(path));
  return bundle ? [bindMount(bundle, "/etc/ssl/certs/ca-certificates.crt", { readOnly: true })] : [];
}

/** The words before a tool's own that run it in the toolbox, files under the same names as outside. Pure but for the machine's paths and the container's mark. */
export function containerWords(image: string, flags: string[], options: ContainerOptions = {}): string[] {
  const cwd = resolve(options.cwd ?? process.cwd());
  const folders = [projectRoot, cwd, ...(options.mounts ?? []).map((m) => resolve(m))];
  // a folder inside another one that is mounted is there already
  const mounts = [...new Set(folders)].filter((f) => !folders.some((other) => f.startsWith(`${other}/`)));
  return [
    ...["podman", "run", "--rm", "--network=host"],
    ...(options.outlives ? [] : containerMark()),
    // As process 1 a tool would ignore SIGTERM, and Ctrl-C would leave it running.
    "--pid=host",
    // SELinux would have the project's files relabelled, or refuse them.
    "--security-opt=label=disable",
    ...(options.stdin ? ["--interactive"] : []),
    ...mounts.map((path) => bindMount(path)),
    ...authorities(),
    ...(options.env ?? []).map((name) => `--env=${name}`),
    ...flags,
    `--workdir=${cwd}`,
    image,
  ];
}

/** The same with the settings that this machine's podman needs: complete, wherever it is run from. */
export async function inToolbox(
  flags: string[],
  options: ContainerOptions & { progress?: Progress; box?: Box | undefined } = {},
) {
  const image = await ensureToolbox(options.progress, options.box);
  const settings = Object.entries(await podmanEnv()).map(([name, value]) => `${name}=${value}`);
  return [...(settings.length ? ["env", ...settings] : []), ...containerWords(image, flags, options)];
}
