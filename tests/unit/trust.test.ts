import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { linkFamily } from "../../lib/family/family.ts";
import { familySchema, flavorFile, flavorSchema } from "../../lib/family/schema.ts";
import { allTargets } from "../../lib/family/target.ts";
import type { Descriptor, Manifest } from "../../lib/oci/manifest.ts";
import { lastWords, RegistryTrouble, troubleOf } from "../../lib/oci/skopeo.ts";
import { listsSignature } from "../../lib/ship/new-form.ts";
import { differences, isCompressed } from "../../lib/ship/push/compare.ts";
import { packWords, withAnnotations } from "../../lib/ship/push/source.ts";
import { dayOf, sendWords, tagsOf, tagWords } from "../../lib/ship/push/words.ts";
import { insist, pauses } from "../../lib/ship/retry.ts";
import { signatureTag } from "../../lib/ship/sign.ts";
import { partOf } from "../../lib/ship/verify-content.ts";
import { Failure } from "../../lib/system/errors.ts";
import { hideFromNow, hideSecrets } from "../../lib/system/secrets.ts";
import { cosignWords, formFlags, signWords, verifyWords } from "../../lib/trust/cosign.ts";
import { findPrivateKey, signingKey } from "../../lib/trust/key.ts";
import { registriesHoles } from "../../lib/trust/registries-lint.ts";
import { readVerdict } from "../../lib/trust/verdict.ts";

import { keyBlock } from "../support/key-block.ts";

const hex = (letter: string) => `sha256:${letter.repeat(64)}`;
const layerType = "application/vnd.oci.image.layer.v1.tar";

const sent: Manifest = {
  schemaVersion: 2,
  config: { mediaType: "application/vnd.oci.image.config.v1+json", digest: hex("c"), size: 10 },
  layers: [
    { mediaType: layerType, digest: hex("1"), size: 100, annotations: { "org.slipway.components": "glibc" } },
    { mediaType: `${layerType}+zstd`, digest: hex("2"), size: 200 },
  ],
  annotations: { "org.slipway.plan": "plan" },
};

const family = linkFamily(
  {
    head: familySchema.parse({
      name: "acme",
      title: "Acme",
      registry: "ghcr.io/acme",
      prefix: "os",
      key: "acme.pub",
      default: { arch: "v3", flavor: "one" },
      arches: { v3: { base: "docker.io/library/debian:trixie" } },
    }),
    flavors: { one: flavorFile(flavorSchema().parse({ title: "One", recipe: "tiny", arches: ["v3"] })) },
  },
  "/nowhere",
);
const [target] = allTargets(family);

describe("what arrived against what was sent", () => {
  const arrived = (change: (copy: Manifest) => void): string[] => {
    const copy = structuredClone(sent);
    // what compressing changes, and nothing more
    const [first] = copy.layers;
    if (first) Object.assign(first, { mediaType: `${layerType}+zstd`, digest: hex("9"), size: 50 });
    if (first?.annotations) first.annotations["io.github.containers.zstd-chunked.manifest-checksum"] = "x";
    change(copy);
    return differences(sent, copy);
  };

  test("compressing a layer is no difference", () => {
    expect(arrived(() => undefined)).toEqual([]);
  });

  test.each<[string, (copy: Manifest) => void, string]>([
    [
      "lost annotations of a layer",
      ({ layers: [a] }) => delete a?.annotations,
      "layer 1 of 2: the annotation org.slipway.components is missing",
    ],
    [
      "another annotation of the image",
      (m) => (m.annotations = { "org.slipway.plan": "old" }),
      "the manifest: the annotation org.slipway.plan is another one",
    ],
    [
      "an annotation too many",
      (m) => (m.annotations = { ...m.annotations, x: "y" }),
      "the manifest: the annotation x was not sent",
    ],
    ["a layer too few", (m) => m.layers.pop(), "1 layers, sent were 2"],
    [
      "another configuration",
      (m) => (m.config.digest = hex("d")),
      `the configuration is ${hex("d")}, sent was ${hex("c")}`,
    ],
    [
      "a compressed layer that is another one",
      ({ layers: [, b] }) => Object.assign(b ?? {}, { digest: hex("7") }),
      `layer 2 of 2 is ${hex("7")}, sent was ${hex("2")}`,
    ],
  ])("%s", (_, change, sentence) => {
    expect(arrived(change)).toEqual([sentence]);
  });

  test("media types of both kinds", () => {
    const type = (mediaType: string) => isCompressed({ mediaType, digest: hex("1"), size: 1 });
    expect(
      [`${layerType}+gzip`, `${layerType}+zstd`, "application/vnd.docker.image.rootfs.diff.tar.gzip"].map(type),
    ).toEqual([true, true, true]);
    expect([layerType, "application/vnd.docker.image.rootfs.diff.tar"].map(type)).toEqual([false, false]);
  });
});

