// needs: registry tools tiny
// reaches: build keys push sign verify rechunk lint
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Acme, password } from "../support/acme.ts";
import { useTools } from "../support/host-tools.ts";
import { newCosign, podmanSettings, Registry } from "../support/registry.ts";
import { checkout, exec, type Said, testStorage } from "../support/sandbox.ts";
import { keys as press, Terminal } from "../support/terminal.ts";

// Keys, push, sign and verify with real podman, skopeo and cosign, against a real registry that answers as ghcr.io.
// The tests of this file follow each other: what one pushed, the next one signs.
setDefaultTimeout(180_000);

const acme = new Acme();
const unlocked = { COSIGN_PASSWORD: password };
let registry: Registry;

beforeAll(async () => {
  useTools();
  await acme.prepare();
  registry = await Registry.start();
}, 900_000);

afterAll(async () => {
  await acme.removeImages("ghcr.io/acme/");
  acme.remove();
  await registry?.stop();
});

const run = (env: Record<string, string>, ...words: string[]) => {
  const [name = "", ...args] = words;
  return registry.slipway(acme, env, name, ...args);
};

async function must(said: Promise<Said>): Promise<Said> {
  const outcome = await said;
  if (outcome.code !== 0) throw new Error(outcome.stderr + registry.log.slice(-2000));
  return outcome;
}

const targets = ({ stdout }: Said) => JSON.parse(stdout).targets;
const path = (name: string) => join(acme.root, name);
const pushedFile = (flavor: string) => path(`.slipway/state/pushed/ghcr.io+acme+os-${flavor}@amd64.json`);
const pushed = (flavor: string) => JSON.parse(readFileSync(pushedFile(flavor), "utf8"));

interface Manifest {
  config: { digest: string };
  layers: { digest: string; mediaType: string; annotations?: Record<string, string> }[];
  annotations?: Record<string, string>;
}

const manifest = (digest: string): Manifest => JSON.parse(readFileSync(registry.blob(digest), "utf8"));

describe("keys", () => {
  test("without a terminal a password must come on stdin", async () => {
    const { code, stderr } = await acme.slipway("keys");
    expect([code, existsSync(path("cosign.key"))]).toEqual([2, false]);
    expect(stderr).toContain("--stdin");
  });

  test("a private key that git would take is not made", async () => {
    const text = readFileSync(path(".gitignore"), "utf8");
    acme.write(".gitignore", "node_modules/\n");
    const { code, stderr } = await acme.keys();
    expect([code, existsSync(path("cosign.key"))]).toEqual([1, false]);
    expect(stderr).toContain("add the line cosign.key to .gitignore");
    await exec(["git", "-C", acme.root, "init", "--quiet"]);
    expect((await acme.keys()).code).toBe(1);
    acme.write(".gitignore", text);
    rmSync(path(".git"), { recursive: true });
  });

  test("in a terminal the password is asked twice, and typed blindly", async () => {
    const terminal = new Terminal([process.execPath, join(checkout, "scripts/keys.ts")], {
      ...acme.env,
      CI: undefined,
    });
    try {
      for (const [question, answer] of [
        ["Password for the new", "first-secret"],
        ["Once more", "second-secret"],
        ["Password for the new", password],
        ["Once more", password],
      ] as const) {
        await terminal.see(question);
        terminal.press(answer, press.enter);
      }
      expect(await terminal.end()).toBe(0);
      expect(terminal.text).toContain("two different passwords");
      for (const word of ["first-secret", password]) expect(terminal.raw).not.toContain(word);
    } finally {
      await terminal.close();
    }
    expect(readFileSync(path("acme.pub"), "utf8")).toStartWith("-----BEGIN PUBLIC KEY-----");
    expect(readFileSync(path("cosign.key"), "utf8")).toStartWith("-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----");
    expect(statSync(path("cosign.key")).mode & 0o777).toBe(0o600);
  });

  test("what is there is not overwritten", async () => {
    const before = readFileSync(path("cosign.key"), "utf8");
    const both = await acme.keys();
    expect(both.code).toBe(1);
    expect(both.stderr).toContain("acme.pub and cosign.key are there already");
    renameSync(path("cosign.key"), path("away.key"));
    expect((await acme.keys()).stderr).toContain("acme.pub is there already");
    expect(existsSync(path("cosign.key"))).toBe(false);
    renameSync(path("away.key"), path("cosign.key"));
    expect(readFileSync(path("cosign.key"), "utf8")).toBe(before);
  });
});

