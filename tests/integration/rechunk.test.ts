// needs: minimal
// reaches: build rechunk delta flavors/ overlays/ containerfiles/
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { differences } from "../../lib/layers/compare.ts";
import { openLayout } from "../../lib/oci/layout.ts";
import { decodeMemory, planAnnotation } from "../../lib/ship/rechunk/plan-annotation.ts";
import { prune } from "../../lib/ship/rechunk/prune.ts";
import { ensureLocalDebian } from "../../lib/tools/debian-image.ts";
import { podmanEnv } from "../../lib/tools/podman.ts";
import { Place, treeOf, writeImage } from "../support/images.ts";
import { exec, Project, type Said } from "../support/sandbox.ts";
import { entry, tarOf } from "../support/tars.ts";

/** Real podman: what it builds is read, what is written it loads, and the file system is the same. */
const project = new Project();
const place = new Place();
const reference = "ghcr.io/guara92/guaraos-minimal:amd64";
let built: Said;

/** A Debian made here, and a build on it that leaves whiteouts, an opaque folder, links of all kinds. */
beforeAll(async () => {
  // What is called here directly uses the tests' storage too.
  Object.assign(process.env, { CONTAINERS_STORAGE_CONF: project.env.CONTAINERS_STORAGE_CONF });
  const base = await ensureLocalDebian("trixie", { log: join(place.root, "log"), now: () => undefined });
  const context = place.path("context");
  const lines = [
    `FROM ${base}`,
    "RUN rm -rf /usr/share/bug && mkdir /usr/share/bug && touch /usr/share/bug/new && rm /etc/motd && echo c > /var/cache/c",
    "RUN mkfifo /usr/share/pipe && ln -s nowhere /usr/share/link && echo one > /etc/one && chown 7:8 /etc/one",
    "RUN ln /etc/one /etc/two && chmod 4711 /usr/bin/yes && echo changed >> /etc/issue",
  ];
  writeFileSync(join(context, "Containerfile"), `${lines.join("\n")}\n`);
  built = await project.podman(
    "build",
    "--quiet",
    "--format",
    "oci",
    "--timestamp",
    "1760000000",
    "--tag",
    reference,
    context,
  );
}, 300_000);

afterAll(async () => {
  await project.podman("rmi", "--force", reference);
  project.remove();
  place.remove();
});

