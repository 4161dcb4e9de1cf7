// needs: registry tools tiny
// reaches: build rechunk push sign verify
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Family, Target } from "../../lib/family/family.ts";
import { needAnswer } from "../../lib/ship/answers.ts";
import { verifyTarget } from "../../lib/ship/verify.ts";
import { Failure } from "../../lib/system/errors.ts";
import { podmanFailureIn } from "../../lib/tools/podman-failures.ts";
import { Acme, password } from "../support/acme.ts";
import { useTools } from "../support/host-tools.ts";
import { HostileRegistry } from "../support/hostile-registry.ts";
import { Registry } from "../support/registry.ts";
import { exec, oddName } from "../support/sandbox.ts";

// A registry that lets nobody in without a password, as the real one does with who wants to push.
setDefaultTimeout(180_000);

// in a folder at whose name skopeo and podman stumble, if they are not told it with care
const acme = new Acme(oddName);
let registry: Registry;
const user = { name: "maintainer", word: "token-of-the-maintainer" };

beforeAll(async () => {
  useTools();
  await acme.prepare();
  registry = await Registry.start({ [user.name]: user.word });
  acme.write("none.json", JSON.stringify({ auths: {} }));
  await acme.keys();
  await acme.mustBuild("one");
}, 900_000);

afterAll(async () => {
  await acme.podman("rmi", "--force", "ghcr.io/acme/os-one:amd64");
  acme.remove();
  await registry?.stop();
});

const nobody = { REGISTRY_AUTH_FILE: join(acme.root, "none.json"), COSIGN_PASSWORD: password };

test("who is not logged in hears so at once, and how to log in", async () => {
  const { code, stderr } = await registry.slipway(acme, nobody, "push", "amd64", "one");
  expect(code).toBe(1);
  expect(stderr).toContain("log in first (podman login ghcr.io)");
  expect(stderr).not.toContain("growing pauses");
  expect(registry.tags("acme/os-one")).toEqual({});
});

test("podman's login serves skopeo and cosign too, and shows nowhere", async () => {
  const auth = Buffer.from(`${user.name}:${user.word}`).toString("base64");
  acme.write("auth.json", JSON.stringify({ auths: { "ghcr.io": { auth } } }));
  const env = { REGISTRY_AUTH_FILE: join(acme.root, "auth.json"), COSIGN_PASSWORD: password };
  for (const name of ["rechunk", "push", "sign", "verify"]) {
    const { code, stdout, stderr } = await registry.slipway(acme, env, name, "amd64", "one");
    expect([name, code, code ? stderr : ""]).toEqual([name, 0, ""]);
    expect(stdout + stderr).not.toContain(auth);
    expect(stdout + stderr).not.toContain(user.word);
  }
});

/** The family at another registry, with the same image. */
async function moveTo(host: string): Promise<void> {
  const file = join(acme.root, "flavors/family.yaml");
  writeFileSync(file, readFileSync(file, "utf8").replace(/^registry: .*$/m, `registry: ${host}/acme`));
  await acme.podman("tag", "ghcr.io/acme/os-one:amd64", `${host}/acme/os-one:amd64`);
}

test("a registry that is not there is asked first, and named as what it is", async () => {
  const { port } = closedPort();
  const host = `localhost:${port}`;
  await moveTo(host);
  try {
    for (const name of ["push", "verify"]) {
      const { code, stderr } = await acme.slipway(name, "amd64", "one");
      expect(code).toBe(1);
      expect(stderr).toContain(`${host}: the registry does not answer`);
      expect(stderr).toContain("connection refused");
      expect(stderr).toContain(`check the name ${host}`);
      expect(stderr).not.toMatch(/compressing|failed verification|growing pauses/);
    }
  } finally {
    await acme.podman("rmi", `${host}/acme/os-one:amd64`);
    await moveTo("ghcr.io");
  }
});

/** Asks with little patience; what was shown meanwhile. */
async function askFor(host: string, second: string): Promise<string[]> {
  const shown: string[] = [];
  const progress = { log: join(acme.root, "asking.log"), now: (text: string) => shown.push(text) };
  await needAnswer(`${host}/acme/os:v1`, progress, { first: "1s", second });
  return shown;
}