describe("push", () => {
  test("nothing is signed that was not pushed", async () => {
    const { code, stderr } = await run(unlocked, "sign", "amd64", "one");
    expect(code).toBe(1);
    expect(stderr).toContain("was not pushed from here");
  });

  test.each<[string, (pem: string) => string]>([
    ["CRLF", (pem) => pem.replaceAll("\n", "\r\n")],
    ["one line", (pem) => pem.replaceAll("\n", " ")],
    ["literal \\n, in quotes", (pem) => JSON.stringify(pem)],
    ["indented", (pem) => pem.replaceAll(/^/gm, "    ")],
    ["base64", (pem) => btoa(pem)],
  ])("a key that a secret store mangled signs all the same: %s", async (_, mangle) => {
    const env = {
      COSIGN_PRIVATE_KEY: mangle(readFileSync(path("cosign.key"), "utf8")),
      COSIGN_PASSWORD: `${password}\r\n`,
    };
    const { code, stderr } = await run(env, "sign", "amd64", "one");
    expect([code, stderr]).toEqual([1, expect.stringContaining("was not pushed from here")]);
  });

  test.each<[string, Record<string, string>, () => void, () => void, string]>([
    [
      "a wrong password",
      { COSIGN_PASSWORD: "wrong-password" },
      () => undefined,
      () => undefined,
      "does not open cosign.key",
    ],
    [
      "a key that others can read",
      unlocked,
      () => chmodSync(path("cosign.key"), 0o640),
      () => chmodSync(path("cosign.key"), 0o600),
      "can be read by others (mode 640)",
    ],
    [
      "what is no key",
      { COSIGN_PRIVATE_KEY: "-----BEGIN PRIVATE KEY-----\nabcdefghijkl\n" },
      () => undefined,
      () => undefined,
      "COSIGN_PRIVATE_KEY is not a private key that cosign made",
    ],
  ])("%s is reported before anything is pushed", async (_, env, before, after, words) => {
    await acme.mustBuild("one", "two");
    before();
    const [push, sign] = [await run(env, "push", "amd64", "one"), await run(env, "sign", "amd64", "one")];
    after();
    for (const { code, stderr } of [push, sign]) {
      expect(code).toBe(1);
      expect(stderr).toContain(words);
      expect(stderr).not.toContain("wrong-password");
      expect(stderr).not.toContain("abcdefghijkl");
    }
    expect(registry.tags("acme/os-one")).toEqual({});
  });

  test("a key of another pair is reported before anything is pushed", async () => {
    const other = new Acme();
    expect((await other.keys()).code).toBe(0);
    const env = { ...unlocked, COSIGN_PRIVATE_KEY: readFileSync(join(other.root, "cosign.key"), "utf8") };
    other.remove();
    for (const name of ["push", "sign"]) {
      const { code, stderr } = await run(env, name, "amd64", "one");
      expect([name, code]).toEqual([name, 1]);
      expect(stderr).toContain("COSIGN_PRIVATE_KEY does not belong to acme.pub");
    }
    expect(registry.tags("acme/os-one")).toEqual({});
  });

  test("no key: sign ends with 3, push says so and goes on", async () => {
    renameSync(path("cosign.key"), path("away.key"));
    const sign = await run({}, "sign", "amd64", "one");
    const push = await run({}, "push", "amd64", "one");
    renameSync(path("away.key"), path("cosign.key"));
    expect(sign.code).toBe(3);
    expect(sign.stderr).toContain("there is no private key to sign with");
    expect(push.code).toBe(0);
    expect(push.stderr.indexOf("there is no private key here")).toBeGreaterThan(-1);
    expect(push.stderr.indexOf("there is no private key here")).toBeLessThan(push.stderr.indexOf("push ghcr.io"));
  });

  test("all tags stand for one digest, which is remembered; the layers are zstd:chunked, nothing is lost", async () => {
    const [said] = targets(await must(run(unlocked, "push", "amd64", "one", "--force", "--json")));
    const tags = registry.tags("acme/os-one");
    const [dated = ""] = Object.keys(tags).filter((tag) => /^amd64-\d{8}$/.test(tag));
    expect(tags).toEqual({ amd64: said.digest, latest: said.digest, [dated]: said.digest });
    expect(pushed("one")).toMatchObject({
      repository: "ghcr.io/acme/os-one",
      digest: said.digest,
      tags: ["amd64", "latest", dated],
    });
    const { layers, annotations, config } = manifest(said.digest);
    expect(said).toMatchObject({ state: "pushed", layers: layers.length, image: config.digest });
    for (const layer of layers) {
      expect(layer.mediaType).toBe("application/vnd.oci.image.layer.v1.tar+zstd");
      expect(Object.keys(layer.annotations ?? {})).toContain("io.github.containers.zstd-chunked.manifest-checksum");
    }
    const { stdout } = await acme.podman("image", "inspect", "--format", "{{json .Annotations}}", said.reference);
    expect(annotations).toEqual(JSON.parse(stdout));
  });

  test("what the registry has is not sent again", async () => {
    expect(targets(await must(run(unlocked, "push", "amd64", "one", "--json")))[0].state).toBe("there already");
  });

  test("a dry run shows podman and skopeo, and touches nothing", async () => {
    const before = registry.tags("acme/os-two");
    const { stdout } = await must(run({}, "push", "amd64", "two", "--dry-run"));
    expect(stdout).toContain("podman push --remove-signatures ghcr.io/acme/os-two:amd64 dir:plain");
    expect(stdout).toMatch(
      /skopeo .*--dest-compress-format zstd:chunked --dest-compress-level 3 dir:plain oci:packed\n/,
    );
    expect(stdout).toMatch(/skopeo .*--preserve-digests .* oci:packed docker:\/\/ghcr\.io\/acme\/os-two:amd64-\d{8}\n/);
    expect(registry.tags("acme/os-two")).toEqual(before);
    await must(run({}, "push", "amd64", "two"));
  });
});

