import { afterAll, beforeAll, beforeEach, describe, expect, spyOn, test } from "bun:test";
import { mkdirSync } from "node:fs";
import type { Image } from "../../lib/oci/source.ts";
import { plan } from "../../lib/ship/rechunk/plan.ts";
import { decodeMemory, encodeMemory, planAnnotation, planLimits } from "../../lib/ship/rechunk/plan-annotation.ts";
import { findPrevious } from "../../lib/ship/rechunk/previous.ts";
import { epochOf } from "../../lib/ship/rechunk/rechunk.ts";
import { Failure } from "../../lib/system/errors.ts";
import { HostileRegistry, sampleImage } from "../support/hostile-registry.ts";

// The plan of the published image is an annotation that anybody who can write to the registry may choose.

const pack = (text: string | Buffer) => Buffer.from(Bun.zstdCompressSync(text)).toString("base64");
const good = encodeMemory({
  epoch: 1_700_000_000,
  releases: 3,
  layers: [[{ name: "glibc", digest: "d", changed: 1, known: 2 }]],
});

/** Frames that each unpack to a megabyte of zeros: small, and gigabytes in all. */
function bomb(): string {
  const frame = Buffer.from(Bun.zstdCompressSync(Buffer.alloc(1 << 20)));
  return Buffer.concat(Array<Buffer>(2000).fill(frame)).toString("base64");
}

const bad: [string, string, RegExp][] = [
  ["2 GB in 100 kB", bomb(), /unpacks to more than 8388608 bytes/],
  ["9 MB of one line", pack(`1 5 1\n${"a".repeat(9 << 20)}`), /unpacks to more than/],
  ["a longer annotation than any plan", "A".repeat(planLimits.packed + 4), /more than 1048576 characters/],
  ["a frame that ends in the middle", good.slice(0, 24), /cannot be unpacked/],
  ["an epoch that no date has", pack("1 8640000000001 1\n"), /its time is not a whole number from 1 to 253402300799/],
  ["an epoch in the year 10,000", pack("1 253402300800 1\n"), /its time/],
  ["an epoch below zero", pack("1 -1 1\n"), /its time/],
  ["an epoch of zero", pack("1 0 1\n"), /its time/],
  ["an epoch with an exponent", pack("1 1e9 1\n"), /its time/],
  ["an epoch in hexadecimal", pack("1 0x10 1\n"), /its time/],
  ["an epoch that is none", pack("1 NaN 1\n"), /its time/],
  ["no releases", pack("1 5\n"), /its count of releases/],
  ["releases without end", pack("1 5 99999999999\n"), /its count of releases/],
  ["half a release", pack("1 5 1.5\n"), /its count of releases/],
  ["another version", pack("2 5 1\n"), /not of version 1/],
  ["5,000 layers", pack(`1 5 1${"\n".repeat(5000)}`), /more than 1024 layers/],
  [
    "100,000 components",
    pack(`1 5 1\n${Array.from({ length: 1e5 }, (_, i) => `c${i} d 1`).join("\t")}`),
    /65536 components/,
  ],
  ["a component twice in a layer", pack("1 5 1\na d 1\ta d 1"), /another place has too/],
  ["a component in two layers", pack("1 5 1\na d 1\nb d 1\na d 1"), /layer 3 has a component that another place/],
  ["a component in two layers, written otherwise", pack("1 5 1\na d 1\n%61 d 1"), /another place has too/],
  ["a name without end", pack(`1 5 1\n${"n".repeat(20_000)} d 1`), /a name of more than/],
  ["a name that is half a letter", pack("1 5 1\n%C3 d 1"), /not well formed/],
  ["no past", pack("1 5 1\na d"), /is not "name digest past"/],
  ["a past of zero", pack("1 5 1\na d 0"), /is not "name digest past"/],
  ["a past that is none", pack("1 5 1\na d -"), /is not "name digest past"/],
  ["a past that is longer than ours", pack("1 5 1\na d zzzz"), /is not "name digest past"/],
  ["a past of 300 digits", pack(`1 5 1\na d ${"z".repeat(300)}`), /is not "name digest past"/],
  ["a line of four words", pack("1 5 1\na d 1 1"), /is not "name digest past"/],
];

let registry: HostileRegistry;
beforeAll(async () => {
  registry = await HostileRegistry.start();
  Object.assign(process.env, registry.env());
});
const { HOME, SSL_CERT_FILE, REGISTRY_AUTH_FILE } = process.env;
afterAll(() => {
  for (const [name, value] of Object.entries({ HOME, SSL_CERT_FILE, REGISTRY_AUTH_FILE }))
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  registry.stop();
});
beforeEach(() => registry.reset());

/** What a rechunk would go on from, and what it said. */
async function previous(named?: string) {
  const said: string[] = [];
  const spy = spyOn(process.stderr, "write").mockImplementation((text) => said.push(String(text)) > 0);
  const work = registry.path("work");
  mkdirSync(work, { recursive: true });
  const image = { manifest: { layers: [] } } as unknown as Image;
  try {
    const found = await findPrevious(
      image,
      `localhost:${registry.port}/acme/os:v1`,
      registry.path("none"),
      named,
      work,
    );
    return { ...found, said: said.join("") };
  } finally {
    spy.mockRestore();
  }
}

const publish = (annotation: unknown) => {
  registry.image = sampleImage(Buffer.from("layer"), (m) => {
    m.annotations = { [planAnnotation]: annotation };
  });
};

