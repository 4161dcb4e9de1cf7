import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { join } from "node:path";
import { longestWait, retryAfter } from "../../lib/oci/http.ts";
import { type Manifest, parseManifest, sha256 } from "../../lib/oci/manifest.ts";
import { parseReference } from "../../lib/oci/reference.ts";
import { fetchLayers, Repository, type RepositoryOptions } from "../../lib/oci/registry.ts";
import { openImage } from "../../lib/oci/source.ts";
import { mayKnow, parseChallenge } from "../../lib/oci/token.ts";
import { contentTrouble } from "../../lib/ship/verify-content.ts";
import { Failure } from "../../lib/system/errors.ts";
import type { Progress } from "../../lib/system/steps.ts";
import { type Asked, type Handler, HostileRegistry, sampleImage, user } from "../support/hostile-registry.ts";

// Whatever a registry does, there is one line that says it, nothing hangs, and no byte beyond a limit is taken.

let registry: HostileRegistry;
const before = { ...process.env };

beforeAll(async () => {
  registry = await HostileRegistry.start();
  Object.assign(process.env, registry.env());
  writeFileSync(registry.path("secret"), "a file of this machine");
});
afterAll(() => {
  for (const name of Object.keys(registry.env())) delete process.env[name];
  Object.assign(process.env, before);
  registry.stop();
});
beforeEach(() => registry.reset());

const MiB = 1 << 20;
/** What lies in buffers of sockets on both sides when a connection is cut; who does not stop takes 256 MiB. */
const underway = 16 * MiB;
const zeros = Buffer.alloc(64 << 10);
/** So short only where nothing comes at all: everybody else has the usual time. */
const impatient = { window: 250, least: 1000, document: 1500 };

let works = 0;
/** Reads the whole image. @returns the lines of the end, and the pauses that were made. */
async function read(options: RepositoryOptions = {}, host = `localhost:${registry.port}`) {
  const work = registry.path(`work-${++works}`);
  mkdirSync(work);
  const pauses: number[] = [];
  const pause = async (ms: number) => pauses.push(ms);
  let lines: string[] = [];
  let digest = "";
  let layer = "";
  try {
    const image = await openImage(`docker://${host}/acme/os:v1`, {
      work,
      registry: { attempts: 2, pause, ...options },
    });
    digest = image.digest;
    for (const descriptor of image.manifest.layers) layer = readFileSync(await image.layer(descriptor), "utf8");
  } catch (error) {
    if (!(error instanceof Failure)) throw error; // a stack trace for the user
    lines = error.lines();
  }
  return { lines, pauses, digest, layer, work };
}

interface Mode {
  name: string;
  on?: Partial<Record<Asked, Handler>>;
  raw?: (socket: Socket) => void;
  prepare?: () => void;
  options?: RepositoryOptions;
  says: RegExp;
  /** Bytes of bodies that the other side may get rid of, beyond what is under way. */
  most?: number;
}

const realm = (address: () => string) => ({
  prepare: () => {
    registry.wantsToken = false;
    registry.handlers.manifest = (_, response) => registry.challenge(response, address());
  },
});
const redirect = (kind: Asked, to: () => string | undefined): Partial<Record<Asked, Handler>> => ({
  [kind]: (_: unknown, response: ServerResponse) => registry.redirect(response, to()),
});
const pour = (response: ServerResponse | Socket) => void registry.pour(response, () => zeros);
const endless: Handler = (_, response) => {
  response.writeHead(200);
  pour(response);
};
/** Says how much will come, and sends one byte of it. */
const stated =
  (length: number): Handler =>
  (_, response) => {
    response.writeHead(200, { "content-length": String(length) });
    response.write("a");
  };
const gives =
  (bytes: () => string | Uint8Array, headers = {}): Handler =>
  (_, response) =>
    registry.give(response, Buffer.from(bytes()), headers);
const status =
  (code: number, headers: Record<string, string> = {}): Handler =>
  (_, response) =>
    registry.give(response, Buffer.from("no"), headers, code);
const image = (change: (manifest: Record<string, unknown>) => void) => ({
  prepare: () => {
    registry.image = sampleImage(Buffer.from("a layer\n".repeat(1000)), change);
  },
});
const layers = (descriptor: object) => image((m) => Object.assign(m, { layers: [descriptor] }));
const digest = `sha256:${"a".repeat(64)}`;
const index = (manifests: object[]) => ({
  manifest: gives(() => JSON.stringify({ schemaVersion: 2, manifests })),
});

