import { afterEach, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isGone, ownerOf } from "../../lib/system/owner.ts";
import { isBetweenWrites } from "../../lib/system/podman-store.ts";
import { startOf } from "../../lib/system/process.ts";
import { checkout } from "../support/sandbox.ts";

// How programs are ended: podman by a stand-in for it, which writes a store and says where it is.

// a busy machine may take seconds to start a program
setDefaultTimeout(60_000);

let folder = "";
let child: Bun.Subprocess<"ignore", "ignore", "pipe"> | undefined;
const store = () => ({ root: join(folder, "graph"), driver: "overlay" });
const path = (name: string) => join(folder, name);

/** `build` writes an image's record, and its manifest when it may; `run` is a container that ignores SIGTERM until `rm` comes. */
const podman = () => `cd ${folder}
case $1 in
--version) echo "podman version 9.9.9" ;;
info) printf '%s\\n' ${folder}/graph overlay ;;
ps) [ -e removed ] || echo 4711 ;;
rm) echo "$@" > removed ;;
build)
    # nobody reads what it says when the command is gone: bash would tell of a child that was ended, and end by SIGPIPE
    exec > /dev/null 2>&1
    echo $$ > pid
    mkdir -p graph/overlay-images/abc
    echo '[{"id":"abc"}]' > graph/overlay-images/images.json
    touch began
    until [ -e go ]; do sleep 0.02; done
    echo '{}' > graph/overlay-images/abc/manifest
    sleep 60 ;;
run)
    echo "$@" > ran
    trap 'touch heard' TERM
    touch began
    until [ -e removed ]; do sleep 0.02; done ;;
esac
`;

const script = (words: string) => `import { command } from "${checkout}/lib/cli/command.ts";
import { podman } from "${checkout}/lib/tools/podman.ts";
await command("list", () => podman(${words}), []);
`;

function start(...words: string[]): void {
  writeFileSync(path("script.ts"), script(JSON.stringify(words)));
  child = Bun.spawn([process.execPath, path("script.ts")], {
    env: {
      ...process.env,
      PATH: `${folder}/bin:${process.env.PATH}`,
      SLIPWAY_PROJECT: folder,
      CONTAINERS_CONF: "/dev/null",
    },
    stdio: ["ignore", "ignore", "pipe"],
  });
}

const until = async (good: () => boolean) => {
  while (!good()) await Bun.sleep(20);
};

const runs = () => existsSync(path("pid")) && startOf(Number(readFileSync(path("pid"), "utf8"))) !== undefined;
const run = () => readdirSync(path(".slipway/run"));

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "slipway-ending-"));
  mkdirSync(path("bin"));
  writeFileSync(path("podman.sh"), podman());
  // the real one is known by its name among the processes
  writeFileSync(path("bin/podman"), `#!/bin/bash\nexec -a podman /bin/bash ${path("podman.sh")} "$@"\n`);
  chmodSync(path("bin/podman"), 0o755);
});

