// needs: registry tools tiny
// reaches: build push sign verify
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { Acme, password } from "../support/acme.ts";
import { useTools } from "../support/host-tools.ts";
import { Registry } from "../support/registry.ts";
import { oddName } from "../support/sandbox.ts";

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
  for (const name of ["push", "sign", "verify"]) {
    const { code, stdout, stderr } = await registry.slipway(acme, env, name, "amd64", "one");
    expect([name, code, code ? stderr : ""]).toEqual([name, 0, ""]);
    expect(stdout + stderr).not.toContain(auth);
    expect(stdout + stderr).not.toContain(user.word);
  }
});

test("who may not read is told that verify could not look, not that all is well", async () => {
  const { code, stderr } = await registry.slipway(acme, nobody, "verify", "amd64", "one");
  expect(code).toBe(1);
  expect(stderr).toContain("could not be read");
});
