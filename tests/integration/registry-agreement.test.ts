// needs: tools
// reaches: lib/oci/access.ts
import { afterAll, beforeAll, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openImage } from "../../lib/oci/source.ts";
import { Failure } from "../../lib/system/errors.ts";
import { resolve } from "../../lib/trust/judge-remote.ts";
import { useTools } from "../support/host-tools.ts";
import { HostileRegistry, user } from "../support/hostile-registry.ts";
import { exec } from "../support/sandbox.ts";

// Our own reader against the real skopeo, with the same files: who is asked, for what, and with which password.
setDefaultTimeout(120_000);

let registry: HostileRegistry;
beforeAll(async () => {
  useTools();
  registry = await HostileRegistry.start();
});
afterAll(() => registry.stop());

const basic = Buffer.from(`${user.name}:${user.word}`).toString("base64");
const other = Buffer.from("other:word").toString("base64");
const at = () => `localhost:${registry.port}`;
const stranger = () => `127.0.0.1:${registry.strangerPort}`;
const plain = () => `127.0.0.1:${registry.plainPort}`;
const write = (path: string, text: string, mode = 0o600) => {
  mkdirSync(join(registry.path(path), ".."), { recursive: true });
  writeFileSync(registry.path(path), text, { mode });
};
const auths = (path: string, entries: Record<string, string>, more: object = {}) =>
  write(
    path,
    JSON.stringify({ auths: Object.fromEntries(Object.entries(entries).map(([k, auth]) => [k, { auth }])), ...more }),
  );
const helper = (says: string) =>
  write("bin/docker-credential-slipway-test", `#!/bin/sh\ncat >/dev/null\n${says}\n`, 0o755);

interface Case {
  name: string;
  prepare: () => void;
  image?: () => string;
  env?: () => Record<string, string | undefined>;
  /** Whether the image is read at all. */
  good: boolean;
  /** The end of the trail: who gave the manifest, and what was shown. */
  last?: () => string;
  /** What was shown for a token. */
  token?: string;
}

const manifest = "/v2/acme/os/manifests/v1";
const noFile = () => ({ REGISTRY_AUTH_FILE: undefined, XDG_RUNTIME_DIR: registry.path("run") });
const login = (name: string, prepare: () => void, shown: string, env?: Case["env"]): Case => ({
  ...{ name, prepare, good: true, token: shown === "-" ? "-" : `Basic ${shown}` },
  ...(env ? { env } : {}),
});
const mirrored = (rest: string) => () =>
  registry.conf(`[[registry]]\nprefix = "${at()}"\nlocation = "${at()}"\n${rest}`);
const mirrorOf =
  (location: () => string, more = "") =>
  () =>
    mirrored(`[[registry.mirror]]\nlocation = "${location()}"\n${more}`)();