const modes: Mode[] = [
  // the address for a token
  {
    name: "realm file:",
    ...realm(() => `file://${registry.path("secret")}`),
    says: /token .* file:.*, which is not https/,
  },
  {
    name: "realm http:",
    ...realm(() => `http://127.0.0.1:${registry.plainPort}/token`),
    says: /http:.*, which is not https/,
  },
  { name: "realm data:", ...realm(() => "data:application/json,{}"), says: /which is not https/ },
  {
    name: "realm of a stranger",
    ...realm(() => `https://127.0.0.1:${registry.strangerPort}/token`),
    says: /another host, which must not get your password/,
  },
  {
    name: "realm with a user",
    ...realm(() => `https://a:b@localhost:${registry.port}/token`),
    says: /has a user's name in it/,
  },
  { name: "realm that is nothing", ...realm(() => ""), says: /is not an address/ },
  { name: "realm of blanks", ...realm(() => "https://\u0020\u0020/"), says: /is not an address/ },
  {
    name: "challenge without end",
    on: { manifest: status(401, { "www-authenticate": `Bearer realm="${"x".repeat(9000)}"` }) },
    prepare: () => {
      registry.wantsToken = false;
    },
    says: /manifests\/v1: 401/,
  },
  {
    name: "challenge again and again",
    on: { manifest: status(401, { "www-authenticate": "Basic" }) },
    says: /manifests\/v1: 401/,
  },
  // the token
  { name: "token without end", on: { token: endless }, says: /more than 1048576 bytes as a token/, most: MiB },
  { name: "token that is no JSON", on: { token: gives(() => "<html>") }, says: /that is not a token/ },
  { name: "token that is null", on: { token: gives(() => "null") }, says: /that is not a token/ },
  {
    name: "token of two lines",
    on: { token: gives(() => JSON.stringify({ token: "a\r\nx-evil: 1" })) },
    says: /that is not a token/,
  },
  {
    name: "token of 40 kB",
    on: { token: gives(() => JSON.stringify({ token: "a".repeat(40_000) })) },
    says: /that is not a token/,
  },
  { name: "token that is a list", on: { token: gives(() => '{"token":["good"]}') }, says: /that is not a token/ },
  {
    name: "token redirected to http",
    on: redirect("token", () => `http://127.0.0.1:${registry.plainPort}/token`),
    says: /the redirect of .* is http:.*, which is not https/,
  },
  { name: "token refused", on: { token: status(403) }, says: /gives no token \(403\)/ },
  {
    name: "token with an endless refusal",
    on: {
      token: (_, r) => {
        r.writeHead(403);
        pour(r);
      },
    },
    says: /gives no token \(403\)/,
  },
  {
    name: "token that never comes",
    on: { token: () => undefined },
    options: { patience: impatient },
    says: /sent only 0 bytes in 0.25 s/,
  },
  {
    name: "token for what stands in for a password, redirected",
    on: redirect("token", () => `https://localhost:${registry.port}/token`),
    prepare: () => registry.logInWith("refresh-me"),
    says: /redirects a request that sends data/,
  },
  // the manifest
  {
    name: "manifest without end",
    on: { manifest: endless },
    says: /more than 4194304 bytes as a manifest/,
    most: 4 * MiB,
  },
  {
    name: "manifest of 5 GB, as it says",
    on: { manifest: stated(5e9) },
    options: { patience: impatient },
    says: /more than 4194304 bytes as a manifest/,
  },
  {
    name: "manifest that never comes",
    on: { manifest: () => undefined },
    options: { patience: impatient },
    says: /sent only 0 bytes in 0.25 s/,
  },
  {
    name: "manifest that stops",
    on: {
      manifest: (_, r) => {
        r.writeHead(200);
        r.write("{");
      },
    },
    options: { patience: impatient },
    says: /sent only 1 bytes in 0.25 s/,
  },
  {
    name: "manifest drop by drop",
    on: {
      manifest: (_, r) => {
        r.writeHead(200);
        const drip = setInterval(() => (r.destroyed ? clearInterval(drip) : r.write(" ")), 20);
      },
    },
    options: { patience: impatient },
    says: /sent only \d+ bytes in 0.25 s/,
  },
  {
    name: "manifest in a quick trickle",
    on: {
      manifest: (_, r) => {
        r.writeHead(200);
        const drip = setInterval(() => (r.destroyed ? clearInterval(drip) : r.write(" ".repeat(2000))), 20);
      },
    },
    options: { patience: { ...impatient, document: 600 } },
    says: /took more than 0.6 s/,
  },
  {
    name: "manifest redirected to http",
    on: redirect("manifest", () => `http://127.0.0.1:${registry.plainPort}/acme/manifests/v1`),
    says: /the redirect of .* is http:.*, which is not https/,
  },
  {
    name: "manifest redirected to a file",
    on: redirect("manifest", () => `file://${registry.path("secret")}`),
    says: /the redirect of .* is file:.*, which is not https/,
  },
  {
    name: "manifest redirected in a circle",
    on: redirect("manifest", () => "/v2/acme/os/manifests/v1"),
    says: /redirects again after 5 redirects/,
  },
  {
    name: "manifest redirected to nowhere",
    on: redirect("manifest", () => undefined),
    says: /manifests\/v1.*|the redirect of/,
  },
  {
    name: "manifest redirected to no address",
    on: redirect("manifest", () => "https://["),
    says: /the redirect of .* is not an address/,
  },
  {
    name: "manifest packed",
    on: { manifest: gives(() => Bun.gzipSync(Buffer.alloc(MiB)), { "content-encoding": "gzip" }) },
    says: /compresses a manifest although/,
  },
  {
    name: "manifest that is no JSON",
    on: { manifest: gives(() => "\u001b[2J<html>") },
    says: /v1 is no JSON document/,
  },
  {
    name: "manifest not in UTF-8",
    on: { manifest: gives(() => Buffer.from([0x22, 0xff, 0xfe, 0x22])) },
    says: /v1 is no JSON document/,
  },
  {
    name: "manifest of brackets",
    on: { manifest: gives(() => "[".repeat(2 * MiB) + "]".repeat(2 * MiB)) },
    says: /v1 nests deeper than 64 levels/,
  },
  {
    name: "manifest that nests a million times",
    on: { manifest: gives(() => `{"a":${"[".repeat(MiB)}${"]".repeat(MiB)}}`) },
    says: /v1 nests deeper than 64 levels/,
  },
  {
    name: "manifest with 5,000 layers",
    ...image((m) => {
      m.layers = Array(5000).fill({ digest, size: 1 });
    }),
    says: /5000 layers; Slipway reads 500 at most/,
  },
  {
    name: "manifest with a digest that is a path",
    ...layers({ digest: "sha256:../../../etc/passwd", size: 1 }),
    says: /is no image manifest/,
  },
  { name: "manifest with a size below zero", ...layers({ digest, size: -1 }), says: /is no image manifest/ },
  { name: "manifest with a size of 1e300", ...layers({ digest, size: 1e300 }), says: /is no image manifest/ },
  {
    name: "manifest with annotations of numbers",
    ...image((m) => {
      m.annotations = { "org.slipway.plan": 5 };
    }),
    says: /is no image manifest/,
  },
  {
    name: "manifest other than its digest",
    on: index([{ digest, size: 1 }]),
    says: /sends another manifest than sha256:a/,
  },
  {
    name: "index without this machine's kind",
    on: index([
      { digest, size: 1, platform: { architecture: "z80" } },
      { digest, size: 1, platform: null },
    ]),
    says: /has no image for/,
  },
  {
    name: "index of 5,000 images",
    on: index(Array(5000).fill({ digest, size: 1 })),
    says: /5000 images; Slipway reads 1024 at most/,
  },
  // trouble
  {
    name: "500 without end",
    on: {
      manifest: (_, r) => {
        r.writeHead(500);
        pour(r);
      },
    },
    says: /localhost:\d+ answers 500/,
    most: underway,
  },
  {
    name: "404 without end",
    on: {
      manifest: (_, r) => {
        r.writeHead(404);
        pour(r);
      },
    },
    says: /manifests\/v1: 404/,
  },
  {
    name: "429 for an hour",
    on: { manifest: status(429, { "retry-after": "3600" }) },
    says: /asks for a pause of 3600 s/,
  },
  {
    name: "204, which is no answer",
    on: {
      manifest: (_, r) => {
        r.writeHead(204);
        r.end();
      },
    },
    says: /manifests\/v1: 204/,
  },
  {
    name: "a redirect of no known kind",
    on: { manifest: status(305, { location: "/x" }) },
    says: /manifests\/v1: 305/,
  },
  // the configuration
  { name: "configuration without end", on: { config: endless }, says: /bytes as the configuration/, most: MiB },
  {
    name: "configuration of a terabyte",
    ...image((m) => {
      Object.assign(m.config as object, { size: 1e12 });
    }),
    says: /the configuration has 1000000000000 bytes/,
  },
  {
    name: "another configuration",
    on: {
      config: (_, r) => registry.give(r, Buffer.from(registry.image.config.toString().replace("layers", "lawyer"))),
    },
    says: /sends another blob than/,
  },
  { name: "configuration that ends early", on: { config: gives(() => "{") }, says: /ended at byte 1 of \d+/ },
  // the blob
  { name: "blob without end", on: { blob: endless }, says: /more than 8000 bytes as blob/ },
  {
    name: "blob larger than it was to be, as it says",
    on: { blob: stated(1e12) },
    options: { patience: impatient },
    says: /more than 8000 bytes as blob/,
  },
  { name: "blob that ends early", on: { blob: gives(() => "short") }, says: /ended at byte 5 of 8000/ },
  { name: "another blob", on: { blob: gives(() => Buffer.alloc(8000)) }, says: /does not hash to sha256:/ },
  {
    name: "blob that stands still",
    on: {
      blob: (_, r) => {
        r.writeHead(200);
        r.write("a");
      },
    },
    options: { patience: impatient },
    says: /sent only [01] bytes in 0.25 s/,
  },
  {
    name: "blob redirected to http",
    on: redirect("blob", () => `http://127.0.0.1:${registry.plainPort}/blobs/x?signature=hush-hush-password`),
    says: /the redirect of .* is http:.*, which is not https/,
  },
  {
    name: "blob packed",
    on: { blob: gives(() => Bun.gzipSync(Buffer.alloc(MiB)), { "content-encoding": "gzip" }) },
    says: /compresses blob .* although/,
  },
  {
    name: "blob of a million gigabytes",
    ...image((m) => {
      Object.assign((m.layers as object[])[0] ?? {}, { size: 1e15 });
    }),
    says: /no space left where .*: .* are missing/,
  },
  // below HTTP
  { name: "no HTTP at all", raw: (s) => s.end("SSH-2.0-OpenSSH_9.2\r\n"), says: /reading v1 failed/ },
  { name: "the end at once", raw: (s) => s.end(), says: /reading v1 failed/ },
  {
    name: "headers without end",
    raw: (s) => {
      s.write("HTTP/1.1 200 OK\r\n");
      void registry.pour(s, (n) => `x-${n}: ${"y".repeat(8000)}\r\n`);
    },
    options: { patience: impatient },
    says: /reading v1 failed/,
    most: MiB,
  },
  {
    name: "early hints without end",
    raw: (s) => void registry.pour(s, () => "HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n".repeat(1000)),
    options: { patience: impatient },
    says: /reading v1 failed/,
    most: 250 * MiB,
  },
  {
    name: "two lengths",
    raw: (s) => s.end("HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 5\r\n\r\n{}"),
    options: { patience: impatient },
    says: /v1/,
  },
  {
    name: "a length below zero",
    raw: (s) => s.end("HTTP/1.1 200 OK\r\ncontent-length: -5\r\n\r\n{}"),
    options: { patience: impatient },
    says: /v1/,
  },
  {
    name: "a chunk of 2^63 bytes",
    raw: (s) => {
      s.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n7fffffffffffffff\r\n");
      pour(s);
    },
    says: /more than 4194304 bytes|reading v1 failed/,
    most: 4 * MiB,
  },
];

