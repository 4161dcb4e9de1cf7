// reaches: run lib/tools/rootless.ts lib/tools/podman-failures.ts lib/cli/commands doctor
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  cpSync,
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
import { podmanFailureIn } from "../../lib/tools/podman-failures.ts";
import { checkout, exec, type Said } from "../support/sandbox.ts";

// Debian's podman for a user who is not root: first without uidmap, as apt leaves it with --no-install-recommends, then with the
// package's own programs. A mount namespace gives this machine that user, a range of numbers, and no newuidmap.
setDefaultTimeout(120_000);

const folder = mkdtempSync(join(tmpdir(), "slipway-rootless-"));
const home = join(folder, "home");
const user = 23_456;
const names = ["newuidmap", "newgidmap"];

const enter = `set -eu
for name in passwd group subuid subgid; do touch "/etc/$name"; mount --bind "$0/$name" "/etc/$name"; done
for name in ${names.join(" ")}; do [ ! -e "/usr/bin/$name" ] || mount --bind /dev/null "/usr/bin/$name"; done
mount --bind "$CHECKOUT" "$0/home/slipway"
mount --bind "$0/state" "$0/home/slipway/.slipway"
cd "$0/home/slipway"
exec setpriv --reuid ana --regid ana --clear-groups env -i HOME="$0/home" XDG_RUNTIME_DIR="$0/home/run" CI=true PATH="$EXTRA$0/bun:/usr/bin:/bin:/usr/sbin" "$@"`;

/** Podman leaves a process that keeps the namespaces of its first call. */
function endProcesses(): void {
  const theirs = (pid: string) => {
    try {
      return new RegExp(`^Uid:\\t${user}\\t`, "m").test(readFileSync(`/proc/${pid}/status`, "utf8"));
    } catch {
      return false; // it has ended, or is no process
    }
  };
  for (const pid of readdirSync("/proc").filter(theirs)) process.kill(Number(pid), "SIGKILL");
}

/** Runs something as the user, in a clone of hers. @param extra folders that come first on the PATH, each with a colon behind it */
async function asUser(argv: string[], extra = ""): Promise<Said> {
  const env = { CHECKOUT: checkout, EXTRA: extra };
  const said = await exec(["unshare", "--mount", "sh", "-c", enter, folder, ...argv], env);
  endProcesses();
  return said;
}
/** The last line is podman's reason; lines before it warn that the namespace is not shared. */
const reason = (said: Said) => said.stderr.trim().split("\n").at(-1) ?? "";

function ranges(text: string): void {
  for (const name of ["subuid", "subgid"]) writeFileSync(join(folder, name), text);
}

beforeAll(() => {
  for (const [name, line] of Object.entries({
    passwd: `ana:x:${user}:${user}::${home}:/bin/sh`,
    group: `ana:x:${user}:`,
  }))
    writeFileSync(join(folder, name), `${readFileSync(`/etc/${name}`, "utf8")}${line}\n`);
  ranges("ana:524288:65536\n");
  for (const name of ["home", "home/slipway", "home/run", "state", "bun"])
    mkdirSync(join(folder, name), { mode: 0o755 });
  for (const name of ["home", "home/slipway", "home/run", "state"]) chownSync(join(folder, name), user, user);
  cpSync(process.execPath, join(folder, "bun/bun"));
  symlinkSync("bun", join(folder, "bun/bunx"));
  chmodSync(folder, 0o755);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** uidmap's programs, as the package has them: with the set-uid bit. */
async function unpackIdMaps(): Promise<string> {
  const download = () => exec(["apt-get", "download", "-qq", "uidmap"], {}, folder);
  let got = await download();
  // a machine that has installed nothing yet may have no lists
  if (got.code !== 0 && (await exec(["apt-get", "update", "-qq"])).code === 0) got = await download();
  const unpacked = await exec(["sh", "-c", "dpkg -x uidmap_*.deb uidmap"], {}, folder);
  if (got.code !== 0 || unpacked.code !== 0) throw new Error(`${got.stderr}\n${unpacked.stderr}`);
  return `${join(folder, "uidmap/usr/bin")}:`;
}
const podman = (extra = "") => asUser(["podman", "unshare", "cat", "/proc/self/uid_map"], extra);

/** Whether the kernel lets a user make a namespace: not in a chroot, and not where that is switched off. */
function usersMayMakeNamespaces(): boolean {
  const words = [
    "setpriv",
    "--reuid",
    String(user),
    "--regid",
    String(user),
    "--clear-groups",
    "unshare",
    "--user",
    "true",
  ];
  return Bun.spawnSync(words, { stdout: "ignore", stderr: "ignore" }).exitCode === 0;
}

/** Root makes the mount namespace; the package is Debian's. */
const canRun = process.getuid?.() === 0 && Bun.which("apt-get") !== null && usersMayMakeNamespaces();

test.skipIf(!canRun)("without uidmap podman refuses, ./run names the package, and doctor does", async () => {
  const said = await podman();
  expect([said.code, podmanFailureIn(reason(said))?.kind]).toEqual([125, "no id maps"]);

  const install = "apt-get install -y --no-install-recommends uidmap";
  const run = await asUser(["./run", "build", "amd64", "minimal"]);
  expect([run.code, run.stderr]).toEqual([3, expect.stringContaining(install)]);

  const doctor = await asUser(["./run", "doctor", "--json"]);
  const { tools } = JSON.parse(doctor.stdout) as { tools: { name: string; state: string; fix?: string }[] };
  const shown = tools.filter(({ name }) => names.includes(name));
  const missing = names.map((name) => expect.objectContaining({ name, state: "missing", fix: `sudo ${install}` }));
  expect([doctor.code, shown]).toEqual([3, missing]);
});

test.skipIf(!canRun)(
  "without the set-uid bit, or without a range of numbers: podman's own words are known",
  async () => {
    const path = await unpackIdMaps();
    for (const name of names) chmodSync(join(folder, "uidmap/usr/bin", name), 0o755);
    const weak = await podman(path);
    expect([weak.code === 0, podmanFailureIn(weak.stderr)?.kind]).toEqual([false, "weak id maps"]);
    ranges("");
    const without = await asUser(["podman", "info"], path);
    expect(podmanFailureIn(without.stderr)?.kind).toBe("no id range");
    ranges("ana:524288:65536\n");
  },
);

test.skipIf(!canRun)("with uidmap podman runs, and neither ./run nor doctor asks for anything", async () => {
  const path = await unpackIdMaps();
  const said = await podman(path);
  expect([said.code, said.stdout.trim().split(/\s+/)]).toEqual([0, ["0", String(user), "1", "1", "524288", "65536"]]);
  const doctor = await asUser(["./run", "doctor", "--json"], path);
  const { tools, podman: health } = JSON.parse(doctor.stdout);
  const shown = tools.filter(({ name }: { name: string }) => names.includes(name));
  expect(shown).toEqual(names.map((name) => expect.objectContaining({ name, state: "good" })));
  expect(health).toMatchObject({ works: true });
});
