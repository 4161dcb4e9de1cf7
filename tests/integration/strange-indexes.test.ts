// reaches: lib/oci/ lib/layers/
// Indexes of images for several machines: podman chooses one, and we must choose the same.
import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { blobPath, openLayout } from "../../lib/oci/layout.ts";
import { type Descriptor, mediaTypes, sha256 } from "../../lib/oci/manifest.ts";
import { Failure } from "../../lib/system/errors.ts";
import { writeImage } from "../support/images.ts";
import { Project } from "../support/sandbox.ts";
import { entry, tarOf } from "../support/tars.ts";

setDefaultTimeout(120_000);

const project = new Project([]);
/** podman makes a name of the path, and takes small letters only. */
const images = join(tmpdir(), `strange-indexes-${process.pid}`);
afterAll(() => {
  project.remove();
  rmSync(images, { recursive: true, force: true });
});

const here = process.arch === "x64" ? "amd64" : process.arch;
type Platform = { architecture?: string; os?: string; variant?: string };
const plain = { architecture: here, os: "linux" };
const cases: [string, (Platform | undefined)[]][] = [
  ["the only one", [plain]],
  ["of several archs", [{ architecture: "s390x", os: "linux" }, plain]],
  ["of another system", [{ architecture: here, os: "windows" }, plain]],
  ["a variant before the plain one", [{ ...plain, variant: "v2" }, plain]],
  ["variants after the plain one", [plain, { ...plain, variant: "v3" }]],
  [
    "a variant only",
    [
      { ...plain, variant: "v2" },
      { architecture: "s390x", os: "linux" },
    ],
  ],
  [
    "several variants only",
    [
      { ...plain, variant: "v3" },
      { ...plain, variant: "v2" },
    ],
  ],
  ["one without a platform before", [undefined, plain]],
  ["an attestation before", [{ architecture: "unknown", os: "unknown" }, plain]],
  ["the plain one twice", [plain, plain]],
  [
    "another arch only",
    [
      { architecture: "s390x", os: "linux" },
      { architecture: "ppc64le", os: "linux" },
    ],
  ],
];

/** An oci folder with one index, whose images differ in their file. @returns the digests of their configurations */
function writeIndex(folder: string, platforms: (Platform | undefined)[]): string[] {
  mkdirSync(join(folder, "blobs/sha256"), { recursive: true });
  const configs: string[] = [];
  const manifests = platforms.map((platform, i) => {
    const one = `${folder}-${i}`;
    writeImage(one, [tarOf([[entry("file"), `image ${i}`]])]);
    const [descriptor] = JSON.parse(readFileSync(join(one, "index.json"), "utf8")).manifests as Descriptor[];
    if (!descriptor) throw new Error("no image");
    const manifest = JSON.parse(readFileSync(blobPath(one, descriptor.digest), "utf8"));
    for (const { digest } of [descriptor, manifest.config, ...manifest.layers])
      writeFileSync(blobPath(folder, digest), readFileSync(blobPath(one, digest)));
    configs.push(manifest.config.digest);
    const { mediaType, digest, size } = descriptor;
    return { mediaType, digest, size, ...(platform ? { platform } : {}) };
  });
  const put = (value: object) => {
    const text = JSON.stringify(value);
    writeFileSync(blobPath(folder, sha256(text)), text);
    return { mediaType: mediaTypes.index, digest: sha256(text), size: text.length };
  };
  const index = put({ schemaVersion: 2, mediaType: mediaTypes.index, manifests });
  writeFileSync(join(folder, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}');
  writeFileSync(join(folder, "index.json"), JSON.stringify({ schemaVersion: 2, manifests: [index] }));
  return configs;
}

test.each(cases)("%s", async (name, platforms) => {
  const folder = join(images, name.replaceAll(/\W+/g, "-"));
  const configs = writeIndex(folder, platforms);
  const pulled = await project.podman("pull", "--quiet", `oci:${folder}`);
  const id = pulled.code === 0 ? pulled.stdout.trim() : undefined;
  const wanted = configs.indexOf(`sha256:${id}`);
  if (id === undefined) expect(pulled.stderr).toMatch(/no image found in (manifest list|image index) for architecture/);
  else await project.podman("rmi", "--force", id);
  let found = -1;
  try {
    found = configs.indexOf(openLayout(folder).manifest.config.digest);
  } catch (error) {
    expect(error).toBeInstanceOf(Failure);
  }
  expect(found).toBe(wanted);
});
