import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { Arch, Flavor } from "../../lib/family/family.ts";
import { type Host, type ImageSpec, parseStatus, stageWords } from "../../lib/host/bootc.ts";
import { storeEnvironment } from "../../lib/host/local-image.ts";
import { imageRefusals, machineRefusals, refuse, type Situation } from "../../lib/host/refusals.ts";
import { rootWords } from "../../lib/host/root.ts";
import { BootcHost, digestOf, entry, status } from "../support/bootc-host.ts";
import { checkout, exec } from "../support/sandbox.ts";

const image = "ghcr.io/acme/os-one:amd64";
const spec: ImageSpec = { image, transport: "registry", signature: "containerPolicy" };
const [a, b] = [digestOf("a"), digestOf("b")];
const parse = (value: unknown) => parseStatus(JSON.stringify(value));

// bootc's own schema lies beside the project, and not in it.
const schemaFile = join(checkout, "../shared/facts/bootc-host-v1.schema.json");
const hosts: BootcHost[] = [];
afterAll(() => {
  for (const host of hosts) host.remove();
});

describe("bootc's status", () => {
  test("of a host of today", () => {
    const host = parse(
      status({ booted: entry(image, a), staged: entry(image, b, { downloadOnly: true }), rollback: entry("x/y:z", b) }),
    );
    expect(host.booted).toEqual({
      spec,
      digest: a,
      version: undefined,
      made: undefined,
      incompatible: false,
      downloadOnly: false,
      composefs: false,
      deployment: `default/${a.slice(7)}.0`,
    });
    expect(host.staged).toMatchObject({ digest: b, downloadOnly: true });
    expect(host.rollback?.spec?.image).toBe("x/y:z");
    expect(host.spec).toEqual(spec);
  });

  // What bootc 1.16.9 said on a machine of the composefs backend after `bootc switch`, but for the names.
  const real = {
    ...{ apiVersion: "org.containers.bootc/v1", kind: "BootcHost", metadata: { name: "host" } },
    spec: { bootOrder: "default", image: { image, transport: "registry" } },
    status: {
      booted: {
        ...{ cachedUpdate: null, downloadOnly: false, incompatible: false, ostree: null, pinned: false, store: null },
        composefs: {
          ...{ bootDigest: "e".repeat(64), bootType: "Bls", bootloader: "systemd", missingVerityAllowed: false },
          verity: "9".repeat(128),
        },
        image: {
          ...{ architecture: "amd64", image: { image: "x/y:z", transport: "registry" }, imageDigest: a },
          ...{ timestamp: "2026-11-27T19:09:16.389780418Z", version: "amd64-20261121" },
        },
        softRebootCapable: false,
      },
      ...{ readOnly: false, rollback: null, rollbackQueued: false, staged: null, type: null, usrOverlay: null },
    },
  };

  test("of the composefs backend: no signature anywhere, and the time is the configuration's", () => {
    const host = parse(real);
    expect(host).toMatchObject({ composefs: true, spec: { image, signature: undefined } });
    expect(host.booted).toMatchObject({
      ...{ digest: a, version: "amd64-20261121", composefs: true, deployment: undefined },
      made: Date.UTC(2026, 10, 27, 19, 9, 16, 389),
    });
  });

  test("the stand-in has the fields of the real one, on both backends", () => {
    const shape = (value: unknown): unknown =>
      typeof value === "object" && value !== null
        ? Object.entries(value)
            .map(([key, v]) => [key, shape(v)])
            .sort()
        : value === null
          ? null
          : typeof value;
    const times = { timestamp: "2026-11-27T19:09:16.389780418Z", version: "amd64-20261121" };
    expect(shape(status({ booted: entry("x/y:z", a, { ...times, composefs: true }) }))).toEqual(shape(real));
    const { booted, ...rest } = real.status;
    const ostree = { checksum: a.slice(7), deploySerial: 0, stateroot: "default" };
    const onOstree = { ...booted, composefs: null, ostree, store: "ostreeContainer" };
    expect(shape(status({ booted: entry("x/y:z", a, { ...times, signature: null }) }))).toEqual(
      shape({ ...real, status: { ...rest, booted: onOstree, type: "bootcHost" } }),
    );
  });

  const old = {
    apiVersion: "org.containers.bootc/v1alpha1",
    kind: "BootcHost",
    spec: { image: { image, transport: "registry" } },
    status: { booted: { image: { image: { image, transport: "registry" }, imageDigest: a }, incompatible: true } },
  };
  test("of an old host, with fields left out", () => {
    const host = parse(old);
    expect(host.booted).toMatchObject({ digest: a, incompatible: true, spec: { image, signature: undefined } });
    expect([host.staged, host.rollback, host.rollbackQueued, host.readOnly]).toEqual([
      undefined,
      undefined,
      false,
      false,
    ]);
  });

  const rows: [string, unknown, Partial<Host>][] = [
    ["nothing but braces", {}, { booted: undefined, spec: undefined }],
    ["no status", { apiVersion: "x", kind: "BootcHost" }, { booted: undefined }],
    ["nulls", { status: { booted: null, staged: null } }, { booted: undefined, staged: undefined }],
    [
      "fields of other kinds",
      { status: { booted: 3, staged: [], readOnly: "yes" }, spec: 7 },
      { booted: undefined, readOnly: false },
    ],
    ["a queued rollback, by status", { status: { rollbackQueued: true } }, { rollbackQueued: true }],
    ["a queued rollback, by the order of boot", { spec: { bootOrder: "rollback" } }, { rollbackQueued: true }],
    ["a live medium", { status: { readOnly: true } }, { readOnly: true }],
  ];
  test.each(rows)("%s", (_, value, parts) => expect(parse(value)).toMatchObject(parts));

  test("who vouches for an image", () => {
    const signature = (said: unknown) => parse({ spec: { image: { image, signature: said } } }).spec?.signature;
    expect(["containerPolicy", "insecure", { ostreeRemote: "fedora" }, null, "other", 3].map(signature)).toEqual([
      ...["containerPolicy", "insecure", "ostreeRemote"],
      ...[undefined, undefined, undefined],
    ] as never);
  });

  test("booted from a commit, not an image", () => {
    const host = parse({ status: { booted: { image: null, incompatible: false, pinned: false, ostree: {} } } });
    expect(host.booted).toMatchObject({ spec: undefined, digest: undefined });
  });

  test.each(["", "error: not root", "[", '"text"', "null"])("%p is no status", (said) => {
    expect(() => parseStatus(said)).toThrow("did not answer with JSON");
  });
});

