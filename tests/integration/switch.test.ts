// needs: tools
// reaches: switch tests/stand-in/bootc/ lib/host/guard.sh
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import type { Family } from "../../lib/family/family.ts";
import { verifyByKey } from "../../lib/trust/cosign.ts";
import { logKey, policyJson } from "../../lib/trust/policy.ts";
import { BootcHost, digestOf, entry, status } from "../support/bootc-host.ts";
import { useTools } from "../support/host-tools.ts";
import { checkout, exec, Project, type Said } from "../support/sandbox.ts";
import { SignedImages } from "../support/signed-images.ts";
import { keys, Terminal } from "../support/terminal.ts";

// `bun run switch`: real signatures, a real policy and skopeo's own verdict; bootc is a stand-in that records its calls.

setDefaultTimeout(300_000);
let images: SignedImages;
let project: Project;
let host: BootcHost;
let image: string;
let digest: string;
const old = "ghcr.io/acme/os-old:amd64";

const run = (...args: string[]): Promise<Said> =>
  exec([process.execPath, join(checkout, "scripts/switch.ts"), ...args], {
    ...project.env,
    ...images.env,
    ...host.env,
  });
const switched = (...more: string[]) => run("amd64", "one", ...more);

beforeAll(async () => {
  useTools();
  images = await SignedImages.start();
  project = new Project([]);
  project.write(
    "flavors/family.yaml",
    `name: acme\ntitle: Acme\nregistry: ${images.namespace}\nprefix: os\nkey: acme.pub\nopenRegistries: []\n` +
      "default: {arch: amd64, flavor: one}\narches:\n  future: {base: docker.io/acme/base, needs: [quantum]}\n  amd64: {base: {debian: trixie}}\n",
  );
  project.write("containerfiles/tiny.Containerfile", "# @base\nFROM ${BASE}\n# @overlay\n# @files\n");
  project.write("acme.pub", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n");
  for (const name of ["one", "two", "three", "absent"])
    project.write(`flavors/${name}.yaml`, `title: ${name}\nrecipe: tiny\narches: [amd64, future]\n`);
  image = `${images.namespace}/os-one:amd64`;
  digest = await images.push("os-one", "amd64");
  await images.sign("os-one", digest);
});

afterAll(async () => {
  await images.stop();
  project.remove();
});

beforeEach(() => {
  host = new BootcHost({ booted: entry(old, digestOf("a")), rollback: entry(old, digestOf("9")) });
  host.write("etc/containers/policy.json", images.policy("ours"));
  host.write("etc/containers/registries.d/acme.yaml", images.attachments);
  host.fetches({ [image]: digest });
});

afterEach(() => host.remove());

const staging = () => `bootc switch --enforce-container-sigpolicy ${image}`;
const armed = () => host.has("etc/systemd/system/multi-user.target.wants/slipway-guard.service");

describe("the whole way", () => {
  test("staged, again, rebooted, again, and an update", async () => {
    const asked = images.registry.requests.length;
    const { code, stdout, stderr } = await switched("--json");
    expect({ code, stderr }).toMatchObject({ code: 0, stderr: expect.stringContaining("signed, as it asks for") });
    expect(JSON.parse(stdout)).toMatchObject({
      ...{ reference: image, digest, state: "staged", guard: true },
      trust: { signed: true, scope: images.namespace },
      commands: [expect.stringMatching(/^sh \S+guard\.sh arm --expect sha256:/), staging()],
    });
    expect(host.calls).toEqual([staging()]);
    expect(armed()).toBe(true);
    const layers = images.registry.requests.slice(asked).filter((r) => /GET .*os-one\/blobs/.test(r));
    // The configuration and the signature's own blobs; no layer.
    const { layers: inside } = (await (
      await fetch(`http://${images.registry.host}/v2/acme/os-one/manifests/${digest}`)
    ).json()) as { layers: { digest: string }[] };
    expect(layers.filter((r) => r.includes(inside[0]?.digest ?? "?"))).toEqual([]);

    const again = await switched();
    expect(again).toMatchObject({ code: 0, stdout: `${image}: staged already\n` });
    expect(again.stderr).toContain("next: systemctl reboot");
    expect(host.calls).toEqual([staging()]);

    host.reboot();
    expect(await host.guard("check")).toMatchObject({ code: 0, stderr: expect.stringContaining("is healthy") });
    expect(await switched()).toMatchObject({ code: 0, stdout: `${image}: booted already\n` });
    expect(armed()).toBe(false);
  });

  test("a newer build of what is booted is an upgrade", async () => {
    host.says(status({ booted: entry(image, digestOf("e")) }));
    expect(await switched()).toMatchObject({ code: 0, stdout: `${image}: staged\n` });
    expect(host.calls).toEqual(["bootc upgrade"]);
  });

  test("what was fetched and held back is put in place", async () => {
    host.says(status({ booted: entry(old, digestOf("a")), staged: entry(image, digest, { downloadOnly: true }) }));
    expect(await switched()).toMatchObject({ code: 0, stdout: `${image}: staged\n` });
    expect(host.calls).toEqual(["bootc upgrade --from-downloaded"]);
  });

  test("--reboot, --no-guard", async () => {
    expect(await switched("--reboot", "--no-guard")).toMatchObject({ code: 0 });
    expect(host.calls).toEqual([staging(), "systemctl reboot"]);
    expect(armed()).toBe(false);
  });

  test.each([
    ["y", ["systemctl reboot"]],
    ["n", []],
  ])("on a terminal the reboot is offered: %s", async (key, calls) => {
    const argv = [process.execPath, join(checkout, "scripts/switch.ts"), "amd64"];
    const terminal = new Terminal(argv, { ...project.env, ...images.env, ...host.env, CI: undefined });
    await terminal.see("Which flavor?");
    terminal.press(keys.enter);
    await terminal.see("Reboot into it now?");
    terminal.press(key);
    expect(await terminal.end()).toBe(0);
    expect(host.calls).toEqual([staging(), ...calls]);
  });

  test("--health goes into the guard", async () => {
    await switched("--health", "systemctl is-active 'my app'");
    expect(host.read("etc/slipway/guard/health")).toBe("systemctl is-active 'my app'\n");
  });

  test("--dry-run shows all of it and changes nothing", async () => {
    const { code, stdout, stderr } = await switched("--dry-run");
    expect([code, stdout]).toEqual([0, `${image}: would be staged\n`]);
    expect(stderr.split("\n").filter((line) => line.startsWith("+"))).toEqual([
      expect.stringMatching(
        new RegExp(`^\\+ sh \\S+guard.sh arm --expect ${digest} --image ${image} --before ${digestOf("a")}$`),
      ),
      `+ ${staging()}`,
    ]);
    expect(host.calls).toEqual([]);
    expect(armed()).toBe(false);
  });

  test("an old host, that knows no --format-version", async () => {
    host.write("bootc/old", "");
    expect(await switched()).toMatchObject({ code: 0, stdout: `${image}: staged\n` });
    expect(host.allCalls.slice(0, 2)).toEqual([
      "bootc status --format=json --format-version=1",
      "bootc status --format=json",
    ]);
  });

  test("an /etc that does not last: no guard, and it is said", async () => {
    host.write("usr/lib/ostree/prepare-root.conf", "[composefs]\nenabled = true\n[etc]\ntransient = true\n");
    const { code, stderr } = await switched();
    expect([code, armed()]).toEqual([0, false]);
    expect(stderr).toContain("no guard: /etc does not outlive a reboot here");
  });
});

describe("on bootc's composefs backend", () => {
  const composefs = true;
  const accept = [{ type: "insecureAcceptAnything" }];
  beforeEach(() => host.says(status({ booted: entry(old, digestOf("a"), { composefs }) })));

  test("staged, again, rebooted, an update: no signature is waited for", async () => {
    expect(await switched("--json")).toMatchObject({ code: 0, stdout: expect.stringContaining('"state": "staged"') });
    expect(host.read("bootc/host.json")).not.toContain("containerPolicy");
    expect([host.calls, armed()]).toEqual([[staging()], true]);
    expect(await switched()).toMatchObject({ code: 0, stdout: `${image}: staged already\n` });
    host.reboot();
    expect(await host.guard("check")).toMatchObject({ code: 0, stderr: expect.stringContaining("is healthy") });
    expect(await switched()).toMatchObject({ code: 0, stdout: `${image}: booted already\n` });
    host.says(status({ booted: entry(image, digestOf("e"), { composefs }) }));
    expect(await switched()).toMatchObject({ code: 0, stdout: `${image}: staged\n` });
    expect(host.calls.at(-1)).toBe("bootc upgrade");
  });

  test.each([
    ["by default", () => ({ default: accept }), "default"],
    [
      "from this registry",
      () => ({ default: [{ type: "reject" }], transports: { docker: { [images.registry.host]: accept } } }),
      "127.0.0.1",
    ],
  ])("a policy that takes anything %s is refused, with what to add", async (_, policy, scope) => {
    host.write("etc/containers/policy.json", JSON.stringify(policy()));
    const { code, stdout, stderr } = await switched("--force");
    expect([code, stdout, ...host.calls, armed()]).toEqual([1, "", false]);
    expect(stderr).toContain(`policy takes ${image} unsigned`);
    expect(stderr).toMatch(new RegExp(`policy.json: ${scope}\\S* is insecureAcceptAnything\n`));
    const [, added] = /transports.docker` of policy.json: (\S+); /.exec(stderr) ?? [];
    expect(JSON.parse(`{${added}}`)).toEqual({
      [images.namespace]: [expect.objectContaining({ keyPath: expect.any(String) })],
    });
    expect(stderr).toContain(`/etc/containers/registries.d/os.yaml: {"docker":{"${images.namespace}"`);
  });

  test("what was added is enough, whatever the default is", async () => {
    host.write("etc/containers/policy.json", JSON.stringify({ ...JSON.parse(images.policy("ours")), default: accept }));
    expect(await switched()).toMatchObject({ code: 0, stderr: expect.stringContaining("signed, as it asks for") });
  });

  test("the tag moves between the verdict and bootc: the digest tells", async () => {
    host.fetches({ [image]: digestOf("f") });
    const { code, stderr } = await switched();
    expect(code).toBe(1);
    expect(stderr).toContain("bootc staged something else than what was judged");
    expect(stderr).not.toContain("staged with:");
    expect(armed()).toBe(false);
  });

  test("what a rollback leads to is not staged by an upgrade: said, with the way there", async () => {
    const [booted, rollback] = [entry(image, digestOf("e"), { composefs }), entry(image, digest, { composefs })];
    host.says(status({ booted, rollback }));
    expect(await switched("--force")).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        /nothing is staged .*\n.*No changes in: .*\n {2}next: it is the system before: sudo bootc rollback/,
      ),
    });
    expect(armed()).toBe(false);
  });

  test("an image with the booted files is nothing to stage", async () => {
    host.write("bootc/same-files", "");
    const { code, stderr } = await switched();
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /same fs-verity digest.*\n {2}next: this machine has a system with exactly these files already/,
    );
    expect(armed()).toBe(false);
  });
});

describe("what the policy says", () => {
  const refused = async (message: string | RegExp, flavor = "one") => {
    const { code, stdout, stderr } = await run("amd64", flavor);
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/ {2}next: /);
    expect([...host.calls, armed()]).toEqual([false]);
  };

  test("unsigned", async () => {
    await images.push("os-two", "amd64");
    await refused(/policy refuses \S+os-two:amd64: A signature was required, but no signature exists/, "two");
  });

  test("signed with another key", async () => {
    await images.sign("os-three", await images.push("os-three", "amd64"), "theirs");
    await refused(/refuses .*signature/, "three");
  });

  test("the machine trusts another key", async () => {
    host.write("etc/containers/policy.json", images.policy("theirs"));
    await refused(/refuses .*signature/);
  });

  test("the policy asks for a transparency log: its word has to be there, by the key of that log", async () => {
    const made = await images.push("os-two", "amd64");
    await images.sign("os-two", made);
    const reference = `${images.namespace}/os-two:amd64`;
    host.fetches({ [reference]: made });
    const asking = (key: string) => {
      const policy = JSON.parse(images.policy("ours"));
      Object.assign(
        policy.transports.docker[images.namespace][0],
        logKey({ root: images.folder, rekor: { key } } as Family),
      );
      host.write("etc/containers/policy.json", JSON.stringify(policy));
    };
    const cosign = async (key: string) => {
      const family = { root: images.folder, key: "ours.pub", rekor: { key } } as Family;
      const image = `${images.namespace}/os-two@${made}`;
      return (await verifyByKey(image, family, { log: `${images.folder}/log`, now: () => undefined })).code;
    };
    asking("theirs.pub");
    await refused(/refuses .*missing dev.sigstore.cosign\/bundle annotation/, "two");
    expect(await cosign("theirs.pub")).not.toBe(0);
    await images.log("os-two", made, "log");
    await refused(/refuses .*verification of Rekor SET failed/, "two");
    asking("log.pub");
    expect(await cosign("log.pub")).toBe(0);
    expect(await cosign("theirs.pub")).not.toBe(0);
    expect(await run("amd64", "two")).toMatchObject({ code: 0, stdout: `${reference}: staged\n` });
  });

  test("no registries.d says where signatures lie", async () => {
    host.remove("etc/containers/registries.d");
    host.write("etc/containers/registries.d/other.yaml", "docker: {}\n");
    await refused(/A signature was required.*\n.*\n.*\n.*use-sigstore-attachments/);
  });

  test("anything goes: bootc would not enforce it", async () => {
    host.write("etc/containers/policy.json", '{"default":[{"type":"insecureAcceptAnything"}]}');
    await refused(/policy accepts anything, so bootc would not enforce it/);
  });

  test("no policy at all", async () => {
    host.remove("etc/containers/policy.json");
    await refused(/has no policy.json/);
  });

  test("a broken policy", async () => {
    host.write("etc/containers/policy.json", "{");
    await refused(/etc\/containers\/policy.json: no JSON/);
  });

  test("a hole in the policy is reported", async () => {
    const any = [{ type: "insecureAcceptAnything" }];
    const policy = { default: [{ type: "reject" }], transports: { docker: { [images.registry.host]: any } } };
    host.write("etc/containers/policy.json", JSON.stringify(policy));
    const { code, stderr } = await switched();
    expect(code).toBe(0);
    expect(stderr).toContain(`asks no signature of ${images.registry.host}: anybody's image would do`);
  });

  test("an index of images: bootc may name the image of this machine", async () => {
    const any = [{ type: "insecureAcceptAnything" }];
    const policy = { default: [{ type: "reject" }], transports: { docker: { [images.registry.host]: any } } };
    host.write("etc/containers/policy.json", JSON.stringify(policy));
    const inside = await images.push("os-two", "inside");
    const outside = await images.index("os-two", "amd64", inside);
    host.fetches({ [`${images.namespace}/os-two:amd64`]: inside });
    expect(await run("amd64", "two")).toMatchObject({
      code: 0,
      stderr: expect.stringContaining(`os-two:amd64 is ${outside}`),
    });
    expect(host.read("etc/slipway/guard/settings")).toContain(`expect ${inside}\n`);
  });
});

describe("the policy that images get, as skopeo and podman read it", () => {
  const policyOf = (...openRegistries: string[]) => {
    const family = { registry: "ghcr.io/acme", prefix: "os", openRegistries } as Family;
    return images.file("shipped.json", JSON.stringify(policyJson(family)));
  };
  const pull = async (policy: string) => {
    const made = await images.push("os-two", "open");
    const to = `dir:${project.root}/${made.slice(7, 19)}`;
    return images
      .skopeo("--policy", policy, "copy", "--src-tls-verify=false", `docker://${images.namespace}/os-two:open`, to)
      .then(() => "pulled", String);
  };

  test("a registry on the machine is open by its port, and no other one is", async () => {
    expect(await pull(policyOf(images.registry.host))).toBe("pulled");
    for (const other of [images.registry.host.replace(/:\d+$/, ""), "localhost:5000"])
      expect(await pull(policyOf(other))).toContain("rejected by policy");
  });
});

describe("a signed image that is not the one which belongs there", () => {
  const day = 24 * 3600_000;
  const iso = (ago: number) => `${new Date(Date.now() - ago * day).toISOString().slice(0, 19)}Z`;
  const signed = async (ago: number, arch = "amd64") => {
    const made = await images.push("os-two", "amd64", {
      "org.slipway.reference": `${images.namespace}/os-two:${arch}`,
      "org.slipway.refresh": iso(ago).replaceAll(/[-:]/g, ""),
      "org.slipway.stale-after": "28d",
      "org.opencontainers.image.created": iso(ago),
    });
    await images.sign("os-two", made);
    host.fetches({ [`${images.namespace}/os-two:amd64`]: made });
    return made;
  };
  const two = (...more: string[]) => run("amd64", "two", ...more);
  const booted = (ago: number) =>
    host.says(status({ booted: entry(`${images.namespace}/os-two:amd64`, digestOf("e"), { timestamp: iso(ago) }) }));

  test.each<[string, () => Promise<unknown>, RegExp]>([
    ["older", async () => [booted(1), await signed(2)], /os-two:amd64 is older than what is booted/],
    ["stale", () => signed(29), /os-two:amd64 was not refreshed for 29 days/],
    ["other", () => signed(0, "v4"), /os-two:amd64 is another image: \S+os-two:v4/],
  ])("%s", async (name, make, message) => {
    await make();
    const { code, stdout, stderr } = await two("--force");
    expect([code, stdout, ...host.calls, armed()]).toEqual([1, "", false]);
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(new RegExp(`found: .*\\n.*expected: .*\\n {2}next: .*--allow-${name} takes it`));
    expect(await two(`--allow-${name}`)).toMatchObject({ code: 0, stdout: expect.stringContaining(": staged\n") });
  });

  test("from another image there is nothing to compare with: said, in JSON too", async () => {
    await signed(1);
    const { code, stdout, stderr } = await two("--json");
    expect(code).toBe(0);
    const unchecked = ["whether it is older than before: there is nothing to compare it with"];
    expect(JSON.parse(stdout).trust).toMatchObject({ signed: true, unchecked });
    expect(stderr).toContain(`not checked: ${unchecked}`);
  });
});

describe("what goes wrong", () => {
  test("a tag that the registry does not have", async () => {
    const { code, stderr } = await run("amd64", "absent");
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /os-absent:amd64 could not be read from its registry\n.*manifest unknown.*\n {2}next: the registry has no such image: check the name/,
    );
    expect(host.calls).toEqual([]);
  });

  test("a registry that does not answer", async () => {
    const conf = images.file(
      "blocked.conf",
      `[[registry]]\nprefix = "${images.registry.host}"\nlocation = "127.0.0.1:1"\n`,
    );
    const argv = [process.execPath, join(checkout, "scripts/switch.ts"), "amd64", "one"];
    const { code, stderr } = await exec(argv, { ...project.env, ...host.env, CONTAINERS_REGISTRIES_CONF: conf });
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /could not be read from its registry\n.*connection refused\n {2}next: the registry does not answer: check the name/,
    );
    expect(host.calls).toEqual([]);
  });

  test("the tag moves between the verdict and bootc: told, and no guard is left", async () => {
    host.fetches({ [image]: digestOf("f") });
    const { code, stderr } = await switched();
    expect(code).toBe(1);
    expect(stderr).toContain("bootc staged something else than what was judged");
    expect(armed()).toBe(false);
    const again = await switched();
    expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining("something else is staged already") });
  });

  test("bootc fails: its words, nothing left; then it works", async () => {
    host.write("bootc/fail", "Pulling: Importing: No space left on device\n");
    const { code, stderr } = await switched();
    expect(code).toBe(1);
    expect(stderr).toContain("No space left on device");
    expect(armed()).toBe(false);
    host.remove("bootc/fail");
    expect(await switched()).toMatchObject({ code: 0 });
  });

  test.each([
    ["before bootc has staged", '[ "$1" = switch ] && { kill -9 $PPID; exit 1; }', "staged"],
    ["after bootc has staged", '[ "$1" = switch ] && { "$0.real" "$@"; kill -9 $PPID; exit 1; }', "staged already"],
  ])("killed %s, and run again", async (_, trap, state) => {
    const body = host.body("bootc");
    host.program("bootc.real", body).program("bootc", `${trap}; ${body}`);
    expect((await switched()).code).not.toBe(0);
    host.program("bootc", body);
    expect(await switched()).toMatchObject({ code: 0, stdout: `${image}: ${state}\n` });
    expect(armed()).toBe(true);
    expect(host.host.status.staged?.image.imageDigest).toBe(digest);
  });

  test("tried and rolled back: not again, but by force", async () => {
    await switched("--health", "false");
    host.reboot();
    await host.guard("check");
    host.reboot("third-boot");
    await host.guard("check");
    const { code, stderr } = await switched();
    expect(code).toBe(1);
    expect(stderr).toContain("the last switch, to ");
    expect(stderr).toContain("tried on this machine and rolled back: the health command failed: false");
    expect(await switched("--force")).toMatchObject({ code: 0, stdout: `${image}: staged\n` });
  });

  const machines: [string, () => void, number, RegExp][] = [
    ["no bootc host", () => host.says(status({})), 3, /it is no bootc host/],
    [
      "bootc that fails",
      () => host.write("bootc/broken", ""),
      1,
      /bootc status does not answer\n.*Initializing storage/,
    ],
    ["no JSON", () => host.write("bootc/host.json", "Staged image: none\n"), 1, /did not answer with JSON/],
    [
      "layered packages",
      () => host.says(status({ booted: entry(old, digestOf("a"), { incompatible: true }) })),
      1,
      /rpm-ostree reset/,
    ],
    [
      "something staged",
      () => host.says(status({ booted: entry(old, digestOf("a")), staged: entry(old, digestOf("b")) })),
      1,
      /something else is staged already.*os-old/,
    ],
  ];
  test.each(machines)("%s", async (_, make, code, message) => {
    make();
    expect(await switched()).toMatchObject({ code, stdout: "", stderr: expect.stringMatching(message) });
    expect([...host.calls, armed()]).toEqual([false]);
  });

  test("something staged is replaced by force", async () => {
    host.says(status({ booted: entry(old, digestOf("a")), staged: entry(old, digestOf("b")) }));
    expect(await switched("--force")).toMatchObject({ code: 0, stdout: `${image}: staged\n` });
  });

  test("no bootc", async () => {
    host.remove("bin/bootc");
    expect(await switched()).toMatchObject({ code: 3, stderr: expect.stringContaining("this machine has no bootc") });
  });

  test("a CPU that cannot run it", async () => {
    expect(await run("future", "one")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("this CPU cannot run future: it lacks quantum"),
    });
  });

  test.each([
    [["amd64", "on"], "did you mean `one`?"],
    [["amd64"], "no flavor given for amd64"],
    [["amd64", "all"], "this command takes one flavor, not several"],
    [["amd64", "one", "two"], "unexpected word `two`"],
  ])("%p", async (words, said) => {
    expect(await run(...words)).toMatchObject({ code: 2, stderr: expect.stringContaining(said) });
  });
});