describe("sign and verify", () => {
  test("what is not signed is not verified, and refused by its own policy", async () => {
    const said = await run({}, "verify", "amd64", "--json");
    expect(said.code).toBe(1);
    for (const target of targets(said)) {
      expect(target.state).toBe("refused");
      expect(target.checks.map((c: { state: string }) => c.state)).toEqual([
        "good",
        "good",
        "bad",
        "bad",
        "good",
        "good",
      ]);
    }
  });

  test("a dry run of sign shows cosign, and no secret", async () => {
    const { stdout } = await must(run(unlocked, "sign", "amd64", "one", "--dry-run"));
    expect(stdout).toContain(`cosign sign --yes --key env://COSIGN_PRIVATE_KEY --tlog-upload=false`);
    expect(stdout).toContain(`ghcr.io/acme/os-one@${pushed("one").digest}`);
  });

  test("doctor names published images that their machines cannot read", async () => {
    const plain = readFileSync(path("flavors/one.yaml"), "utf8");
    acme.write("flavors/one.yaml", `${plain}install: {composefs: true}\n`);
    const { stdout } = await run({}, "doctor", "--json");
    acme.write("flavors/one.yaml", plain);
    expect(JSON.parse(stdout)).toMatchObject({
      good: false,
      unreadable: [
        {
          image: "ghcr.io/acme/os-one:amd64",
          because: expect.stringContaining("zstd:chunked"),
          fix: "bun run push amd64 one",
        },
      ],
    });
  });

  test("a signature in cosign 3's own form is none for machines, and verify says so", async () => {
    const cosign = join(await newCosign(path("newer")), "cosign");
    const image = `ghcr.io/acme/os-two@${pushed("two").digest}`;
    const words = ["sign", "--yes", "--key", "cosign.key", "--use-signing-config=false", "--tlog-upload=false", image];
    const signed = await exec(registry.within([cosign, ...words]), { ...acme.env, ...unlocked }, acme.root);
    expect([signed.code, signed.stderr]).toEqual([0, expect.anything()]);
    const [target] = targets(await run({}, "verify", "amd64", "two", "--json"));
    expect(target.state).toBe("refused");
    const { said } = target.checks.find((check: { name: string }) => check.name === "policy");
    expect(said).toMatch(/^refused: A signature was required, .*; cosign 3 signed it in its own form/);
  });

  test("cosign 2.5 of the toolbox and cosign 3 of the machine sign what the other one and containers/image accept", async () => {
    const newer = await newCosign(path("newer"));
    const withNew = { ...unlocked, PATH: `${newer}:${process.env.PATH}` };
    const two = await must(run(unlocked, "sign", "amd64", "one", "--json"));
    const three = await must(run(withNew, "sign", "amd64", "two", "--json"));
    expect(targets(two)[0]).toMatchObject({ state: "signed", image: `ghcr.io/acme/os-one@${pushed("one").digest}` });
    expect(targets(three)[0]).toMatchObject({ state: "signed" });
    for (const flavor of ["one", "two"])
      expect(Object.keys(registry.tags(`acme/os-${flavor}`))).toContain(
        `${pushed(flavor).digest.replace(":", "-")}.sig`,
      );
    for (const env of [{}, { PATH: withNew.PATH }]) {
      const said = await must(run(env, "verify", "amd64", "--json"));
      expect(targets(said).map((t: { state: string }) => t.state)).toEqual(["verified", "verified"]);
    }
  });

  test("verify prints one line a target", async () => {
    const { stdout } = await must(run({}, "verify", "amd64"));
    expect(stdout.split("\n").filter((line) => /os-(one|two):amd64 +sha256:\w+( +✓){6}$/.test(line))).toHaveLength(2);
  });

  test("what is signed is not signed again", async () => {
    const signature = registry.tags("acme/os-one")[`${pushed("one").digest.replace(":", "-")}.sig`];
    expect(targets(await must(run(unlocked, "sign", "amd64", "one", "--json")))[0].state).toBe("signed already");
    expect(registry.tags("acme/os-one")[`${pushed("one").digest.replace(":", "-")}.sig`]).toBe(signature ?? "none");
  });

  test("podman pulls it under the shipped policy, and refuses an unsigned copy", async () => {
    const trust = join(acme.root, "trust");
    for (const place of [
      "/etc/containers/policy.json",
      "/etc/containers/registries.d/os.yaml",
      "/etc/pki/containers/os.pub",
    ]) {
      const { stdout } = await acme.podman("run", "--rm", "--network=none", "ghcr.io/acme/os-one:amd64", "cat", place);
      acme.write(`trust${place}`, stdout);
    }
    const inside = [
      `cp -a ${trust}/etc/. /etc/`,
      `echo '{"default":[{"type":"insecureAcceptAnything"}]}' >/open`,
      "skopeo --policy /open copy --quiet --remove-signatures docker://ghcr.io/acme/os-two:amd64 docker://ghcr.io/acme/os-one:copy",
      "p() { podman --root /var/tmp/p --runroot /run/p --storage-driver vfs pull --quiet ghcr.io/acme/os-one:$1 2>&1; }",
      "p amd64 && echo accepted; p copy || echo refused",
    ].join("\n");
    const { stdout } = await registry.tool("sh", "-c", inside);
    expect(stdout).toContain("accepted");
    expect(stdout).toContain("A signature was required, but no signature exists");
    expect(stdout.trim()).toEndWith("refused");
  });

  test("an image whose policy has a hole is not verified: an unsigned tag would get in", async () => {
    acme.write("flavors/hole.yaml", "title: hole\nrecipe: above\nfrom: one\narches: [amd64]\n");
    acme.write(
      "containerfiles/above.Containerfile",
      "# @base\nFROM ${BASE} AS overlay\n# @overlay\nFROM ${BASE}\nCOPY --from=overlay /overlay/ /\n# @files\n",
    );
    acme.write("overlays/hole/etc/containers/policy.json", '{"default":[{"type":"insecureAcceptAnything"}]}\n');
    await acme.mustBuild("hole");
    await must(run(unlocked, "push", "amd64", "hole"));
    await must(run(unlocked, "sign", "amd64", "hole"));
    const said = await run({}, "verify", "amd64", "hole", "--json");
    expect(said.code).toBe(1);
    const bad = targets(said)[0].checks.filter((c: { state: string }) => c.state === "bad");
    expect(bad).toMatchObject([{ name: "unsigned", said: expect.stringContaining("accepts it") }]);
  });

  test("an image that lacks the key which its policy names is not verified", async () => {
    const policy = {
      default: [{ type: "reject" }],
      transports: { docker: { "ghcr.io/acme": [{ type: "sigstoreSigned", keyPath: "/etc/pki/containers/lost.pub" }] } },
    };
    acme.write("overlays/hole/etc/containers/policy.json", JSON.stringify(policy));
    await acme.mustBuild("hole");
    await must(run(unlocked, "push", "amd64", "hole"));
    await must(run(unlocked, "sign", "amd64", "hole"));
    const { findings } = JSON.parse((await run({}, "lint", "amd64", "hole", "--json")).stdout);
    expect(findings.filter((f: { check: string }) => f.check === "trust")).toMatchObject([
      { severity: "error", message: expect.stringContaining("/etc/pki/containers/lost.pub") },
    ]);
    const { code, stderr } = await run({}, "verify", "amd64", "hole");
    expect(code).toBe(1);
    expect(stderr).toContain("lacks a key that its /etc/containers/policy.json names: /etc/pki/containers/lost.pub");
    for (const file of ["flavors/hole.yaml", "containerfiles/above.Containerfile", "overlays/hole"])
      rmSync(path(file), { recursive: true });
  });

  test("a tag that was moved after the push gets no signature", async () => {
    acme.write("overlays/two/etc/flavor", "two, changed\n");
    await acme.mustBuild("two");
    await must(run(unlocked, "push", "amd64", "two"));
    const before = Object.keys(registry.tags("acme/os-two"));
    const other = "docker://ghcr.io/acme/os-two:amd64";
    const open = '{"default":[{"type":"insecureAcceptAnything"}]}';
    await must(
      registry.tool(
        "sh",
        "-c",
        `echo '${open}' >/p; skopeo --policy /p copy --quiet docker://ghcr.io/acme/os-one:amd64-$(date -u +%Y%m%d) ${other}`,
      ),
    );
    const { code, stderr } = await run(unlocked, "sign", "amd64", "two");
    expect(code).toBe(1);
    expect(stderr).toContain("a tag of ghcr.io/acme/os-two was moved since the push; nothing was signed");
    expect(Object.keys(registry.tags("acme/os-two"))).toEqual(before);
    await must(run(unlocked, "push", "amd64", "two"));
    await must(run(unlocked, "sign", "amd64", "two"));
  });
});

