// needs: tools
// reaches: update tests/stand-in/bootc/
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { BootcHost, digestOf, entry, status } from "../support/bootc-host.ts";
import { useTools } from "../support/host-tools.ts";
import { checkout, exec, type Said } from "../support/sandbox.ts";
import { SignedImages } from "../support/signed-images.ts";

// The system image in `bun run update`: real signatures, a real policy and skopeo's own verdict; bootc and topgrade are
// stand-ins that record their calls.

setDefaultTimeout(300_000);
let images: SignedImages;
let host: BootcHost;
let image: string;
let digest: string;
let before: string;

const update = (...args: string[]): Promise<Said> =>
  exec([process.execPath, join(checkout, "scripts/update.ts"), ...args], {
    ...{ ...images.env, ...host.env },
    ...{ CI: "true", SUDO_USER: "" },
  });

beforeAll(async () => {
  useTools();
  images = await SignedImages.start();
  image = `${images.namespace}/os-one:amd64`;
  before = await images.push("os-one", "amd64");
  digest = await images.push("os-one", "amd64");
  await images.sign("os-one", digest);
});

afterAll(() => images.stop());

beforeEach(() => {
  host = new BootcHost({ booted: entry(image, before), rollback: entry(image, digestOf("9")) });
  host.write("etc/containers/policy.json", images.policy("ours"));
  host.write("etc/containers/registries.d/acme.yaml", images.attachments);
  host.fetches({ [image]: digest });
  host.program("topgrade", 'echo "topgrade $*" >>"$STAND_IN_BOOTC/calls"');
});

afterEach(() => host.remove());

const everything = "topgrade --disable system --disable brew_formula --disable brew_cask --yes";

describe("the way it goes", () => {
  test("judged, staged, and a reboot is due; once more there is nothing left to do", async () => {
    const { code, stdout, stderr } = await update("-o", "--json");
    expect(code).toBe(0);
    const { parts, reboot } = JSON.parse(stdout);
    expect(parts).toEqual([{ part: "os", state: "done", said: expect.stringContaining("staged for the next boot") }]);
    expect(reboot).toContain(digest.slice(0, 19));
    expect(stderr).toContain("a reboot is due");
    expect(stderr).toContain("next: systemctl reboot");
    expect(host.calls).toEqual(["bootc upgrade"]);

    const again = await update("-o");
    expect(again.stdout).toContain("is staged already");
    expect(again.stderr).toContain("a reboot is due");
    host.reboot();
    const booted = await update("-o");
    expect(booted).toMatchObject({ code: 0, stdout: expect.stringContaining("is up to date") });
    expect(booted.stderr).not.toContain("reboot");
    expect(host.calls).toEqual(["bootc upgrade"]);
  });

  test("without an option: the image by bootc, everything else by topgrade", async () => {
    const { code, stdout } = await update();
    expect(code).toBe(0);
    expect(stdout).toMatch(/^os +done .*\ntopgrade +done/);
    expect(host.calls).toEqual(["bootc upgrade", everything]);
  });

  test.each(["-of", "-fo"])("%s: the image first", async (options) => {
    expect(await update(options)).toMatchObject({ code: 0 });
    expect(host.calls).toEqual(["bootc upgrade", "topgrade --only flatpak --yes"]);
  });

  test("all five together; Homebrew is somebody else's, and not for a topgrade of root's", async () => {
    host.program("brew", 'echo "brew $*" >>"$STAND_IN_BOOTC/calls"');
    expect(await update("-owfbd")).toMatchObject({ code: 0 });
    expect(host.calls.map((call) => call.replace(/ --yes$/, ""))).toEqual([
      ...["bootc upgrade", "topgrade --only firmware", "topgrade --only flatpak"],
      ...["brew update", "brew upgrade", "topgrade --only distrobox"],
    ]);
  });

  test("what was fetched and held back is put in place", async () => {
    host.says(status({ booted: entry(image, before), staged: entry(image, digest, { downloadOnly: true }) }));
    expect(await update("-o")).toMatchObject({ code: 0 });
    expect(host.calls).toEqual(["bootc upgrade --from-downloaded"]);
  });

  test("--dry-run judges, and shows the line", async () => {
    const { code, stdout, stderr } = await update("-o", "--dry-run");
    expect([code, host.calls]).toEqual([0, []]);
    expect(stdout).toContain("would be staged, 7 B to download");
    expect(stderr).toContain("+ bootc upgrade");
  });
});

