import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { registryName } from "../../lib/family/shapes.ts";
import { differences } from "../../lib/layers/compare.ts";
import { blobPath, openLayout } from "../../lib/oci/layout.ts";
import { parseReference } from "../../lib/oci/reference.ts";
import { openImage } from "../../lib/oci/source.ts";
import { Place, packings, treeOf, writeImage } from "../support/images.ts";
import { exec } from "../support/sandbox.ts";
import { entry, random, tarOf } from "../support/tars.ts";

/** A registry over TLS with an authority of its own, that wants a token and can be told to misbehave. */
const place = new Place();
const tls = place.path("tls");
let source = "";
let port = 0;
let server: ReturnType<typeof Bun.serve> | undefined;
const asked: string[] = [];
/** How many answers to a blob are cut off, or refused with 503, before one is whole. */
let cut = 0;
let busy = 0;
let login = "";

function answer(request: Request): Response {
  const { pathname, searchParams } = new URL(request.url);
  asked.push(`${pathname}${request.headers.get("range") ? ` ${request.headers.get("range")}` : ""}`);
  if (pathname === "/token") {
    login = request.headers.get("authorization") ?? "";
    return Response.json({ token: `for-${searchParams.get("scope")}` });
  }
  if (request.headers.get("authorization") !== "Bearer for-repository:guara/minimal:pull") {
    const challenge = `Bearer realm="https://localhost:${port}/token",service="here",scope="repository:guara/minimal:pull"`;
    return new Response("", { status: 401, headers: { "www-authenticate": challenge } });
  }
  if (busy-- > 0) return new Response("", { status: 503 });
  const [, kind, name = ""] = /^\/v2\/guara\/minimal\/(manifests|blobs)\/(.*)$/.exec(pathname) ?? [];
  const digest = name === "amd64" ? openLayout(source).digest : name;
  if (kind === undefined || !existsSync(blobPath(source, digest))) return new Response("", { status: 404 });
  const bytes = readFileSync(blobPath(source, digest));
  const from = Number(/bytes=(\d+)-/.exec(request.headers.get("range") ?? "")?.[1] ?? 0);
  const isLayer = kind === "blobs" && bytes.length > 2000;
  if (isLayer && cut-- > 0) {
    const half = bytes.subarray(from, from + Math.floor((bytes.length - from) / 2));
    const status = from ? 206 : 200;
    return new Response(half, { status });
  }
  return new Response(bytes.subarray(from), { status: from ? 206 : 200 });
}

beforeAll(async () => {
  const openssl = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=localhost"];
  const files = ["-addext", "subjectAltName=DNS:localhost", "-keyout", join(tls, "key"), "-out", join(tls, "ca.crt")];
  expect((await exec([...openssl, ...files])).code).toBe(0);
  const next = random(5);
  const noise = Array.from({ length: 4000 }, () => String.fromCharCode(next(256))).join("");
  const tar = tarOf([
    [entry("a"), noise],
    [entry("b", { xattrs: { "user.x": "\0\xff" } }), "b"],
  ]);
  source = writeImage(place.path("source"), [tar], packings.gzip);
  server = Bun.serve({
    port: 0,
    tls: { key: readFileSync(join(tls, "key")), cert: readFileSync(join(tls, "ca.crt")) },
    fetch: answer,
  });
  port = server.port ?? 0;
  const auth = join(tls, "auth.json");
  writeFileSync(auth, JSON.stringify({ auths: { [`localhost:${port}`]: { auth: "dXNlcjpwYXNz" } } }));
  Object.assign(process.env, { SSL_CERT_FILE: join(tls, "ca.crt"), REGISTRY_AUTH_FILE: auth });
});

afterAll(() => {
  server?.stop(true);
  delete process.env.SSL_CERT_FILE;
  delete process.env.REGISTRY_AUTH_FILE;
  place.remove();
});

const name = () => `docker://localhost:${port}/guara/minimal:amd64`;
let n = 0;
const work = () => {
  const folder = join(place.root, `w${++n}`);
  mkdirSync(folder);
  return folder;
};

test("an image is read over TLS with a token, and is the one in the folder", async () => {
  expect(differences(await treeOf(`oci:${source}`, work()), await treeOf(name(), work()))).toEqual([]);
  expect(login).toBe("Basic dXNlcjpwYXNz");
});

test("a connection that is cut in the middle of a layer continues where it stopped", async () => {
  cut = 2;
  asked.length = 0;
  expect(differences(await treeOf(`oci:${source}`, work()), await treeOf(name(), work()))).toEqual([]);
  expect(asked.filter((a) => / bytes=\d+-/.test(a)).length).toBe(2);
}, 30_000);

test("a registry that is busy is asked again", async () => {
  busy = 1;
  expect((await openImage(name(), { work: work() })).digest).toBe(openLayout(source).digest);
}, 30_000);

test("what is not there is not asked for twice, and the answer says so", async () => {
  asked.length = 0;
  const error = await openImage(`docker://localhost:${port}/guara/minimal:other`, { work: work() }).catch(
    (e: unknown) => e,
  );
  expect(error).toMatchObject({ status: 404, absent: true });
  expect(asked.filter((a) => a.endsWith("/other")).length).toBe(2); // without a token, and with one
});

test("an authority that is not known is refused", async () => {
  const { SSL_CERT_FILE } = process.env;
  process.env.SSL_CERT_FILE = "/dev/null";
  const error = await openImage(name(), { work: work(), registry: { attempts: 1 } }).catch((e: unknown) => e);
  process.env.SSL_CERT_FILE = SSL_CERT_FILE;
  expect(String(error)).toContain("failed");
});

test("names of registries, and what is none", () => {
  expect(parseReference("ghcr.io/a/b:c")).toEqual({ host: "ghcr.io", repository: "a/b", version: "c" });
  expect(parseReference(`ghcr.io/a/b:c@sha256:${"0".repeat(64)}`)?.version).toBe(`sha256:${"0".repeat(64)}`);
  expect(parseReference("localhost:5000/a")).toEqual({ host: "localhost:5000", repository: "a", version: "latest" });
  for (const text of ["minimal", "a/b", "", "-x", "ghcr.io/"]) expect(parseReference(text)).toBeUndefined();
});

// podman decides: what it calls an invalid reference is refused here and in family.yaml, and nothing else is.
test.each([
  ["registry:5000/ana", true],
  ["127.0.0.1:5000/ana", true],
  ["registry.test/ana", true],
  ["Registry.test:5000/ana", true],
  ["[::1]:5000/ana", false],
  ["[::1]/ana", false],
  ["[fe80::1%25eth0]:5000/ana", false],
  ["-registry.test/ana", false],
  ["registry-.test/ana", false],
  ["registry.test/Ana", false],
  ["registry.test/a___b", false],
  ["registry.test:/ana", false],
])("%s is a name (%p) to podman, to our reader and in family.yaml alike", async (name, is) => {
  const { stderr } = await exec(["podman", "image", "inspect", "--", `${name}/os:1`]);
  expect([name, !/invalid reference|must be lowercase/.test(stderr)]).toEqual([name, is]);
  expect([name, parseReference(`${name}/os:1`) !== undefined]).toEqual([name, is]);
  expect([name, registryName.safeParse(name).success]).toEqual([name, is]);
});