describe("what was tampered with in the registry is reported", () => {
  const spoilt = async (
    digest: string,
    spoil: (bytes: Buffer) => Buffer | string,
  ): Promise<{ code: number; told: string }> => {
    const file = registry.blob(digest);
    const whole = readFileSync(file);
    writeFileSync(file, spoil(Buffer.from(whole)));
    const { code, stderr } = await run({}, "verify", "amd64", "one");
    writeFileSync(file, whole);
    return { code, told: stderr };
  };
  const flip = (bytes: Buffer) => {
    const at = Math.floor(bytes.length / 2);
    bytes[at] = (bytes[at] ?? 0) ^ 0xff;
    return bytes;
  };

  test("a layer", async () => {
    const { layers } = manifest(pushed("one").digest);
    const { code, told } = await spoilt(layers[2]?.digest ?? "", flip);
    expect(code).toBe(1);
    expect(told).toContain(`layer 3 of ${layers.length} (${layers[2]?.digest}) was tampered with`);
  });

  test("a layer that was cut off", async () => {
    const { layers } = manifest(pushed("one").digest);
    const { code, told } = await spoilt(layers[0]?.digest ?? "", (bytes) => bytes.subarray(0, 1000));
    expect(code).toBe(1);
    expect(told).toContain(`layer 1 of ${layers.length} (${layers[0]?.digest})`);
  });

  test("the configuration", async () => {
    const { config } = manifest(pushed("one").digest);
    const { code, told } = await spoilt(config.digest, flip);
    expect(code).toBe(1);
    expect(told).toContain(`the configuration ${config.digest} was tampered with`);
  });

  test("the manifest", async () => {
    const { digest } = pushed("one");
    const { code, told } = await spoilt(digest, (bytes) => bytes.toString().replace("Acme one", "Acme two"));
    expect(code).toBe(1);
    expect(told).toContain("the manifest was tampered with");
    expect(told).toContain(`pushed was ${digest}`);
  });

  test("the signature", async () => {
    const tag = `${pushed("one").digest.replace(":", "-")}.sig`;
    const [payload] = manifest(registry.tags("acme/os-one")[tag] ?? "").layers;
    const { code, told } = await spoilt(payload?.digest ?? "", flip);
    expect(code).toBe(1);
    expect(told).toMatch(/cosign: /);
    expect(told).toMatch(/policy: /);
  });

  test("and fixed, it is verified again", async () => {
    await must(run({}, "verify", "amd64", "one"));
  });
});

