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

const everything = "topgrade --disable system --yes";

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

  test("all five together", async () => {
    expect(await update("-owfbd")).toMatchObject({ code: 0 });
    expect(host.calls.map((call) => call.replace(/ --yes$/, ""))).toEqual([
      ...["bootc upgrade", "topgrade --only firmware", "topgrade --only flatpak"],
      ...["topgrade --only brew_formula --only brew_cask", "topgrade --only distrobox"],
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
    expect(host.calls).toEqual(["topgrade --disable system --disable custom_commands --yes"]);
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
      /not to be had/,
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
