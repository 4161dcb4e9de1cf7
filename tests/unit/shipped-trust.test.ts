import { afterAll, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Entry } from "../../lib/layers/entry.ts";
import { openLayout } from "../../lib/oci/layout.ts";
import { writeOutTrust } from "../../lib/trust/shipped.ts";
import { Place, packings, writeImage } from "../support/images.ts";
import { entry, tarOf } from "../support/tars.ts";

// Whatever an image says of its policy and keys is looked up in the image, and never on this machine.

const place = new Place();
afterAll(() => place.remove());
let count = 0;

type Item = [Entry, string?];
const file = (path: string, text: string): Item => [entry(path), text];
const link = (path: string, target: string): Item => [entry(path, { kind: "symlink", target })];
const hard = (path: string, target: string): Item => [entry(path, { kind: "link", target })];
const folder = (path: string): Item => [entry(path, { kind: "dir", mode: 0o755 })];

const host = place.path("host");
const onHost = join(host, "key.pub");
writeFileSync(onHost, "a key of this machine");
const key = "a key of the image";
const policyPath = "etc/containers/policy.json";
const asks = (more: object): string =>
  JSON.stringify({
    default: [{ type: "reject" }],
    transports: { docker: { "": [{ type: "sigstoreSigned", ...more }] } },
  });
const one = "/etc/pki/containers/k.pub";

interface Out {
  requirement: Record<string, unknown>;
  /** What the files that it names now hold. */
  keys: string[];
  registries: string[];
  to: string;
}

async function shipped(layers: Item[][], pack = packings.plain): Promise<Out | string> {
  const image = writeImage(
    place.path(`i${++count}`),
    layers.map((items) => tarOf(items)),
    pack,
  );
  const to = join(place.root, `t${count}`);
  const out = await writeOutTrust(image, openLayout(image).manifest, to);
  if (typeof out === "string") return out;
  const policy = JSON.parse(readFileSync(out.policy, "utf8"));
  const requirement = policy.transports.docker[""][0];
  const paths = JSON.stringify(requirement).match(/"\/[^"]*"/g) ?? [];
  const keys = paths.map((path) => {
    expect(JSON.parse(path)).toStartWith(`${to}/`);
    return readFileSync(JSON.parse(path), "utf8");
  });
  expect(existsSync(join(to, "layers"))).toBe(false);
  return {
    requirement,
    keys,
    to,
    registries: readdirSync(out.registries)
      .sort()
      .map((n) => readFileSync(join(out.registries, n), "utf8")),
  };
}

const found: [string, Item[][]][] = [
  ["plainly", [[file(policyPath, asks({ keyPath: one })), file(one.slice(1), key)]]],
  ["key in a later layer", [[file(policyPath, asks({ keyPath: one }))], [file(one.slice(1), key)]]],
  [
    "an older key hidden by a newer",
    [[file(one.slice(1), "old")], [file(one.slice(1), key), file(policyPath, asks({ keyPath: one }))]],
  ],
  [
    "the key a link",
    [[file(policyPath, asks({ keyPath: one })), link(one.slice(1), "/usr/share/k"), file("usr/share/k", key)]],
  ],
  [
    "the key a relative link",
    [[file(policyPath, asks({ keyPath: one })), link(one.slice(1), "../../../usr/k"), file("usr/k", key)]],
  ],
  [
    "a link of a link",
    [
      [
        file(policyPath, asks({ keyPath: one })),
        link(one.slice(1), "/a"),
        link("a", "b"),
        link("b", "/usr/k"),
        file("usr/k", key),
      ],
    ],
  ],
  [
    "its folder a link",
    [
      [
        file(policyPath, asks({ keyPath: one })),
        link("etc/pki", "/usr/share/pki"),
        file("usr/share/pki/containers/k.pub", key),
      ],
    ],
  ],
  [
    "merged /usr",
    [[file(policyPath, asks({ keyPath: "/lib/k.pub" })), link("lib", "usr/lib"), file("usr/lib/k.pub", key)]],
  ],
  [
    "the policy a link",
    [
      [
        link(policyPath, "/usr/share/p.json"),
        file("usr/share/p.json", asks({ keyPath: one })),
        file(one.slice(1), key),
      ],
    ],
  ],
  [
    "/etc/containers a link",
    [
      [
        link("etc/containers", "../usr/etc/containers"),
        file("usr/etc/containers/policy.json", asks({ keyPath: one })),
        file(one.slice(1), key),
      ],
    ],
  ],
  [
    "/etc a link",
    [
      [
        link("etc", "usr/etc"),
        file("usr/etc/containers/policy.json", asks({ keyPath: one })),
        file("usr/etc/pki/containers/k.pub", key),
      ],
    ],
  ],
  [
    "the key a hard link",
    [[file(policyPath, asks({ keyPath: one })), file("usr/k", key), hard(one.slice(1), "usr/k")]],
  ],
  [
    "a hard link whose target is replaced later",
    [
      [file("usr/k", key), hard(one.slice(1), "usr/k"), file(policyPath, asks({ keyPath: one }))],
      [file("usr/k", "new")],
    ],
  ],
  [
    "the policy a hard link of a layer below",
    [[file("p", asks({ keyPath: one })), file(one.slice(1), key)], [hard(policyPath, "p")]],
  ],
  [
    "the older place of policies",
    [[file("usr/share/containers/policy.json", asks({ keyPath: one })), file(one.slice(1), key)]],
  ],
  ["a path with .. in it", [[file(policyPath, asks({ keyPath: "/../../../../usr/k" })), file("usr/k", key)]]],
  [
    "a link that climbs above the root",
    [[file(policyPath, asks({ keyPath: one })), link(one.slice(1), "../../../../../../usr/k"), file("usr/k", key)]],
  ],
  [
    "opaque folder in between",
    [
      [file("etc/pki/containers/old", "x")],
      [
        folder("etc/pki/containers"),
        file("etc/pki/containers/.wh..wh..opq", ""),
        file(one.slice(1), key),
        file(policyPath, asks({ keyPath: one })),
      ],
    ],
  ],
];