test("a registry that shows an older image, or another target's", async () => {
  const older = pushed("one").digest;
  acme.write("overlays/one/etc/flavor", "one, newer\n");
  await acme.mustBuild("one");
  await must(run(unlocked, "push", "amd64", "one"));
  await must(run(unlocked, "sign", "amd64", "one"));
  const newer = pushed("one").digest;
  const checksWhen = async (shown: string) => {
    const open = '{"default":[{"type":"insecureAcceptAnything"}]}';
    const words = `--all --quiet --remove-signatures --preserve-digests docker://ghcr.io/acme/${shown} docker://ghcr.io/acme/os-one:amd64`;
    await must(registry.tool("sh", "-c", `echo '${open}' >/p; skopeo --policy /p copy ${words}`));
    const said = await run({}, "verify", "amd64", "one", "--json");
    return { code: said.code, check: targets(said)[0].checks.find((c: { name: string }) => c.name === "current") };
  };
  const rollback = await checksWhen(`os-one@${older}`);
  expect(rollback).toMatchObject({ code: 1, check: { state: "bad" } });
  expect(rollback.check.said).toContain(`the tag has an older image: found ${older}`);
  expect(rollback.check.said).toContain(`expected ${newer}`);
  const mixed = await checksWhen("os-two:amd64");
  expect(mixed).toMatchObject({ code: 1, check: { state: "bad" } });
  expect(mixed.check.said).toContain("ghcr.io/acme/os-one:amd64 is another image: ghcr.io/acme/os-two:amd64");
  expect(await checksWhen(`os-one@${newer}`)).toMatchObject({ code: 0, check: { state: "good" } });
});