afterEach(() => {
  child?.kill("SIGKILL");
  if (runs()) process.kill(Number(readFileSync(path("pid"), "utf8")), "SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

test("Ctrl-C in the middle of a write: podman gets as far as the manifest, and no further", async () => {
  start("build", ".");
  await until(() => existsSync(path("began")));
  expect(isBetweenWrites(store())).toBe(false);
  child?.kill("SIGINT");
  // it is looked at and goes on, again and again
  for (let looks = 0; looks < 5; looks++) {
    await Bun.sleep(50);
    expect(runs()).toBe(true);
  }
  writeFileSync(path("go"), "");
  expect(await child?.exited).toBe(130);
  expect(isBetweenWrites(store())).toBe(true);
  expect(runs()).toBe(false);
  expect(run()).toEqual([]);
});

test("Ctrl-C while a command clears up what another one left: it waits for the program that does so", async () => {
  writeFileSync(
    path("script.ts"),
    `import { command } from "${checkout}/lib/cli/command.ts";
import { question } from "${checkout}/lib/system/question.ts";
const line = "touch ${path("began")}; until [ -e ${path("go")} ]; do sleep 0.02; done; sleep 0.1; touch ${path("ended")}";
await command("list", async () => void (await question(["sh", "-c", line], {}, { cleaning: true })), []);
`,
  );
  child = Bun.spawn([process.execPath, path("script.ts")], {
    env: { ...process.env, SLIPWAY_PROJECT: folder, CONTAINERS_CONF: "/dev/null" },
    stdio: ["ignore", "ignore", "pipe"],
  });
  await until(() => existsSync(path("began")));
  child.kill("SIGINT");
  await Bun.sleep(100);
  writeFileSync(path("go"), "");
  await child.exited;
  expect(existsSync(path("ended"))).toBe(true);
});

test.each(["(await run(words)).code", "(await question(words)).code", "await foreground(words)"])(
  "Ctrl-C ends a program before we hear of it: its end is no answer (%s)",
  async (code) => {
    const imports = ["cli/command", "system/question", "system/shell"].map(
      (file) => `import * as ${file.split("/")[1]}_ from "${checkout}/lib/${file}.ts";`,
    );
    writeFileSync(
      path("script.ts"),
      `${imports.join("\n")}
const { run, foreground } = shell_, { question } = question_;
const late = "(sleep 0.2; kill -INT " + process.pid + ") > /dev/null 2>&1 &";
const words = ["/bin/bash", "-c", late + " kill -INT $BASHPID"];
await command_.command("list", async () => {
  console.error("the answer is", ${code});
  return 0;
}, []);
`,
    );
    child = Bun.spawn([process.execPath, path("script.ts")], {
      env: { ...process.env, SLIPWAY_PROJECT: folder },
      stdio: ["ignore", "ignore", "pipe"],
    });
    const said = await new Response(child.stderr).text();
    expect([await child.exited, said]).toEqual([130, expect.not.stringContaining("the answer is")]);
  },
);

test("podman is out of the terminal's reach: a session of its own", async () => {
  start("build", ".");
  await until(() => existsSync(path("began")));
  const pid = readFileSync(path("pid"), "utf8").trim();
  const [, , , session] = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  expect(session).toBe(pid);
});

test("a second Ctrl-C ends at once; what is left is ended by the next command, between two writes", async () => {
  start("build", ".");
  await until(() => existsSync(path("began")));
  let over = false;
  child?.exited.then(() => {
    over = true;
  });
  while (!over) {
    child?.kill("SIGINT");
    await Bun.sleep(100);
  }
  expect(child?.exitCode).toBe(130);
  expect(runs()).toBe(true);
  expect(run()).toHaveLength(1);
  start("version");
  await until(() => !!child?.pid);
  await Bun.sleep(300);
  expect(runs()).toBe(true);
  writeFileSync(path("go"), "");
  expect(await child?.exited).toBe(0);
  expect(runs()).toBe(false);
  expect(isBetweenWrites(store())).toBe(true);
  expect(run()).toEqual([]);
});

test("a program that was asked something and does not end is not waited for", async () => {
  const stuck = `trap '' TERM; touch ${path("began")}; while :; do sleep 0.1; done`;
  writeFileSync(
    path("asks.ts"),
    `import { command } from "${checkout}/lib/cli/command.ts";
import { question } from "${checkout}/lib/system/question.ts";
await command("list", () => question(["sh", "-c", ${JSON.stringify(stuck)}]), []);
`,
  );
  const env = { ...process.env, SLIPWAY_PROJECT: folder };
  const asking = Bun.spawn([process.execPath, path("asks.ts")], { env, stdio: ["ignore", "ignore", "ignore"] });
  await until(() => existsSync(path("began")));
  asking.kill("SIGINT");
  expect(await asking.exited).toBe(130);
});

test("words that a process has among the processes are not run, whatever mark it has", async () => {
  const dead = "4194305-1";
  mkdirSync(path(`.slipway/run/${dead}`), { recursive: true });
  writeFileSync(path("bin/evil"), `#!/bin/sh\ntouch ${path("ran")}\n`, { mode: 0o755 });
  mkdirSync(path("evil"));
  symlinkSync("../bin/evil", path("evil/podman"));
  const env = { SLIPWAY_OWNER: dead, CONTAINERS_CONF: path("evil/conf") };
  const stranger = Bun.spawn(["sleep", "600"], { argv0: path("evil/podman"), env });
  start("version");
  expect(await child?.exited).toBe(0);
  expect(existsSync(path("ran"))).toBe(false);
  expect(await stranger.exited).not.toBe(0);
  expect(run()).toEqual([]);
});

test("a container that ignores SIGTERM is removed by its mark", async () => {
  start("run", "--rm", "image");
  await until(() => existsSync(path("began")));
  const mark = /--label=org\.slipway\.owner=(\S+)/.exec(readFileSync(path("ran"), "utf8"))?.[1] ?? "";
  expect(ownerOf(mark)).toBe(`${child?.pid}-${startOf(child?.pid ?? 0)}`);
  child?.kill("SIGINT");
  expect(await child?.exited).toBe(130);
  expect(readFileSync(path("removed"), "utf8")).toBe("rm --force --time 0 --volumes 4711\n");
  expect(run()).toEqual([]);
});

test("a build's container is between two writes when buildah knows it, podman's own always", () => {
  const containers = path("graph/overlay-containers");
  mkdirSync(join(containers, "b/userdata"), { recursive: true });
  const list = (text: string) => writeFileSync(join(containers, "containers.json"), text);
  list('[{"id":"a","metadata":"{}"}]');
  expect(isBetweenWrites(store())).toBe(true);
  list('[{"id":"b"}]');
  expect(isBetweenWrites(store())).toBe(false);
  writeFileSync(join(containers, "b/userdata/buildah.json"), "{}");
  expect(isBetweenWrites(store())).toBe(true);
});

test.each<[string, string | undefined]>([
  ["4711-815", "4711-815"],
  ["4711-815-ab12cd34", "4711-815"],
  ["root.tar.4711-815", "4711-815"],
  ["root.tar.4711-815.image", "4711-815"],
  ["root.tar", undefined],
  ["probe-4711", undefined],
  ["4711", undefined],
  ["containers.conf", undefined],
  ["2026-11-28.log", undefined],
])("whose is it: %s", (name, whose) => {
  expect(ownerOf(name)).toBe(whose);
});

test("a process is gone when its number is another one's, and when nobody waits for it", () => {
  expect(isGone(`${process.pid}-${startOf(process.pid)}`)).toBe(false);
  expect(isGone(`${process.pid}-1`)).toBe(true);
  expect(isGone("999999999-1")).toBe(true);
});