describe("--local", () => {
  const local = "allowed";
  const policy = (type: string) =>
    JSON.stringify({ default: [{ type: "reject" }], transports: { "containers-storage": { "": [{ type }] } } });

  test("podman's own image, by the transport of its storage", async () => {
    host.write("etc/containers/policy.json", policy("insecureAcceptAnything"));
    const context = project.root;
    project.write("Local", `FROM scratch\nLABEL x=${local}\nCOPY acme.pub /\n`);
    await project.podman("build", "--quiet", "--tag", image, "--file", join(context, "Local"), context);
    const { stdout } = await project.podman("image", "inspect", "--format", "{{.Digest}}", image);
    host.fetches({ [image]: stdout.trim() });
    const { code, stderr } = await switched("--local");
    expect({ code, stderr }).toMatchObject({
      code: 0,
      stderr: expect.stringContaining("a local image has no signature"),
    });
    expect(host.calls).toEqual([`bootc switch --transport containers-storage ${image}`]);
    expect(await switched("--local")).toMatchObject({ code: 0, stdout: `${image}: staged already\n` });

    host.write("etc/containers/policy.json", policy("reject"));
    expect(await switched("--local")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("refuses images from podman's storage"),
    });
    await project.podman("rmi", "--force", image);
  });

  const two = () => `${images.namespace}/os-two:amd64`;
  const built = async (created: string) => {
    project.write("Local", `FROM scratch\nLABEL org.opencontainers.image.created=${created}\nCOPY acme.pub /\n`);
    await project.podman("build", "--quiet", "--tag", two(), "--file", join(project.root, "Local"), project.root);
  };
  const published = async (created: string) => {
    const made = await images.push("os-two", "amd64", { "org.opencontainers.image.created": created });
    await images.sign("os-two", made);
    host.fetches({ [two()]: made });
  };

  test.each([
    ["newer than the registry's: said in one line, with the command", "2026-11-03T08:00:00Z", 1],
    ["older: nothing is said", "2026-11-01T08:00:00Z", 0],
  ])("without it, a local image that is %s", async (_, created, lines) => {
    await published("2026-11-02T08:00:00Z");
    await built(created);
    const { code, stdout, stderr } = await run("amd64", "two");
    await project.podman("rmi", "--force", two());
    expect([code, stdout]).toEqual([0, `${two()}: staged\n`]);
    expect(stderr.split("\n").filter((line) => line.includes("--local"))).toHaveLength(lines);
    if (lines)
      expect(stderr).toContain(
        `– podman's storage has a newer ${two()}, made 2026-11-03 08:00 UTC; the registry's was made 2026-11-02 08:00 UTC. ` +
          "To take that one: bun run switch amd64 two --local\n",
      );
  });

  test("without it, where the registry has no such image: the local one is named", async () => {
    const absent = `${images.namespace}/os-absent:amd64`;
    await built("2026-11-03T08:00:00Z");
    await project.podman("tag", two(), absent);
    const { code, stderr } = await run("amd64", "absent");
    await project.podman("rmi", "--force", two(), absent);
    expect(code).toBe(1);
    expect(stderr).toContain(
      `podman's storage has ${absent}, which the registry does not have. To take that one: bun run`,
    );
  });

  test("an image that is not there", async () => {
    expect(await run("amd64", "three", "--local")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("podman's storage has no"),
    });
  });
});