describe("on bootc's composefs backend", () => {
  const composefs = true;
  beforeEach(() => host.says(status({ booted: entry(image, before, { composefs }) })));

  test("judged, staged without a signature in the status, rebooted, and up to date", async () => {
    expect(await update("-o")).toMatchObject({ code: 0, stdout: expect.stringContaining("staged for the next boot") });
    expect(host.read("bootc/host.json")).not.toContain("signature");
    expect((await update("-o", "--check")).stdout).toMatch(/^os +staged +/);
    host.reboot();
    expect(await update("-o")).toMatchObject({ code: 0, stdout: expect.stringContaining("is up to date") });
    expect(host.calls).toEqual(["bootc upgrade"]);
  });

  test("a policy that takes the image unsigned is refused, and nothing is staged", async () => {
    host.write("etc/containers/policy.json", JSON.stringify({ default: [{ type: "insecureAcceptAnything" }] }));
    const { code, stderr } = await update("-o");
    expect([code, host.calls]).toEqual([1, []]);
    expect(stderr).toMatch(/policy takes \S+ unsigned.*\n.*\n.*\n {2}next: .*bootc config-diff/);
  });

  test("another image than the judged one is refused by its digest", async () => {
    host.fetches({ [image]: digestOf("c") });
    expect(await update("-o")).toMatchObject({ code: 1, stderr: expect.stringContaining("something else than what") });
  });

  test("new labels on the same files are no new system", async () => {
    host.write("bootc/same-files", "");
    const { code, stdout } = await update("-o");
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^os +done +nothing was staged: .*files of/)]);
  });
});

describe("--check", () => {
  test("the size of what would come, and nothing is changed", async () => {
    const { code, stdout } = await update("--check", "-o", "--json");
    expect(code).toBe(0);
    const [os] = JSON.parse(stdout);
    expect(os).toEqual({
      ...{ part: "os", state: "available", download: 7 },
      said: `${image} ${digest.slice(0, 19)}, 7 B to download`,
    });
    expect(host.calls).toEqual([]);
  });

  test("staged, and up to date", async () => {
    host.says(status({ booted: entry(image, before), staged: entry(image, digest) }));
    expect((await update("--check", "-o")).stdout).toMatch(/^os +staged +/);
    host.says(status({ booted: entry(image, digest) }));
    expect((await update("--check", "-o")).stdout).toMatch(/^os +current +/);
  });

  test("an update that the policy refuses is none", async () => {
    host.write("etc/containers/policy.json", images.policy("theirs"));
    const { code, stdout } = await update("--check", "-o");
    expect(code).toBe(1);
    expect(stdout).toMatch(/^os +failed +.*policy refuses/);
  });
});

const open = [{ type: "insecureAcceptAnything" }];
const policies: [string, () => string, RegExp][] = [
  ["of another key", () => images.policy("theirs"), /policy refuses .*: cryptographic signature verification failed/],
  ["that accepts anything", () => JSON.stringify({ default: open }), /accepts anything/],
  [
    "that asks nothing of this registry",
    () => JSON.stringify({ default: [{ type: "reject" }], transports: { docker: { [images.namespace]: open } } }),
    /would not verify/,
  ],
  ["that refuses everything", () => JSON.stringify({ default: [{ type: "reject" }] }), /policy refuses/],
  ["that is no policy", () => "{", /no JSON/],
];

describe("refused under a policy", () => {
  test.each(policies)("%s: the other parts go on, topgrade without its own commands", async (_, policy, reason) => {
    host.write("etc/containers/policy.json", policy());
    const { code, stderr, stdout } = await update();
    expect(code).toBe(1);
    expect(stderr).toMatch(reason);
    expect(stderr).toMatch(/^ {2}next: /m);
    expect(stdout).toMatch(/^os +failed .*\ntopgrade +done/);
    expect(host.calls).toEqual([everything.replace(" --yes", " --disable custom_commands --yes")]);
  });

  test("an image that nobody signed", async () => {
    const unsigned = await images.push("os-two", "amd64");
    const other = `${images.namespace}/os-two:amd64`;
    host.says(status({ booted: entry(other, digestOf("a")) })).fetches({ [other]: unsigned });
    const { code, stderr } = await update("-o");
    expect(code).toBe(1);
    expect(stderr).toMatch(/policy refuses .*: A signature was required/);
    expect(stderr).not.toContain("bun run sign");
    expect(host.calls).toEqual([]);
  });
});

