// needs: tiny
// reaches: bin/slipway package.json init trust list lint build containerfiles/
// Slipway as a package: packed, installed into an empty folder, and used from there for a project of its own.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { generateKeyPairSync } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { version } from "../../lib/cli/version.ts";
import { checkout, exec, type Said, testStorage } from "../support/sandbox.ts";
import { makeTiny, podman, tiny } from "../support/small-images.ts";

setDefaultTimeout(120_000);

const root = realpathSync(mkdtempSync(join(tmpdir(), "slipway-package-")));
const project = join(root, "my-image");
const bun = process.execPath;
const env = {
  ...testStorage(),
  ...{ CI: "true", SLIPWAY_RUN: "", PATH: `${dirname(bun)}:${process.env.PATH}` },
};
const image = "localhost/my-image/my-image:amd64";

/** As a reader types it in the project, with none of this checkout's settings. */
function slipway(...words: string[]): Promise<Said> {
  const { SLIPWAY_PROJECT: _, ...rest } = env as Record<string, string>;
  return exec(["env", "-u", "SLIPWAY_PROJECT", join(project, "node_modules/.bin/slipway"), ...words], rest, project);
}

function write(name: string, text: string): void {
  mkdirSync(dirname(join(project, name)), { recursive: true });
  writeFileSync(join(project, name), text);
}

async function good(said: Promise<Said>): Promise<Said> {
  const { code, stdout, stderr } = await said;
  expect({ code, stderr: code ? stderr : "" }).toEqual({ code: 0, stderr: "" });
  return { code, stdout, stderr };
}

let packed: string[] = [];

beforeAll(async () => {
  await makeTiny();
  const pack = [bun, "pm", "pack", "--destination", root, "--ignore-scripts", "--quiet"];
  await good(exec(pack, env, checkout));
  const tarball = join(root, `slipway-${version}.tgz`);
  packed = (await good(exec(["tar", "-tzf", tarball]))).stdout.split("\n").map((name) => name.replace("package/", ""));
  mkdirSync(project);
  await good(exec([bun, "add", "--dev", "--no-progress", tarball], env, project));
});

afterAll(async () => {
  await podman("rmi", "--force", image);
  rmSync(root, { recursive: true, force: true });
});

test("the package has the program and what builds need, and nothing of the tests or of this checkout's family", () => {
  expect(packed).toContain("bin/slipway");
  expect(packed).toContain("containerfiles/helpers/group");
  expect(packed.filter((name) => /^(tests|flavors|overlays|elements|\.slipway|\.github)\/|\.pub$/.test(name))).toEqual(
    [],
  );
});

test("it says what it is, shows no command that needs a checkout, and knows that there is no project", async () => {
  const { stdout } = await good(slipway());
  expect(stdout).toMatch(/^Slipway: \w+ slipway COMMAND\n/);
  expect(stdout).not.toMatch(/ (test|bench) +/);
  expect((await good(slipway("build", "--help"))).stdout).toMatch(/^\w+ slipway build \[arch\]/);
  expect((await good(slipway("--version"))).stdout).toBe(`slipway ${version}\n`);
  const none = await slipway("list");
  expect([none.code, none.stdout]).toEqual([2, ""]);
  expect(none.stderr).toContain("slipway init` makes a project here");
});

test("init makes a project: list, lint and a dry run of its build work at once", async () => {
  const made = await good(slipway("init", "--yes"));
  expect(made.stdout).toContain("flavors/family.yaml\nflavors/image.yaml\n");
  expect((await slipway("list")).stderr).toContain("slipway keys` makes it");
  const { publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  write("my-image.pub", publicKey.export({ type: "spki", format: "pem" }).toString());
  expect((await good(slipway("list"))).stdout).toContain(image);
  expect(JSON.parse((await good(slipway("lint", "--json"))).stdout).findings).toEqual([]);
  const { stdout } = await good(slipway("build", "--dry-run"));
  expect(stdout).toContain(`podman build --file .slipway/build/image-amd64.Containerfile --tag ${image}`);
  const file = readFileSync(join(project, ".slipway/build/image-amd64.Containerfile"), "utf8");
  expect(file).toContain("COPY .slipway/context/helpers/ /slipway/");
  expect(existsSync(join(project, ".slipway/context/helpers/group"))).toBe(true);
  const again = await slipway("init", "--yes");
  expect([again.code, again.stdout]).toEqual([2, ""]);
  expect(again.stderr).toContain("this is a Slipway project already");
});

test("a recipe of the project's own is built with Slipway's helpers, which its .containerignore lets in", async () => {
  const family = readFileSync(join(project, "flavors/family.yaml"), "utf8");
  write("flavors/family.yaml", family.replace("{ debian: trixie }", tiny));
  write("flavors/image.yaml", "title: One\nrecipe: own\narches: [amd64]\n");
  write(
    "containerfiles/own.Containerfile",
    "# @base\nFROM ${BASE}\n# @helpers\nRUN test -e /slipway/group\n# @overlay\nRUN cp -r /overlay/. /\n",
  );
  write("overlays/image/etc/one", "one\n");
  await good(slipway("build", "amd64", "image"));
  expect((await good(slipway("build", "--dry-run"))).stdout).toContain("its inputs did not change");
});

test("trust add takes the policy that a Containerfile of one's own ships, and lint finds no hole in what it wrote", async () => {
  rmSync(join(project, "overlays"), { recursive: true });
  const own = `FROM ${tiny}\nCOPY policy.json /etc/containers/policy.json\n`;
  write("policy.json", JSON.stringify({ default: [{ type: "insecureAcceptAnything" }] }));
  write("Containerfile", own);
  write("flavors/image.yaml", "title: One\ncontainerfile: Containerfile\narches: [amd64]\n");
  await good(slipway("build", "amd64", "image"));
  const before = await slipway("trust", "add", "amd64", "image", "--from", "localhost/slipway-tests/no-such-image");
  expect([before.code, existsSync(join(project, "overlays"))]).toEqual([1, false]);
  const { stdout, stderr } = await good(slipway("trust", "add", "amd64", "image"));
  expect(stdout.split("\n").filter(Boolean)).toEqual([
    "overlays/image/etc/containers/policy.json",
    "overlays/image/etc/containers/registries.d/my.yaml",
    "overlays/image/etc/pki/containers/my.pub",
  ]);
  expect(stderr).toContain("default: closed for whatever nothing is said of");
  write("Containerfile", `${own}COPY overlays/image/ /\n`);
  await good(slipway("build", "amd64", "image"));
  const { stdout: found } = await good(slipway("lint", "--json"));
  expect(JSON.parse(found).findings).toEqual([]);
});

test("a script of the project's own is a command", async () => {
  write(
    "scripts/hello.ts",
    '// says hello\nimport { print, script } from "slipway";\nawait script(async ({ words }) => print(`hello ${words}`));\n',
  );
  expect((await good(slipway("hello", "you"))).stdout).toBe("hello you\n");
  expect((await good(slipway("hello", "--help"))).stdout).toContain("\n  says hello\n");
});