describe("the words that stage an image", () => {
  const host = (parts: Record<string, unknown>) => parse(status(parts));
  const booted = entry("ghcr.io/acme/os-two:amd64", a);
  const rows: [string, Host, ImageSpec, boolean, string][] = [
    ["another image", host({ booted }), spec, false, `bootc switch --enforce-container-sigpolicy ${image}`],
    ["the image that is followed already", host({ booted: entry(image, a) }), spec, false, "bootc upgrade"],
    [
      "the same without the policy's mark",
      host({ booted: entry(image, a, { signature: "insecure" }) }),
      spec,
      false,
      `bootc switch --enforce-container-sigpolicy ${image}`,
    ],
    [
      "what is staged is followed, not what is booted",
      host({ booted, staged: entry(image, b) }),
      spec,
      false,
      "bootc upgrade",
    ],
    [
      "fetched, and held back",
      host({ booted, staged: entry(image, b, { downloadOnly: true }) }),
      spec,
      true,
      "bootc upgrade --from-downloaded",
    ],
    [
      "another one is held back",
      host({ booted, staged: entry("x/y:z", b, { downloadOnly: true }) }),
      spec,
      false,
      `bootc switch --enforce-container-sigpolicy ${image}`,
    ],
    [
      "from podman's storage",
      host({ booted }),
      { ...spec, transport: "containers-storage", signature: "insecure" },
      false,
      `bootc switch --transport containers-storage ${image}`,
    ],
    [
      "another image, on composefs",
      host({ booted: entry("x/y:z", a, { composefs: true }) }),
      spec,
      false,
      `bootc switch --enforce-container-sigpolicy ${image}`,
    ],
    [
      "the image that is followed already, on composefs, which keeps no mark",
      host({ booted: entry(image, a, { composefs: true }) }),
      spec,
      false,
      "bootc upgrade",
    ],
    [
      "from podman's storage again",
      host({ booted: entry(image, a, { transport: "containers-storage", signature: null }) }),
      { ...spec, transport: "containers-storage", signature: "insecure" },
      false,
      "bootc upgrade",
    ],
  ];
  test.each(rows)("%s", (_, at, wanted, isStaged, words) =>
    expect(stageWords(at, wanted, isStaged).join(" ")).toBe(words),
  );
});

