// reaches: run .bun/
import { afterEach, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Machine } from "../support/machine.ts";
import { exec } from "../support/sandbox.ts";

// `run` takes Bun by its hash: a real npm, against a registry that sends whatever it likes.
setDefaultTimeout(120_000);

const npm = Bun.which("npm");
const version = "1.4.5";
let machine: Machine;
let registry: ReturnType<typeof Bun.serve>;
let tarball: Uint8Array<ArrayBuffer>;

const integrity = () => `sha512-${createHash("sha512").update(tarball).digest("base64")}`;
const mark = () => join(machine.root, "ran");

/** A package whose script and whose program both leave a mark. */
async function hostilePackage(): Promise<Uint8Array<ArrayBuffer>> {
  const folder = join(machine.root, "package");
  mkdirSync(join(folder, "bin"), { recursive: true });
  const scripts = { preinstall: `echo script >>${mark()}`, postinstall: `echo script >>${mark()}` };
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "@oven/x", version, scripts }));
  const program = `#!/bin/sh\n[ "$1" != --version ] || echo ${version}\necho "program $1" >>${mark()}\nmkdir -p node_modules\n`;
  writeFileSync(join(folder, "bin/bun"), program, { mode: 0o755 });
  const packed = await exec(["tar", "-C", machine.root, "-czf", join(machine.root, "x.tgz"), "package"]);
  if (packed.code !== 0) throw new Error(packed.stderr);
  return new Uint8Array(readFileSync(join(machine.root, "x.tgz")));
}

beforeEach(async () => {
  machine = new Machine();
  tarball = await hostilePackage();
  registry = Bun.serve({
    port: 0,
    fetch({ url }) {
      const path = decodeURIComponent(new URL(url).pathname).slice(1);
      if (path.endsWith(".tgz")) return new Response(tarball);
      // It says of itself what would fit: only the lock can know better.
      const dist = { tarball: new URL("x.tgz", registry.url).href, integrity: integrity() };
      return Response.json({
        name: path,
        "dist-tags": { latest: version },
        versions: { [version]: { name: path, version, dist, hasInstallScript: true } },
      });
    },
  });
});
afterEach(async () => {
  await registry.stop(true);
  machine.remove();
});

const run = () =>
  exec(
    [join(machine.clone, "run"), "list"],
    {
      PATH: `${join(machine.root, "bin")}:${process.env.PATH?.split(":")
        .filter((p) => !existsSync(join(p, "bun")))
        .join(":")}`,
      HOME: machine.root,
      npm_config_registry: registry.url.href,
      npm_config_userconfig: "/dev/null",
    },
    machine.root,
  );

test.skipIf(!npm)("a package of another hash is not unpacked, nothing of it runs: exit 3", async () => {
  const { code, stderr } = await run();
  expect([code, existsSync(mark())]).toEqual([3, false]);
  expect(stderr).toContain("npm did not install a Bun that runs here");
  expect(existsSync(join(machine.clone, ".slipway/bun/node_modules/.slipway-lock"))).toBe(false);
});

test.skipIf(!npm)("of the locked package the program runs, and its scripts do not", async () => {
  const lock = join(machine.clone, ".bun/package-lock.json");
  const hostile = readFileSync(lock, "utf8").replaceAll(
    /"sha512-[\w+/=]+"/g,
    `"${integrity()}", "hasInstallScript": true`,
  );
  writeFileSync(lock, hostile);
  const { code } = await run();
  const ran = readFileSync(mark(), "utf8");
  expect([code, ran.includes("script")]).toEqual([0, false]);
  expect(ran).toEndWith("program run\n");
});