describe("retries", () => {
  const progress = { log: "/dev/null", now: () => undefined };
  const passing = () => new RegistryTrouble("it broke", "read: connection reset by peer");

  test("pauses grow, up to a minute", () => {
    expect(pauses({ attempts: 8, first: 2 })).toEqual([2, 4, 8, 16, 32, 60, 60]);
    expect(pauses({ attempts: 1, first: 2 })).toEqual([]);
  });

  test("what passes is tried again, and the pauses are kept", async () => {
    const waited: number[] = [];
    let left = 2;
    const result = await insist(
      async () => {
        if (left-- > 0) throw passing();
        return "there";
      },
      { attempts: 5, first: 1 },
      progress,
      async (seconds) => void waited.push(seconds),
    );
    expect([result, waited]).toEqual(["there", [1, 2]]);
  });

  test("the end says how often it was tried", async () => {
    const error = await insist(
      async () => Promise.reject(passing()),
      { attempts: 3, first: 1 },
      progress,
      async () => undefined,
    ).catch((e) => e);
    expect(error).toBeInstanceOf(Failure);
    expect(error.lines().join("\n")).toContain("tried: 3 times, with growing pauses");
  });

  test.each([
    "unauthorized: authentication required",
    "x509: certificate signed by unknown authority",
    "no space left on device",
  ])("%s is not tried again", async (said) => {
    let times = 0;
    const work = async () => {
      times++;
      throw new RegistryTrouble("no", said);
    };
    await insist(work, { attempts: 5, first: 1 }, progress, async () => undefined).catch(() => undefined);
    expect(times).toBe(1);
  });

  test.each([
    ["reading manifest amd64 in ghcr.io/a/b: manifest unknown", "absent"],
    ["requested access to the resource is denied", "denied"],
    ["received unexpected HTTP status: 503 Service Unavailable", "passing"],
    ["dial tcp 127.0.0.1:443: connect: connection refused", "passing"],
    ["write /x: no space left on device", "space"],
    ["crun: setrlimit: Operation not permitted: OCI permission denied", "mistake"],
  ] as const)("%s: %s", (said, trouble) => {
    expect(troubleOf(said)).toBe(trouble);
  });

  test("skopeo's sentence is reported without its trimmings", () => {
    expect(lastWords('time="2026-11-21T05:00:00Z" level=fatal msg="it \\"broke\\""\n')).toBe('it "broke"');
    expect(lastWords("")).toBe("it said nothing");
  });
});

