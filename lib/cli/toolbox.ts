import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { ensureLocalDebian } from "./debian-image.ts";
import { exit, Failure } from "./errors.ts";
import { podmanBuild } from "./leftovers.ts";
import { askPodman, podman, podmanEnv } from "./podman.ts";
import { projectRoot } from "./project.ts";
import { type Progress, runSteps } from "./steps.ts";

/** The label by which `bun run clean` knows a toolbox, whatever its name. */
export const toolboxLabel = "org.slipway.toolbox";

const suite = "sid";
// Slipway's own, whichever project it works on.
const recipe = join(import.meta.dir, "../../containerfiles/toolbox.Containerfile");

/** The toolbox's image: named after its recipe, so that a changed recipe is another image. */
export function toolboxReference(text = readFileSync(recipe, "utf8")): string {
  const key = new Bun.CryptoHasher("sha256").update(text).digest("hex").slice(0, 16);
  return `localhost/slipway-toolbox:${key}`;
}

let built: Promise<boolean> | undefined;

/** Asked once a command: whether the toolbox is there already. */
export function toolboxBuilt(): Promise<boolean> {
  built ??= askPodman("image", "exists", toolboxReference()).then(({ code }) => code === 0);
  return built;
}

let ready: Promise<string> | undefined;

/**
 * The toolbox's image, built where it is not there yet (about a minute).
 * @param progress the step that needs it; without one, building is a step of its own.
 * @throws Failure with what was tried
 */
export function ensureToolbox(progress?: Progress): Promise<string> {
  ready ??= ensure(progress).catch((error: unknown) => {
    ready = undefined;
    throw error;
  });
  return ready;
}

async function ensure(progress?: Progress): Promise<string> {
  if (await toolboxBuilt()) return toolboxReference();
  if (progress) return build(progress);
  const step = { id: "toolbox", title: "the toolbox: tools that this machine lacks", after: [], run: build };
  const [result] = await runSteps([step], 1);
  if (result?.state === "done") return result.value;
  throw result?.state === "failed" ? result.error : new Failure(exit.failed, "the toolbox was not built");
}

/** Debian's own image where a registry has it, else the same made from packages. */
async function base(progress: Progress): Promise<string> {
  const name = `docker.io/library/debian:${suite}`;
  progress.now(`pulling ${name}`);
  if ((await podman(["pull", "--quiet", name], { log: progress.log })).code === 0) return name;
  return ensureLocalDebian(suite, progress);
}

async function build(progress: Progress): Promise<string> {
  const reference = toolboxReference();
  const from = await base(progress);
  progress.now("installing the tools");
  const outcome = await podmanBuild(
    [
      ...["--network", "host", "--force-rm", "--file", recipe, "--tag", reference],
      ...["--build-arg", `BASE=${from}`, "--label", `${toolboxLabel}=${reference.split(":").at(-1)}`],
      dirname(recipe),
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
    built = Promise.resolve(true);
    return reference;
  }
  const errors = outcome.said.split("\n").filter((line) => /^(E:|Err|Error)/.test(line));
  throw new Failure(exit.failed, "the toolbox could not be built", {
    tried: [`podman build on ${from}`, ...errors.slice(-4)],
    next: "see that Debian's packages can be reached from here, then run this again",
    log: progress.log,
  });
}

export interface ContainerOptions {
  /** Where it runs; the folder is mounted at the same path. */
  cwd?: string;
  /** Folders and files beside the project that it sees at the same path. */
  mounts?: string[];
  /** Variables that it gets, by name: their values never stand on a command line. */
  env?: string[];
  /** It reads what is written to it. */
  stdin?: boolean;
}

/** This machine's certificate authorities: whom it trusts, a tool in the toolbox trusts too. */
function authorities(): string[] {
  const bundles = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];
  const bundle = bundles.find((path) => existsSync(path));
  return bundle ? [`--volume=${bundle}:/etc/ssl/certs/ca-certificates.crt:ro`] : [];
}

/** The words before a tool's own that run it in the toolbox, files under the same names as outside. Pure but for the machine's paths. */
export function containerWords(image: string, flags: string[], options: ContainerOptions = {}): string[] {
  const cwd = resolve(options.cwd ?? process.cwd());
  const folders = [projectRoot, cwd, ...(options.mounts ?? []).map((m) => resolve(m))];
  // a folder inside another one that is mounted is there already
  const mounts = [...new Set(folders)].filter((f) => !folders.some((other) => f.startsWith(`${other}/`)));
  return [
    ...["podman", "run", "--rm", "--network=host"],
    // As process 1 a tool would ignore SIGTERM, and Ctrl-C would leave it running.
    "--pid=host",
    // SELinux would have the project's files relabelled, or refuse them.
    "--security-opt=label=disable",
    ...(options.stdin ? ["--interactive"] : []),
    ...mounts.map((path) => `--volume=${path}:${path}`),
    ...authorities(),
    ...(options.env ?? []).map((name) => `--env=${name}`),
    ...flags,
    `--workdir=${cwd}`,
    image,
  ];
}

/** The same with the settings that this machine's podman needs: complete, wherever it is run from. */
export async function inToolbox(flags: string[], options: ContainerOptions & { progress?: Progress } = {}) {
  const image = await ensureToolbox(options.progress);
  const settings = Object.entries(await podmanEnv()).map(([name, value]) => `${name}=${value}`);
  return [...(settings.length ? ["env", ...settings] : []), ...containerWords(image, flags, options)];
}