describe("a hostile registry", () => {
  test("is tried in more than 25 ways", () => {
    expect(modes.length).toBeGreaterThan(60);
    expect(new Set(modes.map((m) => m.name)).size).toBe(modes.length);
  });

  test.each(modes.map((mode): [string, Mode] => [mode.name, mode]))("%s", async (_, mode) => {
    mode.prepare?.();
    Object.assign(registry.handlers, mode.on);
    registry.raw = mode.raw;
    const { lines, pauses, work } = await read(mode.options);
    expect(lines.join("\n")).toMatch(mode.says);
    expect(lines.join("\n")).not.toContain(user.word);
    expect(lines.join("\n")).not.toContain("\u001b");
    expect(registry.sent).toBeLessThan((mode.most ?? 0) + underway);
    expect(registry.asked.length).toBeLessThan(40);
    expect(Math.max(0, ...pauses)).toBeLessThanOrEqual(longestWait);
    // the password never left for anybody else, and no file of this machine did
    expect(registry.heard).toEqual([]);
    const partial = join(
      work,
      "fetched/blobs/sha256",
      `${sha256(registry.image.layer).slice("sha256:".length)}.partial`,
    );
    expect(existsSync(partial) ? statSync(partial).size : 0).toBeLessThanOrEqual(registry.image.layer.length);
  });
});

