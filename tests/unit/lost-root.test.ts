// reaches: lib/builders/containerfile/containerfile.ts lib/cli/command.ts
import { afterAll, expect, test } from "bun:test";
import { chmodSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { harmfulMounts, removedAfterMount, tellsOfLostFiles } from "../../lib/builders/containerfile/lost-root.ts";
import { checkout } from "../support/sandbox.ts";
import { project, removeProjects } from "../support/small-family.ts";

// What podman before 4.6 removes from an image after a RUN with mounts, as seen with podman 4.3.1.

afterAll(removeProjects);

const store = { root: "/var/lib/containers/storage", driver: "overlay" };
const elsewhere = { root: "/tmp/x/storage", driver: "overlay" };

test.each([
  ["/ctx", store, "/ctx"],
  ["/tmp", store, "/tmp"],
  ["/var", store, "/"],
  ["/var/lib", store, "/"],
  ["/var/cache", store, "/cache"],
  ["/var/lib/usr", store, "/usr"],
  ["/tmp", elsewhere, "/"],
  ["/tmp/opt", elsewhere, "/opt"],
  ["/var/cache", elsewhere, "/var/cache"],
])("a mount on %s removes", (target, at, removed) => {
  expect(removedAfterMount(target, at)).toBe(removed);
});

test("the mounts that take what a system needs, with their lines", () => {
  const text = `FROM b
RUN --mount=type=cache,dst=/var/cache --mount=type=bind,source=x,target=/ctx true
RUN --mount=type=tmpfs,target=/tmp \\
  true
run --mount=type=bind,source=x,destination=/var true
RUN --mount=type=secret,id=x,target=/etc/ --mount=type=bind,source=x,target=relative true
RUN echo --mount=type=tmpfs,target=/usr
`;
  expect(harmfulMounts(text, store)).toEqual([
    { line: 3, target: "/tmp", removed: "/tmp" },
    { line: 5, target: "/var", removed: "/" },
  ]);
});

test.each("bin sbin lib lib64 share".split(" "))("a mount that takes /usr/%s", (name) => {
  const text = `FROM b\nRUN --mount=type=cache,target=/var/lib/usr/${name} true\n`;
  expect(harmfulMounts(text, store)).toMatchObject([{ removed: `/usr/${name}` }]);
});

const words = "unable to cleanup run mounts copier";
const line = `time="2026-11-28T04:37:08Z" level=error msg="${words}: remove \\"/\\": unlinkat .//: device or resource busy"`;

test.each([
  ["podman's line", line, true],
  ["podman's line after what a RUN printed", `done${line}`, true],
  ["a RUN that prints the words", words, false],
  ["a RUN whose text has the line", `STEP 2/3: RUN echo '${line}'`, false],
  ["the same in a build of several stages", `[1/2] STEP 2/3: RUN echo '${line}'`, false],
  ["a warning", line.replace("error", "warning"), false],
])("what tells of lost files: %s", (_, said, tells) => {
  expect(tellsOfLostFiles(said)).toBe(tells);
});

/** A build with a podman that only says something, and notes what else it is asked. */
async function build(said: string, code: number): Promise<{ stderr: string; asked: string }> {
  const root = project({
    said,
    "build.ts": `import { buildImage } from "${checkout}/lib/builders/containerfile/containerfile.ts";
import { command } from "${checkout}/lib/cli/command.ts";
import { family, target } from "${checkout}/tests/support/small-family.ts";
const of = family(process.env.SLIPWAY_PROJECT);
const draft = { args: {}, containerfile: "FROM scratch", parts: () => [] };
const rest = { draft, labels: {}, origin: { epoch: 1 }, noCache: false };
const job = { ...rest, target: target(of, "best", "one") };
await command("list", () => buildImage(job, of, { now() {}, log: process.env.SLIPWAY_PROJECT + "/log" }), []);
`,
    "bin/podman": `#!/bin/sh
cd "$SLIPWAY_PROJECT"
case $1 in
build) cat said; exit ${code} ;;
ps) echo "[]" ;;
*) echo "$@" >> asked ;;
esac
`,
  });
  chmodSync(join(root, "bin/podman"), 0o755);
  const child = Bun.spawn([process.execPath, join(root, "build.ts")], {
    env: {
      ...process.env,
      PATH: `${join(root, "bin")}:${process.env.PATH}`,
      SLIPWAY_PROJECT: root,
      CONTAINERS_CONF: "/dev/null",
    },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const stderr = await new Response(child.stderr).text();
  const asked = join(root, "asked");
  return { stderr, asked: existsSync(asked) ? readFileSync(asked, "utf8") : "" };
}

test("an image that lost files is removed, however much podman says after that", async () => {
  const { stderr, asked } = await build(`${line}\n${"and more\n".repeat(3000)}`, 0);
  expect(stderr).toContain("podman removed files of the image after a RUN with a mount");
  expect(asked).toBe("rmi --force registry.test/toys/toy-one:best\n");
});

test("after a failed build the last good image stays, and the cache is not to be used", async () => {
  const { stderr, asked } = await build(`${line}\nError: no\n`, 7);
  expect(stderr).toContain("podman build ended with exit code 7");
  expect(stderr).toContain("run this again with --no-cache");
  expect(asked).toBe("");
});

test("an image of a RUN that prints the words stays", async () => {
  expect(await build(`${words}\n`, 0)).toEqual({ stderr: "", asked: "" });
});