const cases: Case[] = [
  login("no login", () => auths("auth.json", {}), "-"),
  login("a login for the registry", () => auths("auth.json", { [at()]: basic }), basic),
  login(
    "a login for a namespace comes before the registry's",
    () => auths("auth.json", { [at()]: other, [`${at()}/acme`]: basic }),
    basic,
  ),
  login(
    "a login for the repository comes before all",
    () => auths("auth.json", { [`${at()}/acme`]: other, [`${at()}/acme/os`]: basic }),
    basic,
  ),
  login("a login for another repository is none", () => auths("auth.json", { [`${at()}/acme/o`]: other }), "-"),
  login("an address as docker wrote it", () => auths("auth.json", { [`https://${at()}/v1/`]: basic }), basic),
  login(
    "an entry without a colon",
    () => auths("auth.json", { [at()]: Buffer.from("nothing").toString("base64") }),
    "-",
  ),
  login(
    "a password with colons, and a NUL behind it",
    () => auths("auth.json", { [at()]: Buffer.from("a:b:c\0").toString("base64") }),
    Buffer.from("a:b:c").toString("base64"),
  ),
  login("the runtime folder's file", () => auths("run/containers/auth.json", { [at()]: basic }), basic, noFile),
  login(
    "a file that does not know the registry is passed over",
    () => {
      auths("run/containers/auth.json", { "quay.io": other });
      auths(".config/containers/auth.json", { [at()]: basic });
    },
    basic,
    noFile,
  ),
  login("Docker's own file", () => auths(".docker/config.json", { [at()]: basic }), basic, noFile),
  login(
    "the oldest file",
    () => write(".dockercfg", JSON.stringify({ [`https://${at()}/v1/`]: { auth: basic } })),
    basic,
    noFile,
  ),
  login(
    "DOCKER_CONFIG in place of ~/.docker",
    () => {
      auths("docker/config.json", { [at()]: basic });
      auths(".docker/config.json", { [at()]: other });
    },
    basic,
    () => ({ ...noFile(), DOCKER_CONFIG: registry.path("docker") }),
  ),
  login(
    "REGISTRY_AUTH_FILE comes before DOCKER_CONFIG",
    () => {
      auths("auth.json", { [at()]: basic });
      auths("docker/config.json", { [at()]: other });
    },
    basic,
    () => ({ DOCKER_CONFIG: registry.path("docker") }),
  ),
  login(
    "a helper for the registry",
    () => {
      helper(`echo '{"Username":"${user.name}","Secret":"${user.word}"}'`);
      auths("auth.json", {}, { credHelpers: { [at()]: "slipway-test" } });
    },
    basic,
  ),
  login(
    "a helper that knows nothing",
    () => {
      helper("echo credentials not found in native keychain; exit 1");
      auths("auth.json", {}, { credHelpers: { [at()]: "slipway-test" } });
    },
    "-",
  ),
  login(
    "a helper in registries.conf",
    () => {
      helper(`echo '{"Username":"${user.name}","Secret":"${user.word}"}'`);
      auths("auth.json", {});
      registry.conf('credential-helpers = ["containers-auth.json", "slipway-test"]');
    },
    basic,
  ),
  {
    name: "a token that stands in for the password",
    prepare: () =>
      write("auth.json", JSON.stringify({ auths: { [at()]: { auth: basic, identitytoken: "refresh-me" } } })),
    good: true,
    token: "- POST refresh-me",
  },
  { name: "a file of logins that is broken", prepare: () => write("auth.json", "{"), good: false },
  {
    name: "a helper that is not there",
    prepare: () => auths("auth.json", {}, { credHelpers: { [at()]: "nobody-has-this" } }),
    good: false,
  },

  {
    name: "a mirror comes first, without the registry's password",
    prepare: mirrorOf(stranger),
    good: true,
    last: () => `stranger ${manifest} -`,
  },
  {
    name: "a mirror in a folder",
    prepare: mirrorOf(() => `${stranger()}/cache`),
    good: true,
    last: () => "stranger /v2/cache/acme/os/manifests/v1 -",
  },
  {
    name: "a mirror that does not answer",
    prepare: mirrorOf(() => "localhost:1"),
    good: true,
    last: () => `registry ${manifest} Bearer good`,
  },
  {
    name: "a mirror for digests only",
    prepare: mirrorOf(stranger, 'pull-from-mirror = "digest-only"'),
    good: true,
    last: () => `registry ${manifest} Bearer good`,
  },
  {
    name: "a mirror for tags only",
    prepare: mirrorOf(stranger, 'pull-from-mirror = "tag-only"'),
    good: true,
    last: () => `stranger ${manifest} -`,
  },
  {
    name: "all mirrors for digests only",
    prepare: () => mirrored(`mirror-by-digest-only = true\n[[registry.mirror]]\nlocation = "${stranger()}"`)(),
    good: true,
    last: () => `registry ${manifest} Bearer good`,
  },
  {
    name: "a mirror that speaks http, unasked",
    prepare: mirrorOf(plain),
    good: true,
    last: () => `registry ${manifest} Bearer good`,
  },
  {
    name: "a mirror that may speak http",
    prepare: mirrorOf(plain, "insecure = true"),
    good: true,
    last: () => `plain ${manifest} -`,
  },
  {
    name: "another place than its name",
    prepare: () => registry.conf(`[[registry]]\nprefix = "example.invalid/a"\nlocation = "${at()}/acme"`),
    image: () => "example.invalid/a/os:v1",
    good: true,
    last: () => `registry ${manifest} Bearer good`,
  },
  {
    name: "the longest prefix",
    prepare: () =>
      registry.conf(
        `[[registry]]\nprefix = "example.invalid"\nlocation = "localhost:1"\n[[registry]]\nprefix = "example.invalid/acme"\nlocation = "${stranger()}/acme"`,
      ),
    image: () => "example.invalid/acme/os:v1",
    good: true,
    last: () => `stranger ${manifest} -`,
  },
  {
    name: "half of a folder's name is no prefix",
    prepare: () => registry.conf(`[[registry]]\nprefix = "${at()}/ac"\nlocation = "${stranger()}/ac"`),
    good: true,
    last: () => `registry ${manifest} Bearer good`,
  },
  {
    name: "a prefix of all names below one",
    prepare: () => registry.conf(`[[registry]]\nprefix = "*.example.invalid"\nlocation = "${stranger()}"`),
    image: () => "a.example.invalid/acme/os:v1",
    good: true,
    last: () => `stranger ${manifest} -`,
  },
  { name: "a registry that is blocked", prepare: mirrored("blocked = true"), good: false },
  {
    name: "a namespace that is blocked",
    prepare: () => registry.conf(`[[registry]]\nlocation = "${at()}/acme"\nblocked = true`),
    good: false,
  },
  {
    name: "a mirror of a registry that is blocked",
    prepare: () => mirrored(`blocked = true\n[[registry.mirror]]\nlocation = "${stranger()}"`)(),
    good: true,
    last: () => `stranger ${manifest} -`,
  },
  {
    name: "a later file takes the place of an earlier one",
    prepare: () => {
      mirrored("blocked = true")();
      write(".config/containers/registries.conf.d/a.conf", `[[registry]]\nlocation = "${at()}"`);
    },
    good: true,
  },
  {
    name: "the old form: blocked",
    prepare: () => registry.conf(`[registries.block]\nregistries = ["${at()}"]`),
    good: false,
  },
  {
    name: "the old form: insecure",
    prepare: () => registry.conf(`[registries.insecure]\nregistries = ["${plain()}"]`),
    image: () => `${plain()}/acme/os:v1`,
    good: true,
    last: () => `plain ${manifest} -`,
  },
  { name: "http, unasked", prepare: () => undefined, image: () => `${plain()}/acme/os:v1`, good: false },
  {
    name: "http that is allowed",
    prepare: () => registry.conf(`[[registry]]\nlocation = "${plain()}"\ninsecure = true`),
    image: () => `${plain()}/acme/os:v1`,
    good: true,
    last: () => `plain ${manifest} -`,
  },

  {
    name: "an authority that nobody knows",
    prepare: () => undefined,
    env: () => ({ SSL_CERT_FILE: "/dev/null", SSL_CERT_DIR: "/nonexistent" }),
    good: false,
  },
  {
    name: "a certificate that is not checked",
    prepare: mirrored("insecure = true"),
    env: () => ({ SSL_CERT_FILE: "/dev/null", SSL_CERT_DIR: "/nonexistent" }),
    good: true,
  },
  {
    name: "an authority of this registry alone",
    prepare: () => {
      mkdirSync(registry.path(`.config/containers/certs.d/${at()}`), { recursive: true });
      cpSync(registry.path("ca.crt"), registry.path(`.config/containers/certs.d/${at()}/ca.crt`));
    },
    env: () => ({ SSL_CERT_FILE: "/dev/null", SSL_CERT_DIR: "/nonexistent" }),
    good: true,
  },
  {
    name: "an authority of another registry",
    prepare: () => {
      mkdirSync(registry.path(".config/containers/certs.d/localhost:1"), { recursive: true });
      cpSync(registry.path("ca.crt"), registry.path(".config/containers/certs.d/localhost:1/ca.crt"));
    },
    env: () => ({ SSL_CERT_FILE: "/dev/null", SSL_CERT_DIR: "/nonexistent" }),
    good: false,
  },
  {
    name: "half of a client's pair",
    prepare: () => {
      mkdirSync(registry.path(`.config/containers/certs.d/${at()}`), { recursive: true });
      cpSync(registry.path("ca.crt"), registry.path(`.config/containers/certs.d/${at()}/client.cert`));
    },
    good: false,
  },

  { name: "settings that are not TOML", prepare: () => registry.conf("= 1"), good: false },
  {
    name: "a location with https://",
    prepare: () => registry.conf('[[registry]]\nlocation = "https://example.com"'),
    good: false,
  },
  { name: "a registry without a name", prepare: () => registry.conf("[[registry]]\nblocked = true"), good: false },
  {
    name: "a flag that is a word",
    prepare: () => registry.conf(`[[registry]]\nlocation = "${at()}"\ninsecure = "yes"`),
    good: false,
  },
];