describe("a registry in bad hands shows an image that is signed, and not the one that belongs there", () => {
  const day = 24 * 3600_000;
  const before = Date.now();
  const iso = (time: number) => `${new Date(time).toISOString().slice(0, 19)}Z`;
  const stamp = (time: number) => iso(time).replaceAll(/[-:]/g, "");
  const name = (flavor: string, arch = "amd64") => `${images.namespace}/os-${flavor}:${arch}`;
  const labels = (ago: number, flavor: string, arch?: string) => ({
    "org.slipway.reference": name(flavor, arch),
    "org.slipway.refresh": stamp(before - ago * day),
    "org.slipway.stale-after": "28d",
    "org.opencontainers.image.created": iso(before - ago * day),
    "org.opencontainers.image.version": `amd64-${stamp(before - ago * day).slice(0, 8)}`,
  });
  const signed = async (flavor: string, facts: Record<string, string>) => {
    const made = await images.push(`os-${flavor}`, "amd64", facts);
    await images.sign(`os-${flavor}`, made);
    return made;
  };
  const runs = (flavor: string, made: string, ago: number, more: Record<string, unknown> = {}) =>
    host.says(status({ booted: entry(name(flavor), made, { timestamp: iso(before - ago * day) }), ...more }));
  /** The registry shows this image at the tag that the machine follows, to skopeo and to bootc. */
  const shows = (flavor: string, made: string) => {
    images.registry.tag(`acme/os-${flavor}`, "amd64", made);
    host.fetches({ [name(flavor)]: made });
  };
  const stages = (flavor: string) => host.host.status.staged?.image.image.image === name(flavor);
  let newer: string;
  let older: string;

  beforeAll(async () => {
    newer = await signed("aged", labels(1, "aged"));
    older = await signed("aged", labels(3, "aged"));
  });

  test("a newer one is no reason, and nothing is left unchecked", async () => {
    runs("aged", older, 3);
    shows("aged", newer);
    const { code, stderr } = await update("-o");
    expect([code, host.calls]).toEqual([0, ["bootc upgrade"]]);
    expect(stderr).not.toContain("not checked");
  });

  test("rollback: an older one than the booted", async () => {
    runs("aged", newer, 1);
    shows("aged", older);
    const { code, stdout, stderr } = await update();
    expect([code, host.calls]).toEqual([1, [everything.replace(" --yes", " --disable custom_commands --yes")]]);
    expect(stdout).toMatch(/^os +failed .*os-aged:amd64 is older than what is booted/);
    expect(stderr).toContain(`found: amd64-${stamp(before - 3 * day).slice(0, 8)}, made `);
    expect(stderr).toContain(`(${older.slice(0, 19)})`);
    expect(stderr).toContain(`(${newer.slice(0, 19)})`);
    expect(stderr).toContain("--allow-older takes it anyway");
    expect((await update("--check", "-o")).stdout).toMatch(/^os +failed +.*is older than what is booted/);
    expect(await update("-o", "--allow-stale", "--allow-other")).toMatchObject({ code: 1 });
    expect(await update("-o", "--allow-older")).toMatchObject({ code: 0 });
    expect([host.calls.at(-1), stages("aged")]).toEqual(["bootc upgrade", true]);
  });

  test("rollback: the booted one again, where a newer one is staged", async () => {
    const staged = entry(name("aged"), newer, { timestamp: iso(before - day) });
    runs("aged", older, 3, { staged });
    shows("aged", older);
    const { code, stderr } = await update("-o");
    expect([code, host.calls]).toEqual([1, []]);
    expect(stderr).toContain("is older than what is staged");
  });

  test("rollback behind our back: a command of topgrade's asks the registry again", async () => {
    runs("aged", older, 3);
    shows("aged", newer);
    const show = `echo '${JSON.stringify({ [name("aged")]: older })}' >"$STAND_IN_BOOTC/registry.json"`;
    host.program("topgrade", `${show}; bootc upgrade`);
    const { code, stdout, stderr } = await update();
    expect([code, host.calls]).toEqual([1, ["bootc upgrade", "bootc upgrade"]]);
    expect(stdout).toMatch(/^os +done .*\ntopgrade +failed .*staged a system that Slipway did not check/);
    expect(stderr).toContain(`checked: ${name("aged")} (${newer.slice(0, 19)})`);
  });

  test("freeze: the booted one for ever, and another one that is old too", async () => {
    const [frozen, other] = [
      await signed("frozen", labels(60, "frozen")),
      await signed("frozen", labels(50, "frozen")),
    ];
    runs("frozen", frozen, 60);
    for (const made of [frozen, other]) {
      shows("frozen", made);
      const { code, stdout, stderr } = await update("-o");
      expect([code, host.calls]).toEqual([1, []]);
      expect(stdout).toMatch(/^os +failed .*os-frozen:amd64 was not refreshed for (60|50) days/);
      expect(stderr).toMatch(/expected: at most 28 days.*\n.*next: if the clock is wrong.*--allow-stale takes it/);
    }
    expect((await update("-o", "--check", "--allow-stale")).stdout).toMatch(/^os +available/);
    shows("frozen", frozen);
    expect((await update("-o", "--allow-stale")).stdout).toContain("is up to date");
  });

  test("mix and match: another arch's, which the signature does not tell apart", async () => {
    const other = await signed("mixed", labels(0, "mixed", "v4"));
    host.says(status({ booted: entry(name("mixed"), digestOf("a")) }));
    shows("mixed", other);
    const { code, stderr } = await update("-o");
    expect([code, host.calls]).toEqual([1, []]);
    expect(stderr).toContain(`${name("mixed")} is another image: ${name("mixed", "v4")}`);
    expect(await update("-o", "--allow-other")).toMatchObject({ code: 0 });
  });

  test("mix and match: another flavor's, whose signature names its repository", async () => {
    await images.copy("os-aged", "os-swapped", newer);
    host.says(status({ booted: entry(name("swapped"), digestOf("a")) }));
    shows("swapped", newer);
    const { code, stderr } = await update("-o", "--allow-other");
    expect([code, host.calls]).toEqual([1, []]);
    expect(stderr).toContain(`policy refuses ${name("swapped")}`);
    expect(stderr).toContain(`the signature is for another image, ${images.namespace}/os-aged`);
  });

  test("an image of the future, or a clock that is behind: said, and nothing is held back", async () => {
    const future = await signed("future", labels(-9, "future"));
    runs("future", digestOf("a"), 1);
    shows("future", future);
    const { code, stderr } = await update("-o");
    expect(code).toBe(0);
    expect(stderr).toMatch(/not checked: whether it is stale: the clock says .* an image of .*; see timedatectl/);
  });

  test("an image that says nothing of itself: said, and nothing is held back", async () => {
    host.says(status({ booted: entry(image, digestOf("a")) }));
    const { code, stderr } = await update("-o");
    expect(code).toBe(0);
    expect(stderr.match(/not checked: /g)).toHaveLength(3);
  });
});