describe("what arrives is compared", () => {
  /** A skopeo of the machine that loses an annotation in what it reads back, as often as is said. */
  async function losing(times: number): Promise<Record<string, string>> {
    const bin = path("bin");
    const image = registry.image;
    acme.write("bin/left", `${times}\n`);
    acme.write(
      "bin/skopeo",
      `#!/bin/sh
${await podmanSettings()}
case "$*" in *" copy "*:amd64-*) echo sent >>${bin}/sent ;; esac
real() { podman run --rm --network=host --security-opt=label=disable --volume=/tmp:/tmp --volume=/etc/ssl/certs/ca-certificates.crt:/etc/ssl/certs/ca-certificates.crt:ro ${image} skopeo "$@"; }
left=$(cat ${bin}/left)
case "$*" in
*"inspect --raw docker://"*@*) [ "$left" = 0 ] || { echo $((left - 1)) >${bin}/left; real "$@" | sed 's/"org.opencontainers.image.title":"[^"]*",//'; exit; } ;;
esac
real "$@"
`,
    );
    chmodSync(join(bin, "skopeo"), 0o755);
    rmSync(join(bin, "sent"), { force: true });
    return { ...unlocked, PATH: `${bin}:${process.env.PATH}` };
  }
  const sent = () => readFileSync(path("bin/sent"), "utf8").trim().split("\n").length;

  test("it is sent again if it differs", async () => {
    const env = await losing(1);
    await must(run(env, "push", "amd64", "one", "--force"));
    expect(sent()).toBe(2);
  });

  test("if it differs twice, the machines' tag stays and nothing can be signed", async () => {
    acme.write("overlays/one/etc/flavor", "one, changed\n");
    await acme.mustBuild("one");
    const before = registry.tags("acme/os-one").amd64;
    const { code, stderr } = await run(await losing(2), "push", "amd64", "one");
    expect([code, sent()]).toEqual([1, 2]);
    expect(stderr).toContain("is not what was sent, twice; no other tag was moved");
    expect(stderr).toContain("the annotation org.opencontainers.image.title is missing");
    expect(registry.tags("acme/os-one").amd64).toBe(before ?? "none");
    expect((await run(unlocked, "sign", "amd64", "one")).stderr).toContain("was not pushed from here");
    rmSync(path("bin"), { recursive: true });
  });
});