test.each(found)("a key is found: %s", async (_, layers) => {
  const out = await shipped(layers);
  expect(out).toMatchObject({ keys: [key] });
});

test.each(Object.entries(packings))("a key is found: in a layer packed as %s", async (_, pack) => {
  const more = Array.from({ length: 50 }, (_, i) => file(`usr/f${i}`, "x".repeat(i * 100)));
  const out = await shipped(
    [[...more, file(policyPath, asks({ keyPath: one })), ...more, file(one.slice(1), key)]],
    pack,
  );
  expect(out).toMatchObject({ keys: [key] });
});

test.each([
  ["keyPath", "keyPath", onHost],
  ["keyPaths", "keyPaths", [onHost]],
  ["rekorPublicKeyPath", "rekorPublicKeyPath", onHost],
  ["rekorPublicKeyPaths", "rekorPublicKeyPaths", [onHost]],
  ["fulcio.caPath", "fulcio", { caPath: onHost, oidcIssuer: "x" }],
  ["pki.caRootsPath", "pki", { caRootsPath: onHost }],
] as const)("%s is never this machine's file", async (_, word, value) => {
  const policy = file(policyPath, asks({ [word]: value }));
  expect(await shipped([[policy]])).toBe(`the image lacks a key that its /etc/containers/policy.json names: ${onHost}`);
  const out = await shipped([[policy, file(onHost.slice(1), key)]]);
  expect(out).toMatchObject({ keys: [key] });
});

const refused: [string, Item[][], string][] = [
  ["no policy", [[file("a", "")]], "the image has no policy"],
  [
    "a policy that a whiteout hides",
    [[file(policyPath, asks({}))], [file("etc/containers/.wh.policy.json", "")]],
    "no policy",
  ],
  ["a policy whose folder is hidden", [[file(policyPath, asks({}))], [file("etc/.wh.containers", "")]], "no policy"],
  ["a policy replaced by a folder", [[file(policyPath, asks({}))], [folder(policyPath)]], "no policy"],
  ["a link to the machine's policy", [[link(policyPath, `${host}/policy.json`)]], "no policy"],
  ["a loop of links", [[link(policyPath, "/a"), link("a", "b"), link("b", "a")]], "no policy"],
  [
    "a key that is a link to the machine's",
    [[file(policyPath, asks({ keyPath: one })), link(one.slice(1), onHost)]],
    "lacks a key",
  ],
  [
    "a key that is a device",
    [[file(policyPath, asks({ keyPath: one })), [entry(one.slice(1), { kind: "char", major: 1, minor: 5 })]]],
    "lacks a key",
  ],
  [
    "a key that is a pipe",
    [[file(policyPath, asks({ keyPath: one })), [entry(one.slice(1), { kind: "fifo" })]]],
    "lacks a key",
  ],
  ["a relative key", [[file(policyPath, asks({ keyPath: "etc/k" })), file("etc/k", key)]], "not an absolute path"],
  ["a key that is a number", [[file(policyPath, asks({ keyPath: 5 }))]], "not an absolute path"],
  ["a key with a NUL", [[file(policyPath, asks({ keyPath: "/a\0b" }))]], "not an absolute path"],
  ["a policy of 2 MiB", [[file(policyPath, " ".repeat(2 << 20))]], "more than 1048576"],
  [
    "a key of 2 MiB",
    [[file(policyPath, asks({ keyPath: one })), file(one.slice(1), " ".repeat(2 << 20))]],
    "more than 1048576",
  ],
  ["no JSON", [[file(policyPath, "{")]], "is not JSON"],
  ["JSON of 100,000 levels", [[file(policyPath, "[".repeat(100_000) + "]".repeat(100_000))]], "is not JSON"],
  [
    "a thousand keys",
    [[file(policyPath, asks({ keyPaths: Array.from({ length: 1000 }, (_, i) => `/k${i}`) }))]],
    "names 1000 files",
  ],
  ["a hard link to nothing", [[hard(policyPath, "nothing")]], "which is not there"],
  [
    "signatures on the machine",
    [
      [
        file(policyPath, asks({})),
        file("etc/containers/registries.d/a.yaml", "docker: {a: {lookaside: 'file:///tmp'}}"),
      ],
    ],
    "file://",
  ],
  [
    "registries.d that is no YAML",
    [[file(policyPath, asks({})), file("etc/containers/registries.d/a.yaml", "[")]],
    "is not YAML",
  ],
];

test.each(refused)("a sentence for: %s", async (_, layers, words) => {
  const out = await shipped(layers);
  expect(out).toBeString();
  expect(out).toContain(words);
});

test("registries.d is written out, links of its files and folder followed", async () => {
  const yaml = "docker: {ghcr.io/acme: {use-sigstore-attachments: true}}\n";
  const out = await shipped([
    [
      file(policyPath, asks({})),
      link("etc/containers/registries.d", "/usr/r"),
      file("usr/r/a.yaml", yaml),
      link("usr/r/b.yaml", "../b"),
      file("usr/b", "docker: {}\n"),
      file("usr/r/c.txt", "x"),
    ],
  ]);
  expect(out).toMatchObject({ registries: [yaml, "docker: {}\n"] });
});