describe("the command lines", () => {
  const files = { policy: "policy.json", digest: "digest" };

  test("a day is one of UTC; the tag that machines follow comes last", () => {
    expect(dayOf(new Date("2026-11-21T23:59:59-05:00"))).toBe("20261122");
    expect(target && tagsOf(target, "20261122")).toEqual(["v3-20261122", "v3"]);
    const more = target && { ...target, arch: { ...target.arch, tags: ["latest"] } };
    expect(more && tagsOf(more, "20261122")).toEqual(["v3-20261122", "latest", "v3"]);
  });

  test("layers are compressed as the manifest says, and then sent byte for byte", () => {
    expect(packWords("plain", "packed", { compression: "zstd:chunked", level: 3 }, "policy.json").join(" ")).toContain(
      "--format oci --dest-compress-format zstd:chunked --dest-compress-level 3 dir:plain oci:packed",
    );
    const words = sendWords("packed", "ghcr.io/acme/os-one:v3-1", files).join(" ");
    expect(words).toContain("--preserve-digests --digestfile digest oci:packed docker://ghcr.io/acme/os-one:v3-1");
  });

  test("annotations that compressing dropped are put back, those of the compressor stay", () => {
    const packed = structuredClone(sent);
    const [first, second] = packed.layers;
    const chunked = { "io.github.containers.zstd-chunked.manifest-checksum": "new" };
    Object.assign(first ?? {}, { digest: hex("9"), annotations: chunked });
    delete packed.annotations;
    const kept = structuredClone(sent);
    Object.assign(kept.layers[0]?.annotations ?? {}, { "io.github.containers.zstd-chunked.manifest-checksum": "old" });
    const { layers, annotations } = withAnnotations(packed, kept);
    expect(layers).toEqual([
      { ...(first as Descriptor), annotations: { ...chunked, "org.slipway.components": "glibc" } },
      second as Descriptor,
    ]);
    expect(annotations).toEqual(sent.annotations);
  });

  test("a tag is moved to a digest", () => {
    const [from, to] = tagWords("ghcr.io/acme/os-one", hex("a"), "v3", "policy.json").slice(-2);
    expect([from, to]).toEqual([`docker://ghcr.io/acme/os-one@${hex("a")}`, "docker://ghcr.io/acme/os-one:v3"]);
  });

  test("each generation of cosign is asked in its own words to write the form that machines see", () => {
    expect(formFlags("--key --tlog-upload --use-signing-config=true:")).toEqual([
      "--new-bundle-format=false",
      "--use-signing-config=false",
    ]);
    expect(formFlags("--key --tlog-upload")).toEqual([]);
    expect(formFlags("--key --new-bundle-format")).toEqual(["--new-bundle-format=false"]);
  });

  test("a digest is signed, with a key that is on no command line", () => {
    const image = `ghcr.io/acme/os-one@${hex("a")}`;
    expect(signWords(image, [], undefined)).toEqual([
      "sign",
      "--yes",
      "--key",
      "env://COSIGN_PRIVATE_KEY",
      "--tlog-upload=false",
      image,
    ]);
    expect(verifyWords(image, "acme.pub", undefined)).toEqual([
      "verify",
      "--key",
      "acme.pub",
      "--insecure-ignore-tlog=true",
      image,
    ]);
    const log = { key: "log.pub", url: "https://log.test" };
    expect(signWords(image, ["--x"], log).slice(4)).toEqual([
      ...["--tlog-upload=true", "--rekor-url=https://log.test", "--x", image],
    ]);
    expect(signWords(image, [], { key: "log.pub" }).slice(4)).toEqual(["--tlog-upload=true", image]);
    expect(verifyWords(image, "acme.pub", log).slice(3)).toEqual(["--offline=true", image]);
    expect(signatureTag(hex("a"))).toBe(`sha256-${"a".repeat(64)}.sig`);
  });

  test("cosign's sentence is reported without its trimmings", () => {
    expect(
      cosignWords(
        "WARNING: x\nError: no signatures found\nmain.go:69: error during command execution: no signatures found\n",
      ),
    ).toEqual(["no signatures found"]);
  });
});

describe("verdicts", () => {
  test.each([
    [0, "", "accepted"],
    [1, "Source image rejected: A signature was required, but no signature exists", "refused"],
    [1, "Source image rejected: cryptographic signature verification failed: x", "refused"],
    [1, "Source image rejected: Running image docker://x is rejected by policy.", "refused"],
    [1, "dial tcp: connection refused", "unclear"],
    [1, "reading manifest: manifest unknown", "unclear"],
    [1, "unauthorized: authentication required", "unclear"],
  ] as const)("%p %s: %s", (code, said, is) => {
    expect(readVerdict(code, said).is).toBe(is);
  });

  test("a digest in a sentence is reported as the part of the image that it is", () => {
    expect(partOf(`Digest did not match, expected ${hex("2")}, got ${hex("f")}`, sent)).toBe(
      `layer 2 of 2 (${hex("2")})`,
    );
    expect(partOf(`expected ${hex("c")}`, sent)).toBe(`the configuration ${hex("c")}`);
    expect(partOf("connection refused", sent)).toBeUndefined();
  });
});

describe("the private key", () => {
  let root = "";
  const pem = keyBlock("SIGSTORE");
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "slipway-"));
  });
  afterEach(() => rmSync(root, { recursive: true }));

  test("is found beside the manifest, and none is no error", () => {
    expect(findPrivateKey(root)).toBeUndefined();
    writeFileSync(join(root, "cosign.key"), pem, { mode: 0o600 });
    expect(findPrivateKey(root)).toEqual({ from: "cosign.key", pem });
  });

  test.each([0o640, 0o604, 0o644])("is not taken with mode %o", (mode) => {
    writeFileSync(join(root, "cosign.key"), pem);
    chmodSync(join(root, "cosign.key"), mode);
    expect(() => findPrivateKey(root)).toThrow(`can be read by others (mode ${mode.toString(8)})`);
  });

  test("none, and the family has a public key: its private half is asked for, never a new pair", async () => {
    const said = () => signingKey({ root, key: "acme.pub" }).catch((error: Failure) => error.lines().join("\n"));
    expect(await said()).toContain("next: make the family's first pair: bun run keys");
    writeFileSync(join(root, "acme.pub"), "-----BEGIN PUBLIC KEY-----\n");
    expect(await said()).toContain("next: bring the private half of acme.pub");
    expect(await said()).not.toContain("bun run keys");
  });

  test("is hidden in what tools say", () => {
    hideFromNow("opened with a-long-password\n");
    expect(hideSecrets("error: opened with a-long-password failed")).toBe("error: *** failed");
    expect(hideSecrets("nothing to hide")).toBe("nothing to hide");
  });
});

