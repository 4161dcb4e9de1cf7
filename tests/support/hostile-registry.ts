/**
 * A registry over TLS that does what a test tells it to, a stranger beside it, and a server that speaks plain http. It counts what it
 * sent and keeps what it was told, so a test can say what a reader took and gave away.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type IncomingMessage, createServer as plainServer, type ServerResponse } from "node:http";
import { createServer as secureServer } from "node:https";
import type { AddressInfo, Server, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sha256 } from "../../lib/oci/manifest.ts";
import { exec } from "./sandbox.ts";

export const repository = "acme/os";
export const user = { name: "maintainer", word: "hush-hush-password" };

/** What is asked for: the parts of an image, or a token. */
export type Asked = "token" | "manifest" | "config" | "blob" | "ping";
export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** A small image. */
export function sampleImage(layer: Buffer, change: (manifest: Record<string, unknown>) => void = () => undefined) {
  const config = Buffer.from(JSON.stringify({ rootfs: { type: "layers", diff_ids: [sha256(layer)] } }));
  const part = (mediaType: string, bytes: Buffer) => ({ mediaType, digest: sha256(bytes), size: bytes.length });
  const manifest = {
    schemaVersion: 2,
    config: part("application/vnd.oci.image.config.v1+json", config),
    layers: [part("application/vnd.oci.image.layer.v1.tar", layer)],
  };
  change(manifest);
  return { manifest: Buffer.from(JSON.stringify(manifest)), config, layer };
}

/** Until it takes more, or is gone. */
function drained(to: ServerResponse | Socket): Promise<void> {
  return new Promise((done) => {
    const end = () => {
      to.off("drain", end).off("close", end);
      done();
    };
    to.on("drain", end).on("close", end);
  });
}

export class HostileRegistry {
  readonly folder = mkdtempSync(join(tmpdir(), "slipway-hostile-"));
  /** What is done for a question; what is not here is answered as it should be. */
  handlers: Partial<Record<Asked, Handler>> = {};
  /** Speaks instead of HTTP, as soon as a connection stands. */
  raw: ((socket: Socket) => void) | undefined;
  image = sampleImage(Buffer.from("a layer\n".repeat(1000)));
  wantsToken = true;
  /** Bytes of bodies that were written to connections. */
  sent = 0;
  asked: string[] = [];
  /** Every question to any of the three for a manifest or a token, with who was asked and what was shown. */
  trail: string[] = [];
  /** What the stranger and the plain server heard as `authorization`. */
  heard: (string | undefined)[] = [];
  port = 0;
  strangerPort = 0;
  plainPort = 0;
  private readonly servers: Server[] = [];
  private readonly sockets = new Set<Socket>();

  static async start(): Promise<HostileRegistry> {
    const made = new HostileRegistry();
    const openssl = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    const names = "subjectAltName=DNS:localhost,DNS:sub.localhost,IP:127.0.0.1";
    const files = ["-addext", names, "-keyout", made.path("key"), "-out", made.path("ca.crt")];
    const { code, stderr } = await exec([...openssl, "-days", "30", "-subj", "/CN=localhost", ...files]);
    if (code !== 0) throw new Error(stderr);
    const tls = { key: readFileSync(made.path("key")), cert: readFileSync(made.path("ca.crt")) };
    made.port = await made.listen(secureServer(tls, (q, r) => made.answer(q, r)));
    made.strangerPort = await made.listen(secureServer(tls, (q, r) => made.strange("stranger", q, r)));
    made.plainPort = await made.listen(plainServer((q, r) => made.strange("plain", q, r)));
    mkdirSync(made.path(".config/containers"), { recursive: true });
    made.conf("");
    made.logIn(`localhost:${made.port}`);
    return made;
  }

  path(...parts: string[]): string {
    return join(this.folder, ...parts);
  }

  /** The settings that a reader must have to know this registry and nothing of the machine's. */
  env(): Record<string, string> {
    return { HOME: this.folder, SSL_CERT_FILE: this.path("ca.crt"), REGISTRY_AUTH_FILE: this.path("auth.json") };
  }

  /** Writes the user's registries.conf. */
  conf(text: string): void {
    writeFileSync(this.path(".config/containers/registries.conf"), text);
  }

  logIn(...keys: string[]): void {
    const auth = Buffer.from(`${user.name}:${user.word}`).toString("base64");
    writeFileSync(
      this.path("auth.json"),
      JSON.stringify({ auths: Object.fromEntries(keys.map((k) => [k, { auth }])) }),
    );
  }