describe("bad luck", () => {
  const noise = (bytes: number) => randomBytes(bytes).toString("hex");

  test("a registry that cuts the connection in the middle of a layer is tried again", async () => {
    // nothing that the registry has already would be sent
    acme.write("overlays/one/etc/random", noise(1_500_000));
    await acme.mustBuild("one");
    registry.luck = { kind: "cut", after: 500_000, times: 2 };
    await must(run(unlocked, "push", "amd64", "one"));
    expect(registry.luck).toMatchObject({ times: 0 });
    expect(registry.tags("acme/os-one").amd64).toBe(pushed("one").digest);
    registry.luck = { kind: "good" };
    await must(run(unlocked, "sign", "amd64", "one"));
  });

  test("one that always cuts it: one clear end, the tag stays, nothing is signed", async () => {
    acme.write("overlays/one/etc/random", noise(60_000));
    await acme.mustBuild("one");
    const before = registry.tags("acme/os-one");
    registry.luck = { kind: "cut", after: 30_000, times: 1_000 };
    const push = await run(unlocked, "push", "amd64", "one", "--attempts", "2");
    const sign = await run(unlocked, "sign", "amd64", "one", "--attempts", "1");
    registry.luck = { kind: "good" };
    expect([push.code, sign.code]).toEqual([1, 1]);
    expect(push.stderr).toContain("2 times, with growing pauses");
    expect(push.stderr).toMatch(/next: (see that the registry can be reached|the registry does not answer)/);
    expect(registry.tags("acme/os-one")).toEqual(before);
  });

  test("one that is down", async () => {
    registry.luck = { kind: "down" };
    const push = await run(unlocked, "push", "amd64", "one", "--attempts", "2");
    const verify = await run({}, "verify", "amd64", "one");
    registry.luck = { kind: "good" };
    for (const { code, stderr } of [push, verify]) {
      expect(code).toBe(1);
      expect(stderr).toContain("ghcr.io: the registry does not answer");
      expect(stderr).not.toContain("failed verification");
    }
  });

  test("one that is slow is waited for", async () => {
    registry.luck = { kind: "slow", milliseconds: 20 };
    await must(run(unlocked, "push", "amd64", "one"));
    registry.luck = { kind: "good" };
    await must(run(unlocked, "sign", "amd64", "one"));
    await must(run({}, "verify", "amd64", "one"));
  });
});