describe("rechunk with real podman", () => {
  let digest = "";
  const folder = join(project.root, ".slipway/images/guaraos-minimal-amd64");

  test("the file system that podman loads is the one that podman built", async () => {
    expect(built.code).toBe(0);
    const before = await treeOf(reference, place.path("before"));
    const said = await project.slipway("rechunk", "amd64", "minimal", "--previous", "none", "--json");
    expect(said.stderr).toContain(`rechunk ${reference}`);
    expect(said.code).toBe(0);
    const [target] = JSON.parse(said.stdout).targets;
    digest = target.digest;
    const { stdout } = await project.podman("image", "inspect", "--format", "{{.Id}} {{.RepoTags}}", reference);
    expect(stdout.trim()).toBe(`${target.id} [${reference}]`);
    const after = await treeOf(reference, place.path("after"));
    prune(before, ["/var/cache/", "/var/log/", "/tmp/", "/var/tmp/"]);
    expect(differences(before, after, 1760000000)).toEqual([]);
    expect(after.node(after.find("etc/one"))).toBe(after.node(after.find("etc/two")));
    expect(readdirSync(join(project.root, ".slipway/run"))).toEqual([]);
  }, 300_000);

  test("a second run on the loaded image changes nothing", async () => {
    const said = await project.slipway("rechunk", "amd64", "minimal", "--json", "--previous", `oci:${folder}`);
    expect(said.code).toBe(0);
    const [target] = JSON.parse(said.stdout).targets;
    expect(target.kept).toBe(target.layers.length);
    expect(target.digest).toBe(digest);
  }, 120_000);

  test("a container runs from it", async () => {
    const said = await project.podman(
      "run",
      "--rm",
      "--network",
      "none",
      reference,
      "sh",
      "-c",
      "cat /etc/two; ls /usr/share/bug",
    );
    expect(said.stdout).toBe("one\nnew\n");
  }, 60_000);

  test("delta between the folder and the storage: nothing", async () => {
    const said = await project.slipway("delta", `oci:${folder}`, reference, "--json");
    expect(said.code).toBe(0);
    expect(JSON.parse(said.stdout)).toMatchObject({ download: 0, changed: [] });
  }, 60_000);

  test("podman carries the plan on: what it copies from its storage has the annotation", async () => {
    const copy = place.path("copy");
    const pushed = await project.podman("push", "--quiet", reference, `oci:${copy}:x`);
    expect(pushed.code).toBe(0);
    expect(decodeMemory(openLayout(copy).manifest.annotations?.[planAnnotation])?.layers.length).toBeGreaterThan(20);
  }, 120_000);

  test("what only a tar can hold comes through podman as it was: capabilities, devices, long and odd names", async () => {
    const capability = "\x01\0\0\x02\0 \0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    const source = writeImage(place.path("odd"), [
      tarOf([
        [entry("usr", { kind: "dir", mode: 0o755 })],
        [
          entry("usr/ping", { mode: 0o755, xattrs: { "security.capability": capability, "user.component": "net" } }),
          "ping",
        ],
        [entry("usr/null", { kind: "char", major: 1, minor: 3, mode: 0o666 })],
        [entry(`usr/${"long-".repeat(40)}`), "long"],
        [entry("usr/\xc3\xbc\xff"), "no text"],
        [entry("usr/old", { mtime: 0 }), "old"],
        [entry("usr/owner", { uid: 3_000_000, gid: 3_000_001 }), "far"],
      ]),
    ]);
    const to = join(place.root, "odd-out");
    expect((await project.slipway("rechunk", "--image", `oci:${source}`, "--to", to)).code).toBe(0);
    const pulled = await exec(
      ["podman", "pull", "--quiet", "oci:odd-out"],
      { ...(await podmanEnv()), ...project.env },
      place.root,
    );
    expect(pulled.stderr).toBe("");
    const id = pulled.stdout.trim();
    expect(
      differences(await treeOf(`oci:${source}`, place.path("odd-a")), await treeOf(id, place.path("odd-b"))),
    ).toEqual([]);
    await project.podman("rmi", "--force", id);
  }, 60_000);

  test("huge and odd labels, history and variables are for podman what they were", async () => {
    const Labels = {
      huge: "x".repeat(300_000),
      "two\nlines": "a\tb\r\n\u001b[31mred",
      "": "no name",
      "with spaces and = signs": '= "quoted" \\ $HOME',
      ünï: "日本 \u{1f6a2} \u2028",
      empty: "",
    };
    const empty = Array.from({ length: 300 }, (_, i) => ({
      created_by: `# ${i} ${"y".repeat(500)}`,
      empty_layer: true,
    }));
    const config = { Labels, Env: ["PATH=/bin", "ODD=a=b\nc"], Cmd: ["/x", "", "a b"] };
    const history = [...empty, { created_by: "a test", comment: "\u0001" }];
    const tars = [tarOf([[entry("x"), "x"]])];
    const source = writeImage(place.path("labels"), tars, undefined, undefined, { config, history });
    const to = join(place.root, "labels-out");
    expect((await project.slipway("rechunk", "--image", `oci:${source}`, "--to", to)).code).toBe(0);
    const seen = async (folder: string) => {
      // podman makes a name of the path, and takes small letters only
      const env = { ...(await podmanEnv()), ...project.env };
      const id = (await exec(["podman", "pull", "--quiet", `oci:${folder}`], env, place.root)).stdout.trim();
      const [image] = JSON.parse((await project.podman("image", "inspect", id)).stdout);
      await project.podman("rmi", "--force", id);
      const lines: string[] = image.History.map((h: { created_by?: string }) => h.created_by ?? "");
      return { config: image.Config, built: lines.filter((line) => line.startsWith("# ")) };
    };
    const before = await seen("labels");
    expect(before.config.Labels).toEqual(Labels);
    expect(before.built).toEqual(empty.map((h) => h.created_by));
    expect(await seen("labels-out")).toEqual(before);
  }, 60_000);
});

test("an image that is not there is said so, and what to do", async () => {
  const family = readFileSync(join(project.root, "flavors/family.yaml"), "utf8");
  project.write("flavors/family.yaml", family.replace("registry: ghcr.io/guara92", "registry: ghcr.io/nobody"));
  const said = await project.slipway("rechunk", "v3", "base", "--previous", "none");
  expect(said.code).toBe(1);
  expect(said.stderr).toContain("ghcr.io/nobody/guaraos-base:v3 is not in podman's storage");
  expect(said.stderr).toContain("bun run build");
}, 60_000);

test("wrong words end with 2", async () => {
  expect((await project.slipway("rechunk", "--components", "x")).code).toBe(2);
  expect((await project.slipway("rechunk", "--image", "x")).code).toBe(2);
  expect((await project.slipway("delta", "x")).code).toBe(2);
  expect((await project.slipway("delta", "a", "b", "--budget", "x")).code).toBe(2);
});

test("a dry run shows the commands and does nothing", async () => {
  const said = await project.slipway("rechunk", "amd64", "minimal", "--dry-run");
  expect(said.stdout).toContain(`podman save --quiet --format oci-dir --uncompressed --output`);
  expect(said.stdout).toContain("podman pull --quiet oci:guaraos-minimal-amd64");
});
