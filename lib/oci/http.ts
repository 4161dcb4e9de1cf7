/**
 * One request to a registry and its answer, within limits: the other side may be hostile. An answer cannot take more memory
 * than its limit, last for ever or lead to http, and a password does not follow to another host. Source of the first limits:
 * containers/image, internal/iolimits.
 */
import type { Tls } from "./access.ts";
import { largestDocument } from "./manifest.ts";

/** Bytes that a document may have at most. */
export const limits = { manifest: largestDocument, config: largestDocument, token: 1 << 20 } as const;

/** A registry sends a blob to where it is stored, and there perhaps once more. */
export const mostRedirects = 5;

export interface Patience {
  /** Milliseconds in which at least `least` bytes must come, or all that is left. */
  window: number;
  /** 8 KiB a second: slower, an image would take days. */
  least: number;
  /** Milliseconds for a whole document. */
  document: number;
}

export const patience: Patience = { window: 30_000, least: 30 * (8 << 10), document: 120_000 };

/** The registry's answer is wrong, and a second request would not help. */
export class Refused extends Error {
  constructor(
    message: string,
    /** The HTTP status, if that was the refusal. */
    readonly status?: number,
    /** What the user can do so that it is not refused; absent where nothing here helps. */
    readonly fix?: string,
  ) {
    super(message);
  }
}

/** A failure that may pass: what it is, and how long the registry wants us to wait. */
export class Passing extends Error {
  constructor(
    message: string,
    /** Milliseconds. */
    readonly after = 0,
  ) {
    super(message);
  }
}

/** An address as messages show it: without parts that may be secret or very long. */
export function shown({ protocol, host, pathname }: URL): string {
  return `${protocol}//${host}${pathname}`.slice(0, 200);
}

/** Parses what a registry names as an address. @param what it is, for the refusal */
export function addressOf(text: string, base: URL | undefined, plain: boolean, what: string): URL {
  const url = URL.parse(text, base?.href);
  if (!url) throw new Refused(`${what} is not an address`);
  if (url.protocol !== "https:" && !(plain && url.protocol === "http:"))
    throw new Refused(`${what} is ${shown(url)}, which is not https`);
  if (url.username || url.password) throw new Refused(`${what}, at ${url.host}, has a user's name in it`);
  return url;
}

/** Ends a transfer that stops, or that is so slow that it would never end. */
class Watch {
  private readonly control = new AbortController();
  private readonly timers: Timer[] = [];
  private came = 0;

  constructor(host: string, { window, least, document }: Patience, isDocument: boolean) {
    const stop = (what: string) => this.control.abort(new Passing(`${host} ${what}`));
    const look = () => {
      if (this.came < least) stop(`sent only ${this.came} bytes in ${window / 1000} s`);
      this.came = 0;
    };
    this.timers.push(setInterval(look, window));
    if (isDocument) this.timers.push(setTimeout(() => stop(`took more than ${document / 1000} s`), document));
  }

  get signal(): AbortSignal {
    return this.control.signal;
  }

  saw(bytes: number): void {
    this.came += bytes;
  }

  end(): void {
    for (const timer of this.timers) clearInterval(timer);
  }
}

export interface Question {
  url: URL;
  method?: "GET" | "POST";
  headers?: Record<string, string>;
  /** Goes to this host only, wherever the answer leads. */
  authorization?: string | undefined;
  body?: string;
  tls: Tls;
  /** The administrator allows http with this registry. */
  plain: boolean;
  patience?: Patience;
  /** A blob may take as long as it comes. */
  isBlob?: boolean;
}

/** An answer whose body has not been read; one of `body` and `drop` must be called. */
export class Answer {
  constructor(
    private readonly response: Response,
    private readonly watch: Watch,
    /** Where it came from, after all redirects. */
    readonly url: URL,
  ) {}

  get status(): number {
    return this.response.status;
  }

  header(name: string): string | undefined {
    return this.response.headers.get(name) ?? undefined;
  }

  /** Ends the connection; the rest is not read. */
  async drop(): Promise<void> {
    this.watch.end();
    await this.response.body?.cancel().catch(() => undefined);
  }

  /**
   * The body, piece by piece; the connection is cut at the first byte beyond `limit`.
   * @throws Refused for more bytes, or compressed ones; Passing if the transfer stops
   */
  async *body(limit: number, what: string): AsyncGenerator<Uint8Array> {
    const tooLarge = () => new Refused(`${this.url.host} sends more than ${limit} bytes as ${what}`);
    try {
      const coding = this.header("content-encoding") ?? "identity";
      if (coding !== "identity") throw new Refused(`${this.url.host} compresses ${what} although it was asked not to`);
      if (Number(this.header("content-length") ?? 0) > limit) throw tooLarge();
      let came = 0;
      for await (const bytes of this.response.body ?? []) {
        came += bytes.length;
        if (came > limit) throw tooLarge();
        this.watch.saw(bytes.length);
        yield bytes;
      }
    } finally {
      await this.drop();
    }
  }

  /** The whole body, which is no larger than `limit`. */
  async document(limit: number, what: string): Promise<Buffer> {
    const pieces: Uint8Array[] = [];
    for await (const bytes of this.body(limit, what)) pieces.push(bytes);
    return Buffer.concat(pieces);
  }
}

const isRedirect = (status: number) => [301, 302, 303, 307, 308].includes(status);

/**
 * Asks, and follows where the answer leads.
 * @throws Refused, or what the network says
 */
export async function ask(question: Question): Promise<Answer> {
  const { tls, plain, headers = {}, body, method = "GET" } = question;
  let { url, authorization } = question;
  const watch = new Watch(url.host, question.patience ?? patience, !question.isBlob);
  try {
    for (let hop = 0; ; hop++) {
      const response = await fetch(url, {
        method,
        headers: { ...headers, "accept-encoding": "identity", ...(authorization ? { authorization } : {}) },
        ...(body === undefined ? {} : { body }),
        redirect: "manual",
        decompress: false,
        signal: watch.signal,
        tls,
      });
      if (!isRedirect(response.status)) return new Answer(response, watch, url);
      await response.body?.cancel();
      const from = shown(url);
      if (body !== undefined) throw new Refused(`${from} redirects a request that sends data`);
      if (hop === mostRedirects) throw new Refused(`${from} redirects again after ${mostRedirects} redirects`);
      const next = addressOf(response.headers.get("location") ?? "", url, plain, `the redirect of ${from}`);
      if (next.origin !== url.origin) authorization = undefined;
      url = next;
    }
  } catch (error) {
    watch.end();
    throw error;
  }
}

/** containers/image waits no longer than this either. */
export const longestWait = 60_000;

/**
 * How long an answer asks us to wait, in milliseconds. HTTP has seconds or a date; 0 for anything else.
 * Source: RFC 9110, 10.2.3.
 */
export function retryAfter(header: string | undefined, now = Date.now()): number {
  const text = header?.trim() ?? "";
  if (/^\d{1,12}$/.test(text)) return Number(text) * 1000;
  const isDate = /^[A-Za-z]{3,9}, \d\d[ -][A-Za-z]{3}[ -]\d{2,4} \d\d:\d\d:\d\d GMT$/.test(text);
  const at = isDate ? Date.parse(text) : Number.NaN;
  return at > now ? at - now : 0;
}