beforeEach(() => {
  registry.reset();
  for (const name of [".config", ".docker", ".dockercfg", "run", "docker", "bin"])
    rmSync(registry.path(name), { recursive: true, force: true });
  for (const name of [".config/containers", "run/containers"]) mkdirSync(registry.path(name), { recursive: true });
  registry.conf("");
});

/** What one of the two came to: whether it read the image, who gave it, and what was shown for a token. */
function outcome(good: boolean) {
  const trail = registry.trail.splice(0);
  const token = trail
    .find((line) => line.startsWith("registry /token"))
    ?.split(" ")
    .slice(2)
    .join(" ");
  // we ask once without a token, skopeo asks /v2/ for that
  return { good, last: good ? trail.filter((line) => line.includes("/manifests/")).at(-1) : undefined, token };
}

async function ours(image: string) {
  try {
    await openImage(`docker://${image}`, { work: registry.path("work"), registry: { attempts: 1 } });
    return outcome(true);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return outcome(false);
  }
}

/** Does something with the registry's settings in force, for this process and those that it starts. */
async function within<T>(more: Record<string, string | undefined>, work: () => Promise<T>): Promise<T> {
  const env: Record<string, string | undefined> = {
    ...registry.env(),
    PATH: `${registry.path("bin")}:${process.env.PATH}`,
    DOCKER_CONFIG: undefined,
    XDG_CONFIG_HOME: undefined,
    CONTAINERS_REGISTRIES_CONF: undefined,
    ...more,
  };
  const before = { ...process.env };
  const set = (to: Record<string, string | undefined>) => {
    for (const name of Object.keys(env))
      if (to[name] === undefined) delete process.env[name];
      else process.env[name] = to[name];
  };
  set(env);
  try {
    return await work();
  } finally {
    set(before);
  }
}

