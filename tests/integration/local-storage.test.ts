// needs: debian
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, chownSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { storeEnvironment } from "../../lib/host/local-image.ts";
import { tool } from "../../lib/tools/tools.ts";
import { policyJson } from "../../lib/trust/policy.ts";
import { sampleFamily } from "../support/sample-family.ts";
import { exec, testStorage } from "../support/sandbox.ts";

// What `switch --local` depends on: root's skopeo, which is what bootc fetches with, reads an image in a user's own storage.

setDefaultTimeout(300_000);
const user = 12_345;
/** Linux gives a process in a chroot no user namespace, and some machines give users none. */
const words = ["setpriv", `--reuid=${user}`, `--regid=${user}`, "--clear-groups", "unshare", "-Urm", "true"];
const hasTools = process.getuid?.() === 0 && Bun.which("setpriv") && Bun.which("unshare");
const able = hasTools && Bun.spawnSync(words, { env: process.env }).exitCode === 0;
const folder = mkdtempSync(join(tmpdir(), "slipway-user-"));
const home = join(folder, "home");
const graph = join(home, "graph");

/** podman as that user, in a user namespace, with nothing of root's. */
function podman(...args: string[]) {
  const words = [
    "setpriv",
    `--reuid=${user}`,
    `--regid=${user}`,
    "--clear-groups",
    "unshare",
    "-Urm",
    "podman",
    ...args,
  ];
  return exec(
    words,
    {
      HOME: home,
      TMPDIR: join(home, "tmp"),
      CONTAINERS_CONF: join(home, "containers.conf"),
      CONTAINERS_STORAGE_CONF: join(home, "storage.conf"),
    },
    home,
  );
}

/** Everything below a folder: name, owner, mode and time of change. */
function tree(path: string): string[] {
  return readdirSync(path, { recursive: true, encoding: "utf8" }).map((name) => {
    const { uid, mode, mtimeMs } = lstatSync(join(path, name));
    return `${name} ${uid} ${mode} ${mtimeMs}`;
  });
}

beforeAll(() => {
  Object.assign(process.env, testStorage());
  chmodSync(folder, 0o755);
  mkdirSync(join(home, "tmp"), { recursive: true });
  const engine = `lock_type = "file"\nevents_logger = "none"\ntmp_dir = "${home}/tmp"\n`;
  writeFileSync(join(home, "containers.conf"), `[engine]\n${engine}`);
  const store = `driver = "overlay"\ngraphroot = "${graph}"\nrunroot = "${home}/run"\n`;
  writeFileSync(join(home, "storage.conf"), `[storage]\n${store}[storage.options]\nignore_chown_errors = "true"\n`);
  mkdirSync(join(folder, "root"));
  const roots = `driver = "overlay"\ngraphroot = "${folder}/root/graph"\nrunroot = "${folder}/root/run"\n`;
  writeFileSync(join(folder, "root/storage.conf"), `[storage]\n${roots}`);
  for (const path of [home, join(home, "tmp")]) chownSync(path, user, user);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test.skipIf(!able)(
  "an image of a user's is read where it lies, to the byte, and nothing there is touched",
  async () => {
    const content = join(folder, "content");
    mkdirSync(content);
    writeFileSync(join(content, "file"), "owned by somebody\n");
    const tar = join(folder, "layer.tar");
    const packed = await exec(["tar", "--owner=7", "--group=8", "--mtime=@0", "-C", content, "-cf", tar, "file"]);
    expect(packed.code).toBe(0);
    const imported = await podman("import", "--quiet", tar, "localhost/acme/os:1");
    expect(imported).toMatchObject({ code: 0 });
    const { stdout: digest } = await podman("image", "inspect", "--format", "{{.Digest}}", "localhost/acme/os:1");

    const before = tree(graph);
    const env = storeEnvironment({ GraphDriverName: "overlay", GraphRoot: graph }, user);
    const skopeo = await tool("skopeo", { mounts: [folder] });
    const settings = { ...env, CONTAINERS_STORAGE_CONF: join(folder, "root/storage.conf") };
    // In the toolbox the settings have to get inside, and root there is not all that root here is.
    const inside = ["--privileged", ...Object.entries(settings).map(([name, value]) => `--env=${name}=${value}`)];
    const at = skopeo.indexOf("--rm") + 1;
    const words =
      at > 0
        ? [...skopeo.slice(0, at), ...inside, ...skopeo.slice(at)]
        : ["env", ...Object.entries(settings).map(([n, v]) => `${n}=${v}`), ...skopeo];
    const { code, stdout, stderr } = await exec([
      ...words,
      "inspect",
      "--raw",
      "containers-storage:localhost/acme/os:1",
    ]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(`sha256:${new Bun.CryptoHasher("sha256").update(stdout).digest("hex")}`).toBe(digest.trim());

    // The policy that images get lets in what was built on the machine.
    const policy = join(folder, "policy.json");
    writeFileSync(policy, JSON.stringify(policyJson(sampleFamily())));
    const copy = join(folder, "copy");
    const copied = await exec([
      ...words,
      ...["--policy", policy],
      "copy",
      "--quiet",
      "--dest-decompress",
      "containers-storage:localhost/acme/os:1",
      `dir:${copy}`,
    ]);
    expect(copied).toMatchObject({ code: 0 });
    const layer: string = JSON.parse(stdout).layers[0].digest;
    const bytes = await Bun.file(tar).bytes();
    expect(layer).toBe(`sha256:${new Bun.CryptoHasher("sha256").update(bytes).digest("hex")}`);
    expect(await Bun.file(join(copy, layer.slice(7))).bytes()).toEqual(bytes);
    expect(tree(graph)).toEqual(before);
  },
);