test("a registry that takes connections and is silent is asked again with more patience, and named too", async () => {
  const { port, stop } = silentPort();
  try {
    const error = await askFor(`localhost:${port}`, "2s").catch((e: unknown) => e);
    expect(error).toBeInstanceOf(Failure);
    const { message, details } = error as Failure;
    expect(message).toBe(`localhost:${port}: the registry does not answer`);
    expect(details.tried).toEqual([expect.stringMatching(/^for 2s: .*deadline exceeded/)]);
    expect(details.next).toContain(`check the name localhost:${port}`);
  } finally {
    stop();
  }
});

/** Does work with a registry of this machine that a test can make slow or wrong. */
async function withOdd(work: (registry: HostileRegistry, host: string) => Promise<void>): Promise<void> {
  const odd = await HostileRegistry.start();
  const before = { ...process.env };
  Object.assign(process.env, odd.env());
  try {
    await work(odd, `localhost:${odd.port}`);
  } finally {
    for (const name of Object.keys(odd.env()))
      if (before[name] === undefined) delete process.env[name];
      else process.env[name] = before[name];
    odd.stop();
  }
}

test("a registry that takes longer than the first question has is only slow", () =>
  withOdd(async (odd, host) => {
    odd.handlers.manifest = async (_, response) => {
      await Bun.sleep(2000);
      odd.give(response, odd.image.manifest);
    };
    expect(await askFor(host, "30s")).toContain(`${host} is slow: asking again, for up to 30s`);
  }));

test.each([
  [403, "DENIED", false],
  [400, "MANIFEST_INVALID", false],
  [404, "MANIFEST_UNKNOWN", true],
])(
  "verify: only a manifest that the registry does not know by its digest was tampered with: %i %s",
  (status, code, is) =>
    withOdd(async (odd, host) => {
      odd.handlers.manifest = ({ url = "" }, response) => {
        if (!url.includes("sha256:")) return odd.give(response, odd.image.manifest);
        const text = JSON.stringify({ errors: [{ code, message: code }] });
        odd.give(response, Buffer.from(text), { "content-type": "application/json" }, status);
      };
      const named = { flavor: { name: `odd-${status}` }, arch: { name: "amd64" } };
      const target = { ...named, reference: `${host}/acme/os:v1` } as unknown as Target;
      const family = { root: acme.root, key: "cosign.pub" } as unknown as Family;
      const progress = { log: join(acme.root, "odd.log"), now: () => undefined };
      const error = await verifyTarget(target, family, odd.path("verify"), progress).catch((e: unknown) => e);
      const told = [String(error), ...((error as Failure).details.tried ?? [])].join("\n");
      expect(told).toMatch(is ? /the manifest was tampered with/ : /sha256:\w+ could not be read/);
      expect(told.includes("tampered")).toBe(is);
    }),
);

function silentPort() {
  const server = Bun.listen({ hostname: "localhost", port: 0, socket: { data: () => undefined } });
  return { port: server.port, stop: () => server.stop(true) };
}

function closedPort() {
  const { port, stop } = silentPort();
  stop();
  return { port, stop: () => undefined };
}

test("podman's own words for it are known too: nobody there, a password that is missing, an image that is not there", async () => {
  const { port } = closedPort();
  const [gone, denied, absent] = await Promise.all([
    acme.podman("pull", `localhost:${port}/a/b:c`),
    exec(registry.within(["podman", "pull", "ghcr.io/acme/os-one:amd64"]), { ...acme.env, ...nobody }),
    acme.podman("image", "inspect", "localhost/nosuch/image:1"),
  ]);
  const kinds = [gone, denied, absent].map(({ stderr }) => podmanFailureIn(stderr)?.kind);
  expect(kinds).toEqual(["unreachable", "denied", "no image"]);
  expect(podmanFailureIn(denied.stderr)?.next).toContain("podman login ghcr.io");
});

test("who may not read hears that verify could not look, not that all is well", async () => {
  const { code, stderr } = await registry.slipway(acme, nobody, "verify", "amd64", "one");
  expect(code).toBe(1);
  expect(stderr).toContain("could not be read");
  expect(stderr).not.toContain("failed verification");
});
