/**
 * A registry, read over HTTPS. Sources: the OCI distribution specification; containers-auth.json(5), containers-certs.d(5).
 */
import { createWriteStream, existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { exit, Failure } from "../cli/errors.ts";
import { sha256OfFile } from "../cli/hash-file.ts";
import { choose, type Descriptor, mediaTypes, type Opened, parseConfig, parseManifest, sha256 } from "./manifest.ts";

/** `registry/repository:tag` or `…@sha256:…` in its parts. */
export interface Reference {
  host: string;
  repository: string;
  /** A tag or a digest. */
  version: string;
}

/** @returns undefined for what names no registry. */
export function parseReference(text: string): Reference | undefined {
  const m =
    /^([a-z0-9.-]+\.[a-z0-9.-]+(?::\d+)?|localhost(?::\d+)?)\/([a-z0-9._/-]+?)(?::([\w][\w.-]{0,127}))?(?:@(sha256:[0-9a-f]{64}))?$/.exec(
      text,
    );
  const [, host, repository, tag, digest] = m ?? [];
  if (host === undefined || repository === undefined) return undefined;
  return { host, repository, version: digest ?? tag ?? "latest" };
}

/** How long one answer may take: a document, a layer. What was cut off is gone on with. */
const patience = { document: 30_000, layer: 600_000 };

function authFiles(): string[] {
  const { REGISTRY_AUTH_FILE: named, XDG_RUNTIME_DIR: runtime, XDG_CONFIG_HOME: config } = process.env;
  return [
    ...(named ? [named] : []),
    ...(runtime ? [join(runtime, "containers/auth.json")] : [`/run/containers/${process.getuid?.() ?? 0}/auth.json`]),
    join(config ?? join(homedir(), ".config"), "containers/auth.json"),
    join(homedir(), ".docker/config.json"),
  ];
}

/** What podman login left for this registry; the longest name that fits wins. */
function credentials({ host, repository }: Reference): string | undefined {
  for (const file of authFiles()) {
    if (!existsSync(file)) continue;
    try {
      const { auths = {} }: { auths?: Record<string, { auth?: string }> } = JSON.parse(readFileSync(file, "utf8"));
      for (let name = `${host}/${repository}`; name; name = name.includes("/") ? name.replace(/\/[^/]*$/, "") : "") {
        const auth = auths[name]?.auth;
        if (auth) return auth;
      }
    } catch {
      // not ours to mend; the registry will say what it misses
    }
  }
  return undefined;
}

const bundles = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];

/** This machine's authorities and those that are named for this registry: whom podman trusts. */
function authorities(host: string): string[] {
  const folders = ["/etc/containers/certs.d", "/etc/docker/certs.d", join(homedir(), ".config/containers/certs.d")];
  const own = folders.flatMap((f) => {
    const folder = join(f, host);
    return existsSync(folder)
      ? readdirSync(folder)
          .filter((n) => n.endsWith(".crt"))
          .map((n) => join(folder, n))
      : [];
  });
  const bundle = process.env.SSL_CERT_FILE ?? bundles.find((path) => existsSync(path));
  return [...(bundle ? [bundle] : []), ...own].map((path) => readFileSync(path, "utf8"));
}

/** The registry answered, and the answer is no: asking again will not help. */
class Refused extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** One repository of a registry. */
export class Repository {
  private token: string | undefined;
  private readonly ca: string[];

  /** @param attempts how often it is asked before that counts as no answer. */
  constructor(
    private readonly at: Reference,
    private readonly attempts = 5,
  ) {
    this.ca = authorities(at.host);
  }

  private fetch(url: string, headers: Record<string, string>, time = patience.document): Promise<Response> {
    const tls = this.ca.length ? { tls: { ca: this.ca } } : {};
    return fetch(url, { headers, signal: AbortSignal.timeout(time), ...tls });
  }

  /** A token as the registry's challenge asks for it. */
  private async authenticate(challenge: string): Promise<void> {
    const basic = credentials(this.at);
    if (/^basic/i.test(challenge)) {
      if (basic) this.token = `Basic ${basic}`;
      return;
    }
    const part = (name: string) => new RegExp(`${name}="([^"]*)"`).exec(challenge)?.[1];
    const realm = part("realm");
    if (!realm) return;
    const url = new URL(realm);
    const service = part("service");
    if (service) url.searchParams.set("service", service);
    url.searchParams.set("scope", part("scope") ?? `repository:${this.at.repository}:pull`);
    const answer = await this.fetch(url.href, basic ? { authorization: `Basic ${basic}` } : {});
    if (!answer.ok) throw new Refused(answer.status, `${url.host} gives no token (${answer.status})`);
    const said = (await answer.json()) as { token?: string; access_token?: string };
    this.token = `Bearer ${said.token ?? said.access_token ?? ""}`;
  }

