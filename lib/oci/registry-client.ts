/** One way to an image, asked. Source: the OCI distribution specification. */
import { closeSync, existsSync, openSync, rmSync, statSync, writeSync } from "node:fs";
import { exit, Failure } from "../system/errors.ts";
import { sha256OfFile } from "../system/hash-file.ts";
import { bytes as shownBytes } from "../system/output.ts";
import { makeRoom } from "../tools/podman-failures.ts";
import type { Access } from "./access.ts";
import { type Answer, ask, limits, Passing, type Patience, Refused, retryAfter, shown } from "./http.ts";
import { type Descriptor, mediaTypes, sha256 } from "./manifest.ts";
import { isDigest } from "./reference.ts";
import { authorize, loginFix } from "./token.ts";

const kinds = [mediaTypes.manifest, mediaTypes.index, mediaTypes.dockerManifest, mediaTypes.dockerIndex];

export class RegistryClient {
  private authorization: string | undefined;
  private scheme: "https" | "http" | undefined;

  /** @param patience for tests. */
  constructor(
    readonly access: Access,
    private readonly patience?: Patience,
  ) {}

  /** host/repository */
  get name(): string {
    return `${this.access.at.host}/${this.access.at.repository}`;
  }

  private question(url: URL) {
    const { tls, insecure } = this.access;
    return { url, tls, plain: insecure, ...(this.patience ? { patience: this.patience } : {}) };
  }

  private async speaks(url: URL): Promise<boolean> {
    const answer = await ask(this.question(url)).catch(() => undefined);
    await answer?.drop();
    return answer !== undefined;
  }

  /** https, unless the administrator allows http and there is no https. */
  private async base(): Promise<string> {
    const { host, insecure } = this.access;
    if (!insecure) this.scheme ??= "https";
    this.scheme ??= (await this.speaks(new URL(`https://${host}/v2/`))) ? "https" : "http";
    return `${this.scheme}://${host}/v2/`;
  }

  /** Some registries send their challenge only here. */
  private async challengeOf(answer: Answer): Promise<string | undefined> {
    const said = answer.header("www-authenticate");
    if (said !== undefined) return said;
    const ping = await ask(this.question(new URL(await this.base())));
    await ping.drop();
    return ping.header("www-authenticate");
  }

  private async get(path: string, headers: Record<string, string>, isBlob = false): Promise<Answer> {
    const url = new URL(`${await this.base()}${this.access.at.repository}/${path}`);
    for (let first = true; ; first = false) {
      const answer = await ask({ ...this.question(url), headers, authorization: this.authorization, isBlob });
      if (answer.status === 200 || answer.status === 206) return answer;
      await answer.drop();
      const { status } = answer;
      if (status === 429 || status >= 500)
        throw new Passing(`${answer.url.host} answers ${status}`, retryAfter(answer.header("retry-after")));
      if (status === 401 && first) {
        const challenge = await this.challengeOf(answer);
        this.authorization = challenge ? await authorize(challenge, this.access, this.patience) : undefined;
        if (this.authorization) continue;
      }
      // a token was given to this login, so it is good; a password is refused only here
      const login = this.authorization?.startsWith("Basic ") ? await this.access.credentials() : undefined;
      throw new Refused(`${shown(answer.url)}: ${status}`, status, loginFix(status, login, this.access));
    }
  }

  /** @param version a tag or a digest, which the bytes are held against. */
  async manifest(version: string): Promise<Buffer> {
    const answer = await this.get(`manifests/${version}`, { accept: kinds.join(", ") });
    const bytes = await answer.document(limits.manifest, "a manifest");
    if (isDigest(version) && sha256(bytes) !== version)
      throw new Refused(`${this.access.host} sends another manifest than ${version}`);
    return bytes;
  }

  /** A blob that is a small document. */
  async config({ digest, size }: Descriptor): Promise<Buffer> {
    if (size > limits.config) throw new Refused(`the configuration has ${size} bytes: more than ${limits.config}`);
    const bytes = await (await this.get(`blobs/${digest}`, {})).document(size, "the configuration");
    if (bytes.length < size) throw new Passing(`the connection ended at byte ${bytes.length} of ${size}`);
    if (sha256(bytes) !== digest) throw new Refused(`${this.access.host} sends another blob than ${digest}`);
    return bytes;
  }

  /** Writes what a file lacks of a blob; never more than the blob's size. */
  private async append({ digest, size }: Descriptor, file: string, have: number): Promise<number> {
    const answer = await this.get(`blobs/${digest}`, have ? { range: `bytes=${have}-` } : {}, true);
    const from = have && answer.status === 206 ? have : 0;
    const out = openSync(file, from ? "a" : "w", 0o600);
    let at = from;
    try {
      for await (const piece of answer.body(size - from, `blob ${digest}`)) {
        for (let done = 0; done < piece.length; ) done += writeSync(out, piece, done);
        at += piece.length;
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOSPC") throw noSpace(file, size - at);
      throw error;
    } finally {
      closeSync(out);
    }
    return from;
  }

  /** Brings a blob into a file, or goes on where the last try stopped. */
  async blob(descriptor: Descriptor, partial: string): Promise<void> {
    const { digest, size } = descriptor;
    const have = existsSync(partial) ? statSync(partial).size : 0;
    let from = have;
    try {
      if (have < size || size === 0) from = await this.append(descriptor, partial, have);
    } catch (error) {
      if (error instanceof Refused) rmSync(partial, { force: true });
      throw error;
    }
    const came = statSync(partial).size;
    if (came < size) throw new Passing(`the connection ended at byte ${came} of ${size}`);
    if (`sha256:${await sha256OfFile(partial)}` === digest) return;
    rmSync(partial, { force: true });
    const what = `what ${this.access.host} sends does not hash to ${digest}`;
    // the halves of two tries may not fit together
    throw from ? new Passing(what) : new Refused(what);
  }
}

export function noSpace(file: string, bytes: number): Failure {
  return new Failure(exit.failed, `no space left where ${file} would be: ${shownBytes(bytes)} are missing`, {
    next: makeRoom,
  });
}