test.each(cases.map((c): [string, Case] => [c.name, c]))("%s", async (_, c) => {
  c.prepare();
  const image = c.image?.() ?? `${at()}/acme/os:v1`;
  await within(c.env?.() ?? {}, async () => {
    const we = await ours(image);
    const { code, stderr } = await exec(["skopeo", "inspect", "--raw", `docker://${image}`]);
    const they = outcome(code === 0);
    expect({ ...we, said: "" }).toEqual({ ...they, said: we.good === they.good ? "" : stderr });
    expect(we.good).toBe(c.good);
    if (c.last) expect(we.last).toBe(c.last());
    if (c.token) expect(we.token).toBe(c.token);
  });
});

test("peek takes no other manifest than the one that an index names, and none that has no end", async () => {
  const digest = `sha256:${"a".repeat(64)}`;
  const index = Buffer.from(JSON.stringify({ schemaVersion: 2, manifests: [{ digest, size: 1 }] }));
  registry.handlers.manifest = (request, response) =>
    registry.give(response, request.url?.endsWith("/v1") ? index : registry.image.manifest);
  const image = `${at()}/acme/os:v1`;
  const look = () => within({}, () => resolve(image).catch((e: unknown) => e));
  expect(String(await look())).toMatch(/another manifest than sha256:a|could not be read|could not be fetched/);
  registry.handlers.manifest = (_, response) => {
    response.writeHead(200);
    void registry.pour(response, () => Buffer.alloc(1 << 16));
  };
  registry.sent = 0;
  expect(String(await look())).toMatch(/could not be read|could not be fetched/);
  expect(registry.sent).toBeLessThan(24 << 20);
});