  /** The same with a token in place of the password. */
  logInWith(identitytoken: string): void {
    const entry = { auth: Buffer.from(`${user.name}:`).toString("base64"), identitytoken };
    writeFileSync(this.path("auth.json"), JSON.stringify({ auths: { [`localhost:${this.port}`]: entry } }));
  }

  private async listen(server: Server): Promise<number> {
    server.on("connection", (socket: Socket) => {
      this.sockets.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => this.sockets.delete(socket));
    });
    server.on("secureConnection", (socket: Socket) => {
      socket.on("error", () => undefined);
      this.raw?.(socket);
    });
    server.on("tlsClientError", () => undefined);
    await new Promise<void>((done) => server.listen(0, done));
    this.servers.push(server);
    return (server.address() as AddressInfo).port;
  }

  private kindOf(path: string): Asked | undefined {
    if (path.startsWith("/token")) return "token";
    if (path === "/v2/") return "ping";
    if (path.includes("/manifests/")) return "manifest";
    if (path.endsWith(sha256(this.image.config))) return "config";
    return path.includes("/blobs/") ? "blob" : undefined;
  }

  private answer(request: IncomingMessage, response: ServerResponse): void {
    if (this.raw) return;
    const kind = this.kindOf(new URL(request.url ?? "", "https://x").pathname);
    this.asked.push(`${kind} ${request.headers.authorization ?? ""}`.trim());
    this.note("registry", kind, request);
    response.on("error", () => undefined);
    const handler = kind && this.handlers[kind];
    const isLoggedIn = request.headers.authorization === "Bearer good" || !this.wantsToken || kind === "token";
    if (!isLoggedIn) this.challenge(response, `https://localhost:${this.port}/token`);
    else if (handler) handler(request, response);
    else if (kind === "token") this.give(response, Buffer.from(JSON.stringify({ token: "good" })));
    else if (kind === "manifest") this.give(response, this.image.manifest);
    else if (kind === "config") this.give(response, this.image.config);
    else if (kind === "blob") this.give(response, this.image.layer);
    else this.give(response, Buffer.from("{}"));
  }

  private note(who: string, kind: Asked | undefined, request: IncomingMessage): void {
    const { url = "", headers, method } = request;
    const path = new URL(url, "https://x").pathname;
    if (kind === "manifest" || kind === "token") this.trail.push(`${who} ${path} ${headers.authorization ?? "-"}`);
    const line = this.trail.length - 1;
    if (method === "POST")
      request.on("data", (bytes: Buffer) => {
        this.trail[line] += ` POST ${new URLSearchParams(bytes.toString()).get("refresh_token")}`;
      });
  }

  /** The stranger and the plain server have the image too, and write down what they hear. */
  private strange(who: string, request: IncomingMessage, response: ServerResponse): void {
    this.heard.push(request.headers.authorization);
    const kind = this.kindOf(new URL(request.url ?? "", "https://x").pathname);
    this.note(who, kind, request);
    const whole = { manifest: this.image.manifest, config: this.image.config, blob: this.image.layer };
    const token = Buffer.from(JSON.stringify({ token: "good" }));
    this.give(response, kind && kind in whole ? whole[kind as keyof typeof whole] : token);
  }

  challenge(response: ServerResponse, realm: string, more = ""): void {
    response.writeHead(401, { "www-authenticate": `Bearer realm="${realm}",service="here"${more}` });
    response.end();
  }

  give(response: ServerResponse, bytes: Buffer, headers: Record<string, string> = {}, status = 200): void {
    this.sent += bytes.length;
    response.writeHead(status, headers);
    response.end(bytes);
  }

  redirect(response: ServerResponse, location: string | undefined): void {
    response.writeHead(307, location === undefined ? {} : { location });
    response.end();
  }

  /** Sends as long as it is read; 256 MiB at most, so that a test that fails does not fill the machine. */
  async pour(to: ServerResponse | Socket, piece: (n: number) => Buffer | string): Promise<void> {
    for (let n = 0; !to.destroyed && this.sent < 256 << 20; n++) {
      const bytes = piece(n);
      this.sent += bytes.length;
      const isTaken = to.write(bytes);
      if (isTaken) await new Promise((done) => setImmediate(done));
      else await drained(to);
    }
  }

  /** Forgets what a test did. */
  reset(): void {
    for (const socket of this.sockets) socket.destroy();
    this.handlers = {};
    this.raw = undefined;
    this.wantsToken = true;
    this.image = sampleImage(Buffer.from("a layer\n".repeat(1000)));
    this.sent = 0;
    this.asked = [];
    this.heard = [];
    this.trail = [];
    this.conf("");
    this.logIn(`localhost:${this.port}`);
  }

  stop(): void {
    for (const socket of this.sockets) socket.destroy();
    for (const server of this.servers) server.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