test("rechunk's folder goes as it is: every layer keeps its digest and its annotations", async () => {
  await must(run(unlocked, "rechunk", "amd64", "one"));
  const folder = path(".slipway/images/os-one-amd64");
  const index = JSON.parse(readFileSync(join(folder, "index.json"), "utf8"));
  const { digest } = index.manifests[0];
  const [said] = targets(await must(run(unlocked, "push", "amd64", "one", "--json")));
  expect(said).toMatchObject({ state: "pushed", digest });
  const annotations = () => manifest(pushed("one").digest).layers.map((l) => l.annotations?.["org.slipway.components"]);
  const before = annotations();
  expect(before).not.toContain(undefined);
  // Without the folder the image comes out of podman's storage, compressed anew: podman drops these annotations on the way.
  rmSync(folder, { recursive: true });
  const [again] = targets(await must(run(unlocked, "push", "amd64", "one", "--force", "--json")));
  expect(again.digest).not.toBe(digest);
  expect(annotations()).toEqual(before);
  for (const { digest: blob } of manifest(again.digest).layers)
    expect(readFileSync(registry.blob(blob)).subarray(0, 4).toString("hex")).toBe("28b52ffd");
  await must(run(unlocked, "sign", "amd64", "one"));
  await must(run({}, "verify", "amd64", "one"));
});

test("a password or a private key is in no command line, no output, no log, no file of ours", async () => {
  const key = readFileSync(path("cosign.key"), "utf8");
  const store = dirname(testStorage().CONTAINERS_STORAGE_CONF ?? "");
  expect(existsSync(join(store, "graph/libpod"))).toBe(true);
  const secrets = [password, ...key.split("\n").filter((line) => line.length > 20 && !line.startsWith("-----"))];
  const seen: string[] = [];
  const look = () => {
    for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
      try {
        seen.push(readFileSync(`/proc/${pid}/cmdline`, "utf8"));
      } catch {
        // it ended meanwhile
      }
    }
  };
  acme.write("overlays/two/etc/flavor", "two, changed again\n");
  await acme.mustBuild("two");
  renameSync(path("cosign.key"), path("away.key"));
  const env = { COSIGN_PRIVATE_KEY: key, COSIGN_PASSWORD: password };
  let ended = false;
  const work = (async () => {
    const said = [await run(env, "push", "amd64", "two"), await run(env, "sign", "amd64", "two")];
    said.push(await run({ ...env, COSIGN_PASSWORD: `${password}x` }, "sign", "amd64", "two"));
    ended = true;
    return said;
  })();
  while (!ended) {
    look();
    await Bun.sleep(20);
  }
  const said = await work;
  renameSync(path("away.key"), path("cosign.key"));
  expect(said.map(({ code }) => code)).toEqual([0, 0, 1]);
  const told = said.flatMap(({ stdout, stderr }) => [stdout, stderr]);
  expect(seen.some((line) => line.includes("cosign"))).toBe(true);
  for (const secret of secrets) {
    expect(seen.some((line) => line.includes(secret))).toBe(false);
    expect(told.some((text) => text.includes(secret))).toBe(false);
    const written = await exec(["grep", "-rlF", "-e", secret, path(".slipway"), registry.folder, join(store, "run")]);
    expect(written.stdout).toBe("");
    const kept = await exec([
      "grep",
      "-rlaF",
      "--include=*.db",
      "--include=*.json",
      "--include=*.sql",
      "-e",
      secret,
      join(store, "graph/libpod"),
      join(store, "graph/overlay-containers"),
    ]);
    expect(kept.stdout).toBe("");
  }
});

test("nothing is left below .slipway/run", () => {
  expect(readdirSync(path(".slipway/run"))).toEqual([]);
});
