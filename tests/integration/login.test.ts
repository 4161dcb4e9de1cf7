// needs: registry tools tiny
// reaches: build rechunk push sign verify
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { podmanFailureIn } from "../../lib/cli/podman-failures.ts";
import { Acme, password } from "../support/acme.ts";
import { useTools } from "../support/host-tools.ts";
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

test("who is not logged in is told so at once, and how to", async () => {
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

test.each<[string, () => { port: number; stop: () => void }, string]>([
  ["that is not there", closedPort, "connection refused"],
  ["that takes connections and is silent", silentPort, "for 8s"],
])("a registry %s is asked first, and named as what it is", async (_, listen, words) => {
  const { port, stop } = listen();
  const host = `localhost:${port}`;
  await moveTo(host);
  try {
    for (const name of ["push", "verify"]) {
      const { code, stderr } = await acme.slipway(name, "amd64", "one");
      expect(code).toBe(1);
      expect(stderr).toContain(`${host}: the registry does not answer`);
      expect(stderr).toContain(words);
      expect(stderr).toContain(`check the name ${host}`);
      expect(stderr).not.toMatch(/compressing|is not what its machines should run|growing pauses/);
    }
  } finally {
    stop();
    await acme.podman("rmi", `${host}/acme/os-one:amd64`);
    await moveTo("ghcr.io");
  }
});

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

test("who may not read is told that verify could not look, not that all is well", async () => {
  const { code, stderr } = await registry.slipway(acme, nobody, "verify", "amd64", "one");
  expect(code).toBe(1);
  expect(stderr).toContain("could not be read");
  expect(stderr).not.toContain("is not what its machines should run");
});