describe("who is root", () => {
  const only =
    (...programs: string[]) =>
    (program: string) =>
      programs.includes(program) ? `/bin/${program}` : null;
  test.each([
    [0, true, [], []],
    [1000, true, ["sudo", "run0"], ["sudo"]],
    [1000, false, ["sudo"], ["sudo", "-n"]],
    [1000, false, ["run0"], ["run0", "--no-ask-password"]],
    [1000, true, ["doas"], ["doas"]],
  ])("%p, may ask %p, has %p", (uid, mayAsk, has, words) => {
    expect(rootWords(uid, mayAsk, only(...has))).toEqual(words);
  });
  test("no way", () => expect(() => rootWords(1000, true, only())).toThrow("no way to become it"));
});

describe("the storage of a user", () => {
  test("root's own needs nothing", () =>
    expect(storeEnvironment({ GraphDriverName: "vfs", GraphRoot: "/x" }, 0)).toEqual({}));
  test("another's is read where it lies", () =>
    expect(storeEnvironment({ GraphDriverName: "overlay", GraphRoot: "/home/u/s" }, 1000)).toEqual({
      STORAGE_OPTS: "additionalimagestore=/home/u/s",
    }));
  test("another driver's cannot be", () =>
    expect(() => storeEnvironment({ GraphDriverName: "vfs", GraphRoot: "/x" }, 1000)).toThrow("its driver is vfs"));
});

describe("why a machine is not moved", () => {
  const arch: Arch = {
    name: "best",
    title: "",
    base: { image: "x" },
    needs: ["avx2", "avx512f"],
    repos: [],
    runner: [],
  };
  const target = { arch, flavor: {} as Flavor, reference: image };
  const at = (parts: Record<string, unknown>, more: Partial<Situation> = {}): Situation => ({
    host: parse(status({ booted: entry("x/y:z", a), ...parts })),
    ...{ target, wanted: spec, digests: [b], last: undefined, force: false },
    cpu: { model: "Toy", flags: new Set(["avx2", "avx512f"]) },
    ...more,
  });
  const rolledBack = { outcome: "rolled-back", expect: b, image, because: "sshd.service failed" } as const;
  const rows: [string, Situation, number, RegExp][] = [
    ["no bootc host", at({ booted: null }), 3, /no bootc host/],
    ["a live medium", at({ readOnly: true }), 1, /live ISO/],
    ["layered packages", at({ booted: entry("x/y:z", a, { incompatible: true }) }), 1, /packages layered on it, or/],
    [
      "layered packages staged",
      at({ staged: entry("x/y:z", a, { incompatible: true }) }),
      1,
      /what is staged has packages/,
    ],
    ["a queued rollback", at({ rollback: entry("o/l:d", b), rollbackQueued: true }), 1, /goes back to o\/l:d/],
    [
      "a lesser CPU",
      at({}, { cpu: { model: "Old", flags: new Set(["avx2"]) } }),
      1,
      /cannot run best: it lacks avx512f$/,
    ],
    ["something else staged", at({ staged: entry("o/ther:1", b) }), 1, /staged already: o\/ther:1 \(sha256:bbbb/],
    ["another build staged", at({ staged: entry(image, a) }), 1, /staged already/],
    [
      "the same staged without the policy",
      at({ staged: entry(image, b, { signature: "insecure" }) }),
      1,
      /staged already/,
    ],
    ["rolled back before", at({}, { last: rolledBack }), 1, /rolled back: sshd.service failed/],
  ];
  test.each(rows)("%s", (_, situation, code, message) => {
    let thrown: unknown;
    try {
      refuse([...machineRefusals, ...imageRefusals], situation);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ code, message: expect.stringMatching(message) });
    expect((thrown as { details: { next?: string } }).details.next).toBeTruthy();
  });

  const good: [string, Situation][] = [
    ["a plain host", at({})],
    ["staged already is this one", at({ staged: entry(image, b) })],
    [
      "staged already is this one, on composefs",
      at({ booted: entry("x/y:z", a, { composefs: true }), staged: entry(image, b, { composefs: true }) }),
    ],
    ["something else staged, by force", at({ staged: entry("o/ther:1", b) }, { force: true })],
    ["rolled back before, by force", at({}, { last: rolledBack, force: true })],
    ["another build was rolled back", at({}, { last: { ...rolledBack, expect: a } })],
    ["a rollback queued, by force", at({ rollback: entry("o/l:d", b), rollbackQueued: true }, { force: true })],
  ];
  test.each(good)("%s is no reason", (_, situation) => {
    expect(() => refuse([...machineRefusals, ...imageRefusals], situation)).not.toThrow();
  });
});

