/** Reads an image of a registry by all ways that this machine allows, and tries again after errors that may pass. */
import { existsSync, mkdirSync, renameSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { exit, Failure } from "../system/errors.ts";
import { spaceAt } from "../system/machine.ts";
import { together } from "../system/single-flight.ts";
import { accessTo } from "./access.ts";
import { longestWait, Passing, type Patience, Refused } from "./http.ts";
import { choose, type Descriptor, type Opened, parseConfig, parseManifest, sha256 } from "./manifest.ts";
import type { Reference } from "./reference.ts";
import { noSpace, RegistryClient } from "./registry-client.ts";

export interface RepositoryOptions {
  /** How often a registry is asked before that counts as no answer. */
  attempts?: number;
  /** For tests. */
  patience?: Patience;
  pause?: (milliseconds: number) => Promise<unknown>;
}

/** One repository of a registry. */
export class Repository {
  private readonly ways: RegistryClient[];
  private readonly attempts: number;
  private readonly pause: (milliseconds: number) => Promise<unknown>;

  /** @throws Failure for a registry that is blocked on this machine */
  constructor(
    private readonly at: Reference,
    { attempts = 5, patience, pause = Bun.sleep }: RepositoryOptions = {},
  ) {
    this.ways = accessTo(at).map((access) => new RegistryClient(access, patience));
    this.attempts = attempts;
    this.pause = pause;
  }

  /** Tries again, with growing pauses or those that the registry asks for, until there is no hope. */
  private async insist<T>(what: string, attempts: number, work: () => Promise<T>): Promise<T> {
    const tried: string[] = [];
    for (let attempt = 1; ; attempt++) {
      try {
        return await work();
      } catch (error) {
        if (error instanceof Failure) throw error;
        tried.push(error instanceof Error ? error.message : String(error));
        const asked = error instanceof Passing ? error.after : 0;
        if (asked > longestWait) tried.push(`it asks for a pause of ${Math.ceil(asked / 1000)} s`);
        if (error instanceof Refused || attempt === attempts || asked > longestWait)
          throw new RegistryFailure(what, tried, error instanceof Refused ? error : {});
        await this.pause(Math.max(asked, 500 * 2 ** (attempt - 1)));
      }
    }
  }

  /** A mirror is asked once; only what the image's own registry answers is an error. */
  async open(): Promise<Opened> {
    const tried: string[] = [];
    for (;;) {
      const [way, ...others] = this.ways;
      if (!way) throw new Failure(exit.failed, `there is no way to ${this.at.host}`);
      try {
        return await this.openBy(way, others.length ? 1 : this.attempts);
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
        tried.push(...(error.details.tried ?? [error.message]));
        if (others.length === 0) throw error instanceof RegistryFailure ? error.after(tried) : error;
        this.ways.shift();
      }
    }
  }

  private async openBy(way: RegistryClient, attempts: number): Promise<Opened> {
    const manifest = (version: string) =>
      this.insist(`${way.name}: reading ${version}`, attempts, () => way.manifest(version));
    // a mirror may have another tag or digest than the name that was asked for
    const { version } = way.access.at;
    let bytes = await manifest(version);
    let parsed = parseManifest(bytes, `${way.name} ${version}`);
    const index = "manifests" in parsed ? { index: sha256(bytes) } : {};
    if ("manifests" in parsed) {
      const { digest } = choose(parsed, version);
      bytes = await manifest(digest);
      parsed = parseManifest(bytes, digest);
    }
    if ("manifests" in parsed) throw new Failure(exit.failed, `${version}: an index in an index`);
    const { config } = parsed;
    const text = await this.insist(`${way.name}: reading ${config.digest}`, attempts, () => way.config(config));
    return { manifest: parsed, digest: sha256(bytes), ...index, config: parseConfig(text, config.digest) };
  }

  /**
   * Fetches a blob into a file; what a broken connection left is continued. No byte beyond the size that the manifest
   * states is read.
   * @throws RegistryFailure; Failure where there is no space for it
   */
  fetchBlob(descriptor: Descriptor, path: string): Promise<void> {
    // several images of a family share layers, and one image may have the same layer twice
    return together(`blob ${path}`, async () => {
      if (!existsSync(path)) await this.fetch(descriptor, path);
    });
  }

  private async fetch(descriptor: Descriptor, path: string): Promise<void> {
    const [way] = this.ways;
    if (!way) throw new Failure(exit.failed, `there is no way to ${this.at.host}`);
    const partial = `${path}.partial`;
    const have = existsSync(partial) ? statSync(partial).size : 0;
    const missing = descriptor.size - have;
    if (missing > spaceAt(dirname(path)).free) throw noSpace(path, missing);
    await this.insist(`${way.name}: fetching ${descriptor.digest}`, this.attempts, () => way.blob(descriptor, partial));
    renameSync(partial, path);
  }
}

/** Layers that are fetched at a time. */
const streams = 4;

/**
 * Fetches the layers that a folder lacks, to `folder/sha256/HEX`.
 * @throws as `fetchBlob`
 */
export async function fetchLayers(repository: Repository, layers: Descriptor[], folder: string): Promise<void> {
  mkdirSync(join(folder, "sha256"), { recursive: true });
  const path = ({ digest }: Descriptor) => join(folder, digest.replace(":", "/"));
  const queue = [...new Map(layers.map((l) => [l.digest, l])).values()].filter((l) => !existsSync(path(l)));
  const work = async () => {
    try {
      for (let next = queue.shift(); next; next = queue.shift()) await repository.fetchBlob(next, path(next));
    } catch (error) {
      queue.length = 0;
      throw error;
    }
  };
  await Promise.all(Array.from({ length: streams }, work));
}

/** A registry that did not give what was asked; `status` is its answer, absent where there was none. */
export class RegistryFailure extends Failure {
  constructor(
    private readonly what: string,
    tried: string[],
    private readonly refusal: Pick<Refused, "status" | "fix">,
  ) {
    super(exit.failed, `${what} failed`, {
      tried,
      next: refusal.fix ?? "check the name, the network and `podman login`",
    });
  }

  get status(): number | undefined {
    return this.refusal.status;
  }

  /** What the user can do against the refusal; undefined where nothing here helps. */
  get fix(): string | undefined {
    return this.refusal.fix;
  }

  /** The same, after other ways did not work either. */
  after(tried: string[]): RegistryFailure {
    return new RegistryFailure(this.what, tried, this.refusal);
  }

  /** There is no such image, or nobody who has not logged in may know. */
  get absent(): boolean {
    return this.status === 404 || this.status === 401 || this.status === 403;
  }
}