describe("not updated, and why", () => {
  const machines: [string, () => unknown, RegExp][] = [
    ["a rollback is queued", () => host.says(status({ booted: entry(image, before), rollbackQueued: true })), /queued/],
    [
      "packages are layered",
      () => host.says(status({ booted: entry(image, before, { incompatible: true }) })),
      /layered/,
    ],
    ["it runs from a live medium", () => host.says(status({ booted: entry(image, before), readOnly: true })), /medium/],
    [
      "it comes from a folder",
      () => host.says(status({ booted: entry("/srv/image", before, { transport: "oci" }) })),
      /oci:\/srv\/image: nobody vouches/,
    ],
    ["bootc does not answer", () => host.write("bootc/broken", ""), /does not answer/],
    ["bootc fails", () => host.write("bootc/fail", "no space left"), /could not stage/],
    [
      "bootc stages another image",
      () => host.fetches({ [image]: digestOf("c") }),
      /something else than what was judged/,
    ],
    [
      "the registry has no such image",
      () => host.says(status({ booted: entry(`${images.namespace}/gone:amd64`, before) })),
      /could not be read from its registry/,
    ],
  ];
  test.each(machines)("%s", async (_, make, reason) => {
    make();
    const { code, stdout, stderr } = await update("-of");
    expect(code).toBe(1);
    expect(stderr).toMatch(reason);
    expect(stdout).toMatch(/^os +failed .*\nflatpak +done/);
  });
});
