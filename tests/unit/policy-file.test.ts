import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { repositoryOf } from "../../lib/trust/judge-remote.ts";
import {
  acceptsAnything,
  asksForName,
  asksForSignature,
  policyInForce,
  policyKeys,
  readPolicy,
  requirements,
  scopesOf,
} from "../../lib/trust/policy-file.ts";

const root = mkdtempSync(join(tmpdir(), "slipway-policy-"));
const at = (path: string) => join(root, path);
const put = (path: string, text: string) => {
  mkdirSync(dirname(at(path)), { recursive: true });
  writeFileSync(at(path), text);
  return at(path);
};
afterAll(() => rmSync(root, { recursive: true, force: true }));

const any = [{ type: "insecureAcceptAnything" }];
const signed = [{ type: "sigstoreSigned", keyPath: "/k.pub" }];
const policy = (transports: object, fallback: object[] = [{ type: "reject" }]) =>
  readPolicy(put("p.json", JSON.stringify({ default: fallback, transports })));

test("the scopes of an image, the narrowest first", () => {
  expect(scopesOf("ghcr.io/acme/os:1")).toEqual([
    "ghcr.io/acme/os:1",
    "ghcr.io/acme/os",
    "ghcr.io/acme",
    "ghcr.io",
    "*.io",
    "",
  ]);
  expect(scopesOf("r.example.com:5000/os")).toEqual([
    ...["r.example.com:5000/os", "r.example.com:5000/os", "r.example.com:5000", "*.example.com", "*.com", ""],
  ]);
});

test.each([
  ["ghcr.io/a/b:t", "ghcr.io/a/b"],
  ["host:5000/a/b", "host:5000/a/b"],
  ["host:5000/a/b:t@sha256:0", "host:5000/a/b"],
])("the repository of %p", (reference, repository) => expect(repositoryOf(reference)).toBe(repository));

test.each<[object | undefined, boolean]>([
  [undefined, true],
  [{ type: "matchRepository" }, true],
  [{ type: "matchRepoDigestOrExact" }, true],
  [{ type: "matchExact" }, true],
  [{ type: "remapIdentity", prefix: "mirror.lan", signedPrefix: "ghcr.io" }, true],
  [{ type: "exactRepository", dockerRepository: "ghcr.io/a/b" }, true],
  [{ type: "exactRepository", dockerRepository: "ghcr.io/a/c" }, false],
  [{ type: "exactReference", dockerReference: "ghcr.io/a/b:1" }, true],
  [{ type: "exactReference", dockerReference: "ghcr.io/a/c:1" }, false],
  [{ type: "exactReference" }, false],
])("signedIdentity %p holds a signature against the image's own name: %p", (signedIdentity, holds) => {
  const ask = { type: "sigstoreSigned", ...(signedIdentity ? { signedIdentity } : {}) };
  expect(asksForName([ask], "ghcr.io/a/b")).toBe(holds);
  expect(asksForName([ask, { type: "sigstoreSigned" }], "ghcr.io/a/b")).toBe(true);
  expect(asksForName([{ type: "insecureAcceptAnything" }], "ghcr.io/a/b")).toBe(false);
});

describe("what is asked of an image", () => {
  const of = (transports: object, transport = "docker") =>
    requirements(policy(transports), transport, "ghcr.io/acme/os:1");
  test("by its namespace, before what is wider", () =>
    expect(of({ docker: { "ghcr.io": any, "ghcr.io/acme": signed, "": any } })).toEqual({
      scope: "ghcr.io/acme",
      asks: signed,
    }));
  test("by the tag itself", () =>
    expect(of({ docker: { "ghcr.io/acme/os:1": any, "ghcr.io/acme": signed } }).scope).toBe("ghcr.io/acme/os:1"));
  test("by the transport", () => expect(of({ docker: { "": any } })).toEqual({ scope: "any docker image", asks: any }));
  test("by nothing", () => expect(of({}).scope).toBe("default"));
  test("of a local image", () =>
    expect(of({ "containers-storage": { "": any } }, "containers-storage").scope).toBe("any containers-storage image"));
});

test("signatures, keys and open doors", () => {
  expect([any, signed, [{ type: "signedBy" }], [{ type: "reject" }]].map(asksForSignature)).toEqual([
    false,
    true,
    true,
    false,
  ]);
  expect([any, [...any, ...any], [...any, ...signed], [{ type: "reject" }], []].map(acceptsAnything)).toEqual([
    ...[true, true],
    ...[false, false, false],
  ]);
  expect(
    policyKeys(policy({ docker: { a: signed, b: [{ type: "sigstoreSigned", keyPaths: ["/1", "/2"] }] } })),
  ).toEqual(["/k.pub", "/1", "/2"]);
  const logged = { type: "sigstoreSigned", keyPath: "/k.pub", rekorPublicKeyPath: "/log.pub" };
  const keyless = {
    type: "sigstoreSigned",
    fulcio: { caPath: "/ca", subjectEmail: "a@b" },
    rekorPublicKeyPaths: ["/l"],
  };
  expect(policyKeys(policy({ docker: { a: [logged], b: [keyless] } }))).toEqual(["/k.pub", "/log.pub", "/l", "/ca"]);
});

test.each(["", "[", "{}", "null", '{"default": 3}'])("%p is no policy", (text) => {
  expect(() => readPolicy(put("bad.json", text))).toThrow("bad.json: ");
});

test("the file in force", () => {
  expect(policyInForce(at, {})).toBeUndefined();
  const last = put("usr/share/containers/policy.json", "");
  expect(policyInForce(at, {})).toBe(last);
  const usual = put("etc/containers/policy.json", "");
  expect(policyInForce(at, {})).toBe(usual);
  const own = put("root/.config/containers/policy.json", "");
  const isRoot = process.getuid?.() === 0;
  expect(policyInForce(at, { HOME: "/root" })).toBe(isRoot ? own : usual);
  expect(policyInForce(at, { HOME: "/root", CONTAINERS_POLICY_JSON: at("p.json") })).toBe(
    isRoot ? at("p.json") : usual,
  );
});