  private async get(path: string, headers: Record<string, string>, time?: number): Promise<Response> {
    const url = `https://${this.at.host}/v2/${this.at.repository}/${path}`;
    for (let first = true; ; first = false) {
      const answer = await this.fetch(url, { ...headers, ...(this.token ? { authorization: this.token } : {}) }, time);
      if (answer.ok) return answer;
      await answer.body?.cancel();
      const challenge = answer.headers.get("www-authenticate");
      if (answer.status === 401 && challenge && first) await this.authenticate(challenge);
      else if (answer.status >= 500 || answer.status === 429)
        throw new Error(`${this.at.host} answers ${answer.status}`);
      else throw new Refused(answer.status, `${url}: ${answer.status} ${answer.statusText}`);
    }
  }

  /** With growing pauses, until it is clear that it will not be. */
  private async insist<T>(what: string, work: () => Promise<T>): Promise<T> {
    const tried: string[] = [];
    for (let attempt = 1; ; attempt++) {
      try {
        return await work();
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        tried.push(message);
        if (error instanceof Failure) throw error;
        if (error instanceof Refused || attempt === this.attempts)
          throw new RegistryFailure(what, tried, error instanceof Refused ? error.status : undefined);
        await pause(500 * 2 ** (attempt - 1));
      }
    }
  }

  private async manifestText(version: string): Promise<string> {
    const accept = [mediaTypes.manifest, mediaTypes.index, mediaTypes.dockerManifest, mediaTypes.dockerIndex].join(
      ", ",
    );
    return this.insist(`${this.at.host}/${this.at.repository}: reading ${version}`, async () => {
      const text = await (await this.get(`manifests/${version}`, { accept })).text();
      if (version.startsWith("sha256:") && sha256(text) !== version)
        throw new Failure(exit.failed, `${this.at.host} sent another manifest than ${version}`);
      return text;
    });
  }

  async open(): Promise<Opened> {
    let text = await this.manifestText(this.at.version);
    let manifest = parseManifest(text, this.at.version);
    if ("manifests" in manifest) {
      const { digest } = choose(manifest, this.at.version);
      text = await this.manifestText(digest);
      manifest = parseManifest(text, digest);
    }
    if ("manifests" in manifest) throw new Failure(exit.failed, `${this.at.version}: an index in an index`);
    const { digest } = manifest.config;
    const config = await this.insist(`reading ${digest}`, async () => {
      const body = await (await this.get(`blobs/${digest}`, {})).text();
      if (sha256(body) !== digest) throw new Error(`${this.at.host} sent another blob than ${digest}`);
      return body;
    });
    return { manifest, digest: sha256(text), config: parseConfig(config, digest) };
  }

  private async append(digest: string, file: string, have: number): Promise<void> {
    const answer = await this.get(`blobs/${digest}`, have ? { range: `bytes=${have}-` } : {}, patience.layer);
    const out = createWriteStream(file, { flags: answer.status === 206 ? "a" : "w" });
    const broken = new Promise<never>((_, fail) => out.once("error", fail));
    broken.catch(() => undefined); // it may break while nobody waits
    try {
      for await (const bytes of answer.body ?? [])
        if (!out.write(bytes)) await Promise.race([new Promise((r) => out.once("drain", r)), broken]);
    } finally {
      await Promise.race([new Promise((r) => out.end(r)), broken]);
    }
  }

  /** Fetches a blob into a file; what a broken connection left is gone on with. */
  async fetchBlob({ digest, size }: Descriptor, path: string): Promise<void> {
    const partial = `${path}.partial`;
    await this.insist(`${this.at.host}/${this.at.repository}: fetching ${digest}`, async () => {
      const have = existsSync(partial) ? statSync(partial).size : 0;
      if (have < size) await this.append(digest, partial, have);
      const came = statSync(partial).size;
      if (came < size) throw new Error(`the connection ended at byte ${came} of ${size}`);
      if (`sha256:${await sha256OfFile(partial)}` !== digest) {
        rmSync(partial, { force: true });
        throw new Error(`what came does not hash to ${digest}`);
      }
    });
    renameSync(partial, path);
  }
}

/** A registry that did not give what was asked; `status` is its answer, absent where there was none. */
export class RegistryFailure extends Failure {
  constructor(
    what: string,
    tried: string[],
    readonly status: number | undefined,
  ) {
    super(exit.failed, `${what} failed`, { tried, next: "check the name, the network and `podman login`" });
  }

  /** There is no such image, or nobody who has not logged in may know. */
  get absent(): boolean {
    return this.status === 404 || this.status === 401 || this.status === 403;
  }
}