describe("a plan that is not good", () => {
  test.each(bad)("%s", (_, annotation, why) => {
    const reasons: string[] = [];
    const before = process.memoryUsage().rss;
    expect(decodeMemory(annotation, (reason) => reasons.push(reason))).toBeUndefined();
    expect(reasons).toEqual([expect.stringMatching(why)]);
    expect(process.memoryUsage().rss - before).toBeLessThan(200 << 20);
  });

  test.each(bad.slice(0, 7))("does not block a rechunk: %s", async (_, annotation, why) => {
    publish(annotation);
    const { memory, from, said } = await previous();
    expect([memory, from]).toEqual([undefined, "none: this is the first"]);
    expect(said).toMatch(/^warning: ignored the plan of the published .*, which is not valid: /);
    expect(said).toMatch(why);
  });

  test.each<[string, () => void]>([
    [
      "a manifest without end",
      () => {
        registry.handlers.manifest = (_, r) => {
          r.writeHead(200);
          void registry.pour(r, () => Buffer.alloc(1 << 16));
        };
      },
    ],
    [
      "a manifest that is none",
      () => {
        registry.handlers.manifest = (_, r) => registry.give(r, Buffer.from("[]"));
      },
    ],
    ["an annotation that is a number", () => publish(5)],
  ])("a registry that is hostile does not block one either: %s", async (_, act) => {
    act();
    const { from, said } = await previous();
    expect(from).toBe("none: this is the first");
    expect(said).toMatch(
      /^warning: the published .* could not be read, so the last plan of this machine is used\n {2}/,
    );
  });

  const elsewhere = () => {
    registry.wantsToken = false;
    registry.handlers.manifest = (_, r) => registry.challenge(r, "https://evil.example.com/token");
  };
  test.each<[string, () => void, RegExp]>([
    [
      "a token of another host",
      elsewhere,
      /SLIPWAY_TOKEN_HOSTS=localhost:\d+=evil\.example\.com and .*; or .*bun run rechunk ARCH FLAVOR --previous none/,
    ],
    [
      "a login that the token's host refuses",
      () => {
        registry.handlers.token = (_, r) => r.writeHead(401).end();
      },
      /the login is refused: podman login localhost:\d+; or /,
    ],
    [
      "a password that the registry refuses",
      () => {
        registry.wantsToken = false;
        registry.handlers.manifest = (_, r) => r.writeHead(401, { "www-authenticate": "Basic" }).end();
      },
      /the login is refused: podman login localhost:\d+; or /,
    ],
    [
      "a registry that is blocked",
      () => registry.conf(`[[registry]]\nlocation = "localhost:${registry.port}"\nblocked = true\n`),
      /take another registry, or ask who wrote that file; or /,
    ],
    [
      "a file of settings that is wrong",
      () => registry.conf("unqualified = ["),
      /podman and skopeo refuse it too; or /,
    ],
  ])("what the user can correct stops a rechunk: %s", async (_, act, next) => {
    act();
    const error = await previous().catch((e: unknown) => e);
    expect(error).toBeInstanceOf(Failure);
    expect(String(error)).toContain(
      `the plan of the published localhost:${registry.port}/acme/os:v1 could not be read`,
    );
    expect((error as Failure).details.next).toMatch(next);
  });

  const hidden = /^warning: the registry has no .*, or shows it only after podman login, to who may read it$/m;
  test.each<[string, number, boolean, RegExp]>([
    ["no such image", 404, true, /^$/],
    ["no login, and nothing is shown", 403, false, hidden],
    ["a good login, and a repository that is not there yet (quay)", 401, true, hidden],
    ["a good login, and a repository that is not there yet (GitLab)", 403, true, hidden],
    ["an error of the server", 500, true, /^warning: the published .* could not be read, so the last plan/],
  ])("what may pass, or may be the first image, does not: %s", async (_, status, hasLogin, says) => {
    if (!hasLogin) {
      registry.logIn();
      registry.wantsToken = false;
    }
    registry.handlers.manifest = (_, r) => r.writeHead(status).end();
    const { from, said } = await previous();
    expect(from).toBe("none: this is the first");
    expect(said).toMatch(says);
  });

  test("nor does a server that gives a good login no token for a repository that is not there yet", async () => {
    registry.handlers.token = (_, r) => r.writeHead(403).end();
    expect((await previous()).said).toMatch(hidden);
  });

  test("asked for by name, it is refused", async () => {
    publish(pack("1 8640000000001 1\n"));
    const error = await previous(`docker://localhost:${registry.port}/acme/os:v1`).catch((e: unknown) => e);
    expect(String(error)).toContain("has no valid plan");
  });
});

test("a good plan is taken, and nothing is said", async () => {
  publish(good);
  const { memory, said } = await previous();
  expect(said).toBe("");
  expect(memory?.layers).toEqual([[{ name: "glibc", digest: "d", changed: 1, known: 2 }]]);
});

test("the longest plan that is allowed can be read and planned with", () => {
  const names = Array.from({ length: 20_000 }, (_, i) => `c${i}`);
  const layers = [names.map((name) => ({ name, digest: "d", changed: 0, known: 16 }))];
  const memory = decodeMemory(encodeMemory({ epoch: planLimits.epoch, releases: planLimits.releases, layers }));
  expect(memory?.layers[0]?.length).toBe(20_000);
  expect(plan([], 8, 1, memory).memory.epoch).toBe(planLimits.epoch);
});

test("an image that says it was made in the year 200,000 gets no such epoch", () => {
  const made = (created: string) => epochOf({ created, rootfs: { type: "layers", diff_ids: [] } });
  expect(made("+200000-01-01T00:00:00Z")).toBe(1);
  expect(made("2024-01-01T00:00:00Z")).toBe(1_704_067_200);
});
