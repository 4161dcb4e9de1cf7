// needs: debian
// reaches: build containerfiles/
import { afterAll, beforeAll, expect, test } from "bun:test";
import { appendFileSync, globSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { checkout, commandLines, exec, Project } from "../support/sandbox.ts";

// What `bun run build` does with podman, on a family of small flavors that build in a second each.

const recipe = `# @base
FROM \${BASE} AS helpers
COPY containerfiles/helpers/ /slipway/
RUN chmod -R u=rwX,go=rX /slipway && chmod +x /slipway/*

FROM \${BASE} AS overlay
# @overlay
RUN chmod -R u=rwX,go=rX /overlay

FROM \${BASE}
COPY --from=helpers /slipway/ /usr/libexec/slipway/
RUN echo first > /first
# @upgrade
COPY --from=overlay /overlay/ /
RUN echo last > /last
`;

let project: Project;
const image = "localhost/slipway-test/t-one:amd64";

interface Row {
  reference: string;
  state: string;
  why: string;
  id: string;
  seconds: number;
}

async function build(...args: string[]): Promise<{ code: number; stderr: string; rows: Row[] }> {
  const { code, stdout, stderr } = await project.slipway("build", ...args, "--json");
  return { code, stderr, rows: stdout ? (JSON.parse(stdout).targets ?? []) : [] };
}

// The layers of the recipe above its base; what is made anew with the same content is the same layer.
const layers = ["COPY helpers", "RUN first", "RUN upgrade", "COPY overlay", "RUN last"];

function changedLayers(before: Inspected, after: Inspected): string[] {
  const top = ({ RootFS }: Inspected) => RootFS.Layers.slice(-layers.length);
  return layers.filter((_, i) => top(before)[i] !== top(after)[i]);
}

interface Inspected {
  Labels: Record<string, string>;
  Annotations: Record<string, string>;
  Created: string;
  RootFS: { Layers: string[] };
}

async function inspect(reference: string): Promise<Inspected> {
  const { stdout } = await project.podman("image", "inspect", reference);
  return JSON.parse(stdout)[0];
}

beforeAll(async () => {
  project = new Project([".containerignore"]);
  await project.removeImages("localhost/slipway-test/");
  project.write(
    "flavors/family.yaml",
    `name: test
title: Test
registry: localhost/slipway-test
prefix: t
key: test.pub
default: {arch: amd64, flavor: one}
arches:
  amd64: {base: {debian: trixie}}
  other: {base: localhost/slipway-test/nowhere, needs: [no_such_flag]}
`,
  );
  project.write("flavors/one.yaml", "title: One\nrecipe: tiny\narches: [amd64]\n");
  project.write("flavors/two.yaml", "title: Two\nrecipe: tiny\nfrom: one\narches: [amd64]\n");
  project.write("flavors/bad.yaml", "title: Bad\nrecipe: bad\narches: [amd64]\n");
  project.write("flavors/on-bad.yaml", "title: On bad\nrecipe: tiny\nfrom: bad\narches: [amd64]\n");
  project.write("flavors/far.yaml", "title: Far\nrecipe: tiny\narches: [other]\n");
  project.write("overlays/one/etc/hello", "hello\n");
  project.write("overlays/one/etc/secretive", "a clone may have any umask\n");
  project.write("containerfiles/tiny.Containerfile", recipe);
  project.write("containerfiles/bad.Containerfile", "# @base\nFROM ${BASE}\nRUN echo before && exit 7\n");
  project.write("containerfiles/helpers/upgrade", "#!/bin/sh\ndate +%N > /upgraded\n");
  project.write("test.pub", readFileSync(join(checkout, "guaraos.pub"), "utf8"));
});

afterAll(async () => {
  await project.removeImages("localhost/slipway-test/");
  project.remove();
});

test("a flavor and the base that it is based on are built, the base first", async () => {
  const { code, rows, stderr } = await build("amd64", "two");
  expect(stderr).not.toContain("✗");
  expect(code).toBe(0);
  expect(rows.map((r) => [r.reference, r.state, r.why])).toEqual([
    [image, "built", "there is no image yet"],
    ["localhost/slipway-test/t-two:amd64", "built", "there is no image yet"],
  ]);
  expect(rows[0]?.id).toMatch(/^[0-9a-f]{64}$/);
}, 120_000);

test("nothing changed, nothing is built", async () => {
  const { rows } = await build("amd64", "one", "two");
  expect(rows.map((r) => [r.state, r.why])).toEqual([
    ["skipped", "its inputs did not change"],
    ["skipped", "its inputs did not change"],
  ]);
}, 60_000);

test("labels and annotations say what the image is", async () => {
  const { Labels, Annotations } = await inspect("localhost/slipway-test/t-two:amd64");
  expect(Labels).toMatchObject({
    "org.opencontainers.image.title": "Test Two",
    "org.opencontainers.image.base.name": image,
    "org.slipway.key": expect.stringMatching(/^[0-9a-f]{64}$/),
  });
  expect(Labels["org.opencontainers.image.created"]).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  expect(Labels["org.opencontainers.image.base.digest"]).toMatch(/^sha256:/);
  expect(Labels["containers.bootc"]).toBeUndefined();
  expect(Annotations).toMatchObject({ "org.opencontainers.image.title": "Test Two" });
}, 60_000);

test("an overlay file changes only what comes after the upgrade", async () => {
  const before = await inspect(image);
  project.write("overlays/one/etc/hello", "hello again\n");
  const { rows } = await build("amd64", "one");
  expect(rows[0]).toMatchObject({ state: "built", why: "its inputs changed" });
  expect(changedLayers(before, await inspect(image))).toEqual(["COPY overlay"]);
  const { stdout } = await project.podman("run", "--rm", "--network", "none", image, "cat", "/etc/hello");
  expect(stdout).toBe("hello again\n");
}, 60_000);

test("--refresh runs the upgrade again and keeps what is before it; without it the stamp stays", async () => {
  const before = await inspect(image);
  const { rows } = await build("amd64", "one", "--refresh");
  expect(rows[0]).toMatchObject({ state: "built", why: "--refresh" });
  const refreshed = await inspect(image);
  expect(changedLayers(before, refreshed)).toEqual(["RUN upgrade"]);
  expect(refreshed.Labels["org.slipway.refresh"]).toMatch(/^\d{8}T\d{6}Z$/);
  expect((await build("amd64", "one")).rows[0]?.state).toBe("skipped");
}, 60_000);

test("packages older than refreshAfter are refreshed", async () => {
  const state = join(project.root, ".slipway/state/refresh/localhost+slipway-test+t-one@amd64.json");
  const known = JSON.parse(readFileSync(state, "utf8"));
  known.at -= 3 * 86_400_000;
  writeFileSync(state, JSON.stringify(known));
  expect((await build("amd64", "one")).rows[0]).toMatchObject({
    state: "built",
    why: "its packages are older than refreshAfter",
  });
  expect((await build("amd64", "one")).rows[0]?.state).toBe("skipped");
}, 60_000);

test("the same inputs give the same image, whatever the umask and the day", async () => {
  project.env.SOURCE_DATE_EPOCH = "1700000000";
  project.write("containerfiles/helpers/upgrade", "#!/bin/sh\n");
  const [first] = (await build("amd64", "one", "--no-cache")).rows;
  await exec(["chmod", "-R", "go-rwx", join(project.root, "overlays"), join(project.root, "containerfiles")]);
  const [second] = (await build("amd64", "one", "--no-cache")).rows;
  expect(second).toMatchObject({ state: "built", why: "--no-cache" });
  expect(second?.id).toBe(first?.id ?? "none");
  expect((await inspect(image)).Created).toStartWith("2023-11-14T22:13:20");
  delete project.env.SOURCE_DATE_EPOCH;
}, 120_000);

test("a RUN runs again when what it mounts changes, and a stage from the cache is whole", async () => {
  const recipe = (name: string) => `# @base
FROM \${BASE} AS files
COPY overlays/one/etc /files
RUN mv /files/hello /files/moved
FROM \${BASE}
RUN --mount=type=bind,source=overlays/one/etc,target=/mnt cp /mnt/hello /of-context
RUN --mount=type=bind,from=files,source=/files,target=/mnt ["cp", "/mnt/moved", "/${name}"]
`;
  const mounted = "localhost/slipway-test/t-mounted:amd64";
  const read = async (path: string) =>
    (await project.podman("run", "--rm", "--network", "none", mounted, "cat", "/of-context", path)).stdout;
  project.write("flavors/mounted.yaml", "title: Mounted\nrecipe: mounted\narches: [amd64]\n");
  // An earlier run may have left its layers.
  const own = `${process.pid}\n`;
  for (const [name, text] of [
    ["of-stage", `first ${own}`],
    ["of-stage", `second ${own}`],
    ["only-the-name-changed", `second ${own}`],
  ] as const) {
    project.write("containerfiles/mounted.Containerfile", recipe(name));
    project.write("overlays/one/etc/hello", text);
    expect((await build("amd64", "mounted")).rows[0]?.state).toBe("built");
    expect(await read(`/${name}`)).toBe(text + text);
  }
  expect((await build("amd64", "mounted")).rows[0]?.state).toBe("skipped");
}, 120_000);

test("a mount with which podman removes a folder of the image is refused, and by newer podman built", async () => {
  const run = "RUN --mount=type=tmpfs,target=/opt true";
  project.write("flavors/harmful.yaml", "title: Harmful\nrecipe: harmful\narches: [amd64]\n");
  project.write("containerfiles/harmful.Containerfile", `# @base\nFROM \${BASE}\n${run}\n`);
  project.write("plain.Containerfile", `FROM localhost/slipway-debian:trixie\n${run}\n`);
  const plain = await project.podman("build", "--quiet", "--file", join(project.root, "plain.Containerfile"));
  expect(plain.code).toBe(0);
  const id = plain.stdout.trim();
  const loses = (await project.podman("run", "--rm", "--network", "none", id, "test", "-d", "/opt")).code !== 0;
  await project.podman("rmi", id);
  const { code, stderr } = await project.slipway("build", "amd64", "harmful");
  expect(code).toBe(loses ? 1 : 0);
  if (!loses) return;
  expect(stderr).toMatch(/podman 4\.\S+ would remove \/opt from the image after a RUN with a mount on \/opt/);
  expect(stderr).toMatch(/tried: the mounts in \S*harmful-amd64\.Containerfile:3\n/);
}, 60_000);

test("a failing flavor stops only what is based on it, and leaves no tag", async () => {
  const { code, rows, stderr } = await build("amd64", "bad", "on-bad", "one");
  expect(code).toBe(1);
  expect(rows.map((r) => [r.reference.replace(/.*t-/, ""), r.state])).toEqual([
    ["bad:amd64", "failed"],
    ["on-bad:amd64", "left"],
    ["one:amd64", expect.stringMatching(/built|skipped/)],
  ]);
  expect(stderr).toContain("exit code 7");
  expect(stderr).toMatch(/log: .*\.slipway\/logs\//);
  expect((await project.podman("image", "exists", "localhost/slipway-test/t-bad:amd64")).code).toBe(1);
}, 60_000);

test("a CPU that cannot run an arch is refused with the flags it lacks; --force goes on to the base", async () => {
  const refused = await project.slipway("build", "other", "far");
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain("this CPU cannot run other: it lacks no_such_flag");
  const forced = await project.slipway("build", "other", "far", "--force");
  expect(forced.code).toBe(1);
  expect(forced.stderr).toContain(
    "no base image for other: localhost/slipway-test/nowhere:latest is not in podman's storage",
  );
  expect(forced.stderr).toMatch(/tried: podman's own storage/);
  expect(forced.stderr).toMatch(/tried: the registry/);
}, 60_000);

test.each(["build", "release"])(
  "%s --skip-unable leaves such an arch out, says so, and is no failure",
  async (command) => {
    const words = ["other", "far", "--skip-unable", "--quiet"];
    const summary = join(project.root, `summary-${command}`);
    const env = { ...project.env, GITHUB_ACTIONS: "true", GITHUB_STEP_SUMMARY: summary };
    const { code, stdout, stderr } = await exec(
      [process.execPath, join(checkout, `scripts/${command}.ts`), ...words],
      env,
    );
    expect(code).toBe(0);
    expect(stderr).toMatch(
      /^::notice title=other was not built::this CPU cannot run other: it lacks no_such_flag; .*\n$/,
    );
    expect(stdout).toMatch(/t-far:other +left out/);
    const { targets, steps } = JSON.parse((await project.slipway(command, ...words, "--json")).stdout);
    expect((targets ?? steps)[0]).toMatchObject({ state: "left", why: expect.stringContaining("no_such_flag") });
    if (command === "release") expect(readFileSync(summary, "utf8")).toContain("left out, this CPU cannot run other");
    expect(await project.slipway(command, "amd64", "one", "--dry-run", "--skip-unable")).toMatchObject({ code: 0 });
    const forced = await project.slipway("build", "other", "far", "--skip-unable", "--force");
    expect(forced.code).toBe(1);
  },
  60_000,
);

test("a dry run prints what podman would get, and changes nothing", async () => {
  appendFileSync(join(project.root, "overlays/one/etc/hello"), "more\n");
  const { code, stdout } = await project.slipway("build", "amd64", "two", "--dry-run");
  expect(code).toBe(0);
  expect(stdout).toContain(`# ${image}: would build, its inputs changed`);
  expect(stdout).toContain("# localhost/slipway-test/t-two:amd64: would build, its base is built first");
  const line = stdout.split("\n").find((l) => l.includes("podman build")) ?? "";
  expect(line).toContain("--file .slipway/build/one-amd64.Containerfile");
  expect(line).toEndWith(" .");
  expect((await build("amd64", "one")).rows[0]?.state).toBe("built");
}, 60_000);

test("--print gives a Containerfile that plain podman builds", async () => {
  const { stdout } = await project.slipway("build", "amd64", "two", "--print");
  const file = join(project.root, "printed.Containerfile");
  writeFileSync(file, stdout);
  const built = await project.podman("build", "--quiet", "--network=host", "--file", file, project.root);
  expect(built.stderr).toBe("");
  expect(built.code).toBe(0);
  await project.podman("rmi", built.stdout.trim());
}, 60_000);

function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return ""; // gone, or not ours
  }
}

test.each(["SIGINT", "SIGTERM", "SIGKILL"] as const)(
  "%s in the middle: nothing runs on, nothing is left, the next run works",
  async (signal) => {
    const containers = async () => (await project.podman("ps", "--all", "--external", "--quiet")).stdout;
    const before = await containers();
    // what the runtime noted of our containers: runc in state.json, crun in status
    const noted = () =>
      globSync("/run/{runc,crun}/*/{state.json,status}").filter((file) => textOf(file).includes(project.root));
    const marker = `sleep 8${signal.length}${process.pid % 1000}`;
    project.write("flavors/slow.yaml", "title: Slow\nrecipe: slow\narches: [amd64]\n");
    project.write("containerfiles/slow.Containerfile", `# @base\nFROM \${BASE}\nRUN ${marker}\n`);
    const child = Bun.spawn([process.execPath, join(checkout, "scripts/build.ts"), "amd64", "slow"], {
      env: { ...process.env, ...project.env },
      stdio: ["ignore", "ignore", "ignore"],
    });
    const sleeping = () => commandLines().some((line) => line.startsWith(marker));
    while (!sleeping()) await Bun.sleep(50);
    expect(noted()).toHaveLength(1);
    child.kill(signal);
    const code = await child.exited;
    if (signal !== "SIGKILL") {
      expect(code).toBe(130);
      expect(sleeping()).toBe(false);
    }
    project.write("containerfiles/slow.Containerfile", "# @base\nFROM ${BASE}\nRUN true\n");
    expect((await build("amd64", "slow")).rows[0]?.state).toBe("built");
    expect(sleeping()).toBe(false);
    expect(await containers()).toBe(before);
    expect(noted()).toEqual([]);
    expect(readdirSync(join(project.root, ".slipway/run"))).toEqual([]);
    await project.podman("rmi", "localhost/slipway-test/t-slow:amd64");
  },
  60_000,
);