describe("what is allowed still works", () => {
  const good = async (options?: RepositoryOptions) => {
    const got = await read(options);
    expect(got.lines).toEqual([]);
    expect(got.layer).toBe(registry.image.layer.toString());
    return got;
  };

  test("a token, and an image read with it", async () => {
    await good();
    expect(registry.asked).toContain(`token Basic ${Buffer.from(`${user.name}:${user.word}`).toString("base64")}`);
  });

  test("a blob that lies elsewhere is fetched there, and neither token nor password goes along", async () => {
    const to = (r: ServerResponse) =>
      registry.redirect(r, `https://127.0.0.1:${registry.strangerPort}/x/blobs/y?sig=1`);
    registry.handlers.blob = (_, response) => to(response);
    await good();
    expect(registry.heard).toEqual([undefined]);
  });

  // github.com/distribution/distribution/issues/3792, github.com/opencontainers/distribution-spec/issues/207
  test.each([
    ["no digest in its headers", {}],
    ["another image's digest in its headers", { "docker-content-digest": `sha256:${"0".repeat(64)}` }],
    ["a digest that is none", { "docker-content-digest": "invalid" }],
  ])("a manifest with %s: what it hashes to counts", async (_, headers) => {
    registry.handlers.manifest = (__, r) => registry.give(r, registry.image.manifest, headers);
    await good();
  });

  // github.com/containerd/containerd/issues/5124
  test("answers without Content-Length", async () => {
    const inParts = (bytes: () => Buffer) => (_: unknown, r: ServerResponse) => {
      r.writeHead(200, { "transfer-encoding": "chunked" });
      r.write(bytes().subarray(0, 10));
      r.end(bytes().subarray(10));
    };
    registry.handlers.manifest = inParts(() => registry.image.manifest);
    registry.handlers.blob = inParts(() => registry.image.layer);
    await good();
  });

  test("a redirect on the same host keeps the token", async () => {
    let here = 0;
    registry.handlers.blob = (request, r) =>
      request.url?.includes("again")
        ? registry.give(r, registry.image.layer)
        : registry.redirect(r, `/v2/acme/os/blobs/again${here++}`);
    await good();
    expect(registry.asked.at(-1)).toBe("blob Bearer good");
  });

  test("a stranger may give a token to somebody without a password", async () => {
    registry.logIn("elsewhere.example.com");
    registry.wantsToken = false;
    let asked = 0;
    registry.handlers.manifest = (_, r) =>
      asked++
        ? registry.give(r, registry.image.manifest)
        : registry.challenge(r, `https://127.0.0.1:${registry.strangerPort}/token`);
    await good();
    expect(registry.heard).toEqual([undefined]);
  });

  test.each([
    ["seconds", "7", 7000],
    ["less than our own pause", "0", 500],
    ["nonsense", "soon", 500],
    ["a number below zero", "-5", 500],
    ["nothing", undefined, 500],
  ])("Retry-After in %s", async (_, header, wait) => {
    let busy = 1;
    registry.handlers.manifest = (__, r) =>
      busy-- > 0
        ? registry.give(r, Buffer.from("busy"), header === undefined ? {} : { "retry-after": header }, 429)
        : registry.give(r, registry.image.manifest);
    const { pauses } = await good();
    expect(pauses).toEqual([wait]);
  });
});