describe("the stand-in speaks as bootc does", () => {
  const bootc = (host: BootcHost, ...args: string[]) => exec(["bootc", ...args], host.env);
  const made = (booted: Record<string, unknown>) => {
    const host = new BootcHost(booted).write("etc/containers/policy.json", '{"default":[{"type":"reject"}]}');
    hosts.push(host);
    return host.fetches({ [image]: b });
  };

  test.skipIf(!existsSync(schemaFile))(
    "every answer fits bootc's schema, after every command",
    async () => {
      const schema = z.fromJSONSchema(JSON.parse(readFileSync(schemaFile, "utf8")));
      const fits = async (host: BootcHost) => {
        const { stdout } = await bootc(host, "status", "--format=json", "--format-version=1");
        expect(schema.safeParse(JSON.parse(stdout)).error).toBeUndefined();
      };
      expect(schema.safeParse({ kind: "BootcHost" }).success).toBe(false);
      await fits(made({}));
      for (const composefs of [false, true]) {
        const old = entry("x/y:old", digestOf("c"), { signature: null, composefs });
        const host = made({ booted: entry("x/y:z", a, { composefs }), rollback: old });
        await fits(host);
        for (const words of [
          ["switch", "--enforce-container-sigpolicy", image],
          ["upgrade", "--from-downloaded"],
          ["rollback", "--apply"],
          ["switch", "--transport", "containers-storage", image],
        ]) {
          expect((await bootc(host, ...words)).code).toBe(0);
          await fits(host);
        }
        await fits(host.reboot());
      }
    },
    60_000,
  );

  test("what it does not know is a mistake", async () => {
    const host = made({ booted: entry("x/y:z", a) });
    const refused = await Promise.all([
      bootc(host, "swich", image),
      bootc(host, "switch", "--enforce", image),
      bootc(host, "switch"),
      bootc(host, "status", "--fromat=json"),
      bootc(host, "rollback", "now"),
    ]);
    expect(refused.map(({ code }) => code)).toEqual([2, 2, 2, 2, 2]);
  });

  test("composefs: the mark is dropped without a word, and the same files are no new system", async () => {
    const host = made({ booted: entry("x/y:z", a, { composefs: true }) });
    host.write("etc/containers/policy.json", '{"default":[{"type":"insecureAcceptAnything"}]}');
    const enforce = ["switch", "--enforce-container-sigpolicy"];
    expect(await bootc(host, ...enforce, image)).toEqual({ code: 0, stdout: "", stderr: "" });
    expect(Object.keys(host.host.status.staged?.image.image ?? {})).toEqual(["image", "transport"]);
    expect((await bootc(host, "switch", image)).stdout).toBe("Image specification is unchanged.\n");
    expect(await bootc(host, ...enforce, image)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^error: Switching: Composefs Switching: .*same fs-verity digest .* Staged deploy/),
    });
    expect((await bootc(host, "upgrade")).stdout).toBe(`No changes in: ${image}\n`);
  });

  test("a switch to what is followed already does nothing", async () => {
    const host = made({ booted: entry(image, a) });
    expect((await bootc(host, "switch", "--enforce-container-sigpolicy", image)).stdout).toBe(
      "Image specification is unchanged.\n",
    );
    expect(host.host.status.staged).toBeNull();
    await bootc(host, "upgrade");
    expect(host.host.status.staged?.image.imageDigest).toBe(b);
  });
});

test("no file of the project holds bootc's schema", () => {
  const files = globSync(["lib/**/*.json", "tests/**/*.json"], { cwd: checkout });
  expect(files.filter((f) => readFileSync(join(checkout, f), "utf8").includes('"HostStatus"'))).toEqual([]);
});
