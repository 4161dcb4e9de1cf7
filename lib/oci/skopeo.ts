import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { exit, Failure } from "../system/errors.ts";
import { projectRoot } from "../system/project.ts";
import { type Outcome, type RunOptions, run } from "../system/shell.ts";
import type { Progress } from "../system/steps.ts";
import { type FailureKind, nextAfter, podmanFailureIn } from "../tools/podman-failures.ts";
import { tool } from "../tools/tools.ts";
import { accessFiles } from "./access.ts";
import { login } from "./login.ts";
import { sha256 } from "./manifest.ts";

/**
 * skopeo is the one client by which images go to a registry and come back: it speaks with podman's own library, so names,
 * logins and authorities mean what they mean to podman, and unlike podman 4.3 it takes a compression level.
 * It comes from the toolbox where the machine's own will not do.
 */

/** Nothing that asks a registry waits for ever: a dead connection ends after this. */
export const patience = { question: "2m", image: "2h" };

export type Trouble = "absent" | "denied" | "space" | "mistake" | "passing";

const troubles: Partial<Record<FailureKind, Trouble>> = { absent: "absent", denied: "denied", space: "space" };

/** What skopeo's last words mean. What is not known may pass by itself. */
export function troubleOf(said: string): Trouble {
  const failure = podmanFailureIn(said);
  if (!failure || failure.passes) return "passing";
  return troubles[failure.kind] ?? "mistake";
}

/** skopeo's own sentence, without time, level and wrapping. */
export function lastWords(said: string): string {
  const line = said.trim().split("\n").at(-1) ?? "";
  return (/msg="(.*)"$/.exec(line)?.[1] ?? line).replaceAll('\\"', '"') || "it said nothing";
}

/** An end of skopeo that was not the wanted one. */
export class RegistryTrouble extends Failure {
  readonly trouble: Trouble;
  readonly said: string;

  constructor(what: string, said: string, log?: string) {
    const next = nextAfter(said, "see that the registry can be reached, then run this again");
    super(exit.failed, what, { tried: [lastWords(said)], next, ...(log ? { log } : {}) });
    this.trouble = troubleOf(said);
    this.said = said;
  }
}

export interface SkopeoOptions extends RunOptions {
  progress?: Progress;
  /** Folders and files beside the project that it reads or writes. */
  mounts?: string[];
}

/** `patience`: how long the registry may take, as Go writes it (8s). */
type Asking = SkopeoOptions & { patience?: string };

/**
 * skopeo ends the path of an `oci:` folder at its first colon (containers/image, oci/internal). So where the project's own path has
 * one, skopeo runs there and gets the rest of the path.
 */
const crooked = projectRoot.includes(":");

function ociFromProject(word: string): string {
  const start = `oci:${projectRoot}/`;
  return crooked && word.startsWith(start) ? `oci:${word.slice(start.length)}` : word;
}

/** Runs skopeo, logged in as podman is. */
export async function skopeo(args: readonly string[], options: SkopeoOptions = {}): Promise<Outcome> {
  const { progress, mounts = [], ...rest } = options;
  const known = login(args);
  // mirrors and the like: podman's variable, which skopeo does not know
  const named = process.env.CONTAINERS_REGISTRIES_CONF;
  const registries = named ? ["--registries-conf", named] : [];
  const place = crooked ? { cwd: projectRoot } : {};
  try {
    const words = await tool("skopeo", {
      ...place,
      mounts: [...mounts, ...known.mounts, ...accessFiles()],
      // settings and certificates may lie in the user's home, which in a container is another one
      env: [...Object.keys(known.env), "HOME"],
      ...(progress ? { progress } : {}),
    });
    const log = rest.log ?? progress?.log;
    return await run([...words, ...registries, ...args.map(ociFromProject)], {
      ...place,
      ...rest,
      ...(log ? { log } : {}),
      env: { ...known.env, ...rest.env },
    });
  } finally {
    known.remove();
  }
}

/** A policy for what was made here a moment ago: the machine's own may well refuse a folder. */
export function openPolicy(folder: string): string {
  const path = join(folder, "open-policy.json");
  writeFileSync(path, JSON.stringify({ default: [{ type: "insecureAcceptAnything" }] }));
  return path;
}

/**
 * The manifest that stands at a name, as it came.
 * @param name with its transport: `docker://…`, `oci:…`, `dir:…`
 * @throws RegistryTrouble
 */
export async function rawManifest(name: string, { patience: most, ...options }: Asking = {}): Promise<string> {
  const argv = ["--command-timeout", most ?? patience.question, "inspect", "--raw", name];
  const { code, stdout, said } = await skopeo(argv, options);
  if (code === 0) return stdout;
  throw new RegistryTrouble(`${name.replace("docker://", "")} could not be read`, said, options.progress?.log);
}

/** The digest that a tag stands for right now; undefined where there is no such tag. */
export async function tagDigest(reference: string, options: SkopeoOptions = {}): Promise<string | undefined> {
  try {
    return sha256(await rawManifest(`docker://${reference}`, options));
  } catch (error) {
    if (error instanceof RegistryTrouble && error.trouble === "absent") return undefined;
    throw error;
  }
}