describe("verify fetches what skopeo would, within limits", () => {
  const trouble = () => {
    const work = registry.path(`verify-${++works}`);
    mkdirSync(work);
    const image = `localhost:${registry.port}/acme/os@${sha256(registry.image.manifest)}`;
    const manifest = parseManifest(registry.image.manifest, "sample") as Manifest;
    return contentTrouble(image, manifest, { path: work, blobs: join(work, "blobs") }, {} as Progress);
  };

  test("a blob without end", async () => {
    registry.handlers.blob = endless;
    expect(await trouble()).toMatch(/^layer 1 of 1 \(sha256:\w+\) was tampered with: .* sends more than 8000 bytes/);
    expect(registry.sent).toBeLessThan(underway);
  });

  test("another blob", async () => {
    registry.handlers.blob = gives(() => Buffer.alloc(8000));
    expect(await trouble()).toMatch(/^layer 1 of 1 .* was tampered with: .* does not hash to sha256:/);
  });

  test("another configuration", async () => {
    registry.handlers.config = (_, r) => registry.give(r, Buffer.alloc(registry.image.config.length));
    expect(await trouble()).toMatch(/^the configuration sha256:\w+ was tampered with: /);
  });

  test("a blob that is not there", async () => {
    registry.handlers.blob = status(404);
    expect(await trouble()).toMatch(/^layer 1 of 1 .* was tampered with: .*: 404$/);
  });

  test("who may not read is not told of tampering", async () => {
    registry.handlers.token = status(403);
    expect(await trouble()).toMatch(/gives no token \(403\)$/);
  });
});