describe("registries.d", () => {
  const namespace = "ghcr.io/acme";
  const own = { name: "os.yaml", text: "docker:\n  ghcr.io/acme:\n    use-sigstore-attachments: true\n" };
  const beside = (text: string) =>
    registriesHoles([own, { name: "other.yaml", text }], namespace).map((h) => `${h.where}: ${h.what}`);

  test("as the manifest makes it, it has no hole", () => {
    expect(registriesHoles([own], namespace)).toEqual([]);
    expect(beside("docker:\n  quay.io: {lookaside: https://x.example}\n")).toEqual([]);
    expect(beside("")).toEqual([]);
  });

  test("a scope above the namespace will do", () => {
    expect(
      registriesHoles([{ name: "a.yaml", text: "docker: {ghcr.io: {use-sigstore-attachments: true}}" }], namespace),
    ).toEqual([]);
  });

  test.each([
    ["nothing is said of the namespace", [], "signatures of ghcr.io/acme are not looked for"],
    [
      "it is said without attachments",
      [{ name: "a.yaml", text: "docker: {ghcr.io/acme: {lookaside: https://x.example}}" }],
      "are not looked for",
    ],
    ["no YAML", [own, { name: "a.yaml", text: "docker: [" }], "not a registries.d file"],
  ] as const)("%s", (_, files, words) => {
    expect(registriesHoles([...files], namespace)[0]?.what).toContain(words);
  });

  test("two files for one scope, and one image without its signatures", () => {
    expect(beside(own.text)).toEqual([
      "other.yaml: ghcr.io/acme: os.yaml speaks of it too, and no tool reads the folder then",
    ]);
    expect(beside("docker: {ghcr.io/acme/os-one: {use-sigstore-attachments: false}}")).toEqual([
      "other.yaml: ghcr.io/acme/os-one: signatures of this image are not looked for: it is refused",
    ]);
  });
});

describe("what is attached to an image is a signature of cosign 3 only if it says so", () => {
  const says = (predicateType: string) => ({
    "dev.sigstore.bundle.content": "dsse-envelope",
    "dev.sigstore.bundle.predicateType": predicateType,
  });
  const signature = says("https://sigstore.dev/cosign/sign/v1");
  const bytes = { "dev.sigstore.bundle.content": "message-signature" };
  const signedContents = says("https://spdx.dev/Document");
  const contents = { "org.opencontainers.image.title": "sbom.json" };
  type Words = Record<string, string>;

  /** A list of what has these annotations, in the list too or only in the manifests, as Debian's cosign 3 writes it. */
  async function lists(attached: Words[], inList: boolean): Promise<boolean> {
    const manifests = attached.map((annotations, i) => ({
      ...{
        mediaType: sent.mediaType,
        digest: hex(String(i)),
        size: 9,
        artifactType: "application/vnd.oci.empty.v1+json",
      },
      ...(inList ? { annotations } : {}),
    }));
    const read = async (digest: string) => JSON.stringify({ ...sent, annotations: attached[Number(digest.at(-1))] });
    return listsSignature(JSON.stringify({ schemaVersion: 2, manifests }), read);
  }

  test.each<[string, Words[], boolean]>([
    ["a signature", [signature], true],
    ["a signature over bytes", [bytes], true],
    ["a list of contents", [contents], false],
    ["a signed list of contents", [signedContents], false],
    ["all of them", [contents, signedContents, signature], true],
    ["nothing", [], false],
  ])("%s", async (_, attached, is) => {
    expect([await lists(attached, true), await lists(attached, false)]).toEqual([is, is]);
  });

  test.each(["", "x", "[]", JSON.stringify(sent)])("text that is no such list: %s", async (text) => {
    expect(await listsSignature(text, async () => text)).toBe(false);
  });
});