test("a layer that two images share is fetched once, and is whole for both", async () => {
  let asked = 0;
  registry.handlers.blob = async (_, response) => {
    asked++;
    await Bun.sleep(100);
    registry.give(response, registry.image.layer);
  };
  const folder = registry.path(`shared-${++works}`);
  const { layers } = parseManifest(registry.image.manifest, "sample") as Manifest;
  const fetch = async () => {
    const reference = parseReference(`localhost:${registry.port}/acme/os:v1`);
    if (!reference) throw new Error("no reference");
    const repository = new Repository(reference);
    await repository.open();
    await fetchLayers(repository, layers, folder);
  };
  await Promise.all([fetch(), fetch(), fetch()]);
  expect(asked).toBe(1);
  const [layer] = layers;
  expect(sha256(readFileSync(join(folder, (layer?.digest ?? "").replace(":", "/"))))).toBe(layer?.digest ?? "");
});

test("Retry-After, as HTTP has it", () => {
  const now = Date.parse("2026-01-01T00:00:00Z");
  expect(retryAfter("Thu, 01 Jan 2026 00:00:30 GMT", now)).toBe(30_000);
  expect(retryAfter("Wed, 31 Dec 2025 23:59:30 GMT", now)).toBe(0);
  for (const bad of [undefined, "", "1e9", "9".repeat(40), "2026-01-01", "0x10", "1.5"])
    expect(retryAfter(bad, now)).toBe(0);
});

test("who may see the password for a registry", () => {
  const yes = [
    ["ghcr.io", "ghcr.io"],
    ["auth.docker.io", "registry-1.docker.io"],
    ["a.quay.io", "quay.io"],
    ["GHCR.IO:443", "ghcr.io"],
    ["gitlab.com", "registry.gitlab.com"],
  ];
  const no = [
    ["evilghcr.io", "ghcr.io"],
    ["ghcr.io.evil.com", "ghcr.io"],
    ["io", "ghcr.io"],
    ["gitlab.com", "ghcr.io"],
    ["b.azurecr.io", "a.azurecr.io"],
  ];
  for (const [host = "", of = ""] of yes) expect([host, mayKnow(host, of)]).toEqual([host, true]);
  for (const [host = "", of = ""] of no) expect([host, mayKnow(host, of)]).toEqual([host, false]);
  process.env.SLIPWAY_TOKEN_HOSTS = "registry.acme.org=git.acme.org";
  expect(mayKnow("git.acme.org", "registry.acme.org")).toBe(true);
  expect(mayKnow("git.acme.org", "ghcr.io")).toBe(false);
  delete process.env.SLIPWAY_TOKEN_HOSTS;
});

test("challenges", () => {
  const parameters = { realm: 'https://a/"t"', service: "b" };
  expect(parseChallenge('Bearer realm="https://a/\\"t\\"", service=b')).toEqual({ scheme: "bearer", parameters });
  expect(parseChallenge('Negotiate, Basic realm="x"')?.scheme).toBe("basic");
  expect(parseChallenge("Negotiate")).toBeUndefined();
});
