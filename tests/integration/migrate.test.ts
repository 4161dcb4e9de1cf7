// reaches: migrate
import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import {
  appendFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { isSigned } from "../../lib/host/migrate/record.ts";
import { steps } from "../../lib/host/migrate/steps/all.ts";
import { listing, machineId, OldSystem } from "../support/old-system.ts";
import { checkout, exec, type Said } from "../support/sandbox.ts";
import { keys, Terminal } from "../support/terminal.ts";

// guara-migrate on the files of a system that came from Bazzite; homed and its friends are stand-ins that record how they are called.

setDefaultTimeout(120_000);
let system: OldSystem;
let etc: string[];
let home: string[];

const oldHome = "var/home/ana";
const newHome = "var/home/ana.homedir";
const aside = "var/home/ana.before-guaraos";
const state = "var/lib/guaraos/migrate";
const script = join(checkout, "scripts/migrate.ts");

beforeEach(() => {
  system = new OldSystem();
  etc = listing(system.path("etc"));
  home = listing(system.path(oldHome));
});
afterEach(() => system.remove());

const read = (path: string) => readFileSync(system.path(path), "utf8");
const run = (...args: string[]): Promise<Said> => system.migrate("--user", "ana", "--yes", ...args);

/** Nothing at all was changed. */
function expectUntouched(): void {
  expect(listing(system.path("etc"))).toEqual(etc);
  if (existsSync(system.path(oldHome))) expect(listing(system.path(oldHome))).toEqual(home);
  for (const path of [
    newHome,
    state,
    "var/roothome/migration_backups",
    "var/lib/systemd/home",
    "var/home/.ana.guara-migrate",
  ])
    expect([path, existsSync(system.path(path))]).toEqual([path, false]);
}

function answersFile(answers: object | string): string {
  const file = join(system.bin, ".answers.json");
  writeFileSync(file, typeof answers === "string" ? answers : JSON.stringify(answers));
  return file;
}

describe("a whole migration", () => {
  test("accounts, PAM and NSS, homes, report", async () => {
    const { code, stdout, stderr } = await run();
    expect(stderr).not.toContain("defect");
    expect([code, stdout]).toEqual([0, "ana: done; report: /var/lib/guaraos/migrate/current/report.txt\n"]);
    expect(read("etc/passwd")).toBe(
      "root:x:0:0:Super User:/root:/bin/bash\nsshd:x:74:74::/:/usr/sbin/nologin\nbia:x:1001:1001:Bia:/home/bia:/bin/bash\n",
    );
    expect(read("etc/shadow")).not.toContain("ana");
    expect(lstatSync(system.path("etc/shadow")).mode & 0o7777).toBe(0);
    expect(read("etc/group")).toBe("root:x:0:\nwheel:x:10:bia\nbia:x:1001:\nmedia:x:1500:\ngames:x:50:\n");
    expect(read("etc/gshadow")).toBe("root:::\nwheel:::bia\nbia:!::\nmedia:!::\n");
    expect(read("etc/subuid")).toBe("1000:524288:65536\nbia:589824:65536\n");
    expect(readdirSync(system.path("etc/pam.d")).sort()).toEqual(["login", "system-auth", "vlock"]);
    expect(read("etc/pam.d/system-auth")).toContain("pam_systemd_home.so");
    expect(lstatSync(system.path("etc/nsswitch.conf")).isFile()).toBe(true);
    expect(read("etc/nsswitch.conf")).toBe(read("usr/share/guaraos/pristine/etc/nsswitch.conf"));
    expect(read("etc/authselect/nsswitch.conf")).toContain("sss");
    expect(listing(system.path(aside))).toEqual(home);
    expect(existsSync(system.path(oldHome))).toBe(false);
    expect(readdirSync(system.path(newHome)).sort()).toEqual(
      [".bashrc", ".config", ".identity", ".local", ".ssh", "Documents", "Photos", "Pictures"].sort(),
    );
    expect(read(`${newHome}/.bashrc`)).toBe("# of the image\n");
    expect(readdirSync(system.path(`${newHome}/.config`)).sort()).toEqual(["Code", "google-chrome", "topgrade.d"]);
    expect(readdirSync(system.path("var/opt_overlay")).some((name) => name.startsWith("work.before-guaraos"))).toBe(
      true,
    );
    expect(existsSync(system.path("var/opt_overlay/upper"))).toBe(true);
    const report = read(`${state}/current/report.txt`);
    for (const text of [
      "/var/home/ana.before-guaraos",
      ".config/kdeglobals",
      "cockpit",
      "bia",
      "--rollback",
      "etc-ana-",
    ])
      expect(report).toContain(text);
  });

  test("the record is homed's own, with the same password, and nothing else that is kept has it", async () => {
    await run();
    const record = JSON.parse(read("var/lib/systemd/home/ana.identity"));
    expect(isSigned(record, read("var/lib/systemd/home/local.public"))).toBe(true);
    expect(record).toMatchObject({
      userName: "ana",
      uid: 1000,
      realName: "Ana Lürs",
      shell: "/bin/zsh",
      privileged: { hashedPassword: [expect.stringMatching(/^\$y\$/)] },
      binding: { [machineId]: { imagePath: "/home/ana.homedir", storage: "directory" } },
    });
    expect(record.memberOf).toEqual(expect.arrayContaining(["wheel", "docker", "games", "media"]));
    expect(record.memberOf).not.toContain("ana");
    for (const file of ["var/lib/systemd/home/ana.identity", `${newHome}/.identity`])
      expect([file, lstatSync(system.path(file)).mode & 0o777]).toEqual([file, 0o600]);
    for (const file of ["log", "plan.json", "journal", "report.txt"])
      expect(read(`${state}/current/${file}`)).not.toContain("$y$");
  });

  test("old entries leave only when the new account has answered", async () => {
    system.program(
      "homectl",
      `case "$*" in *inspect*) grep -c '^ana:' "${system.root}/etc/passwd" >&2; exit 1 ;; esac`,
    );
    const { code, stderr } = await run();
    expect([code, stderr]).toEqual([1, expect.stringContaining("the new account of ana does not answer")]);
    expect(read("etc/passwd")).toContain("ana:x:1000");
    expect(listing(system.path(oldHome))).toEqual(home);
    // homed is fixed, and it goes on
    system.program("homectl", `case "$*" in *inspect*) cat "${system.root}/var/lib/systemd/home/ana.identity" ;; esac`);
    expect((await run()).code).toBe(0);
    expect(read("etc/passwd")).not.toContain("ana:");
  }, 180_000);

  test("nobody knows the account without its old entry: that comes back at once", async () => {
    system.program("getent", `case "$*" in "-s systemd"*) echo "ana:x:1000:1000::/:/x" ;; *) exit 2 ;; esac`);
    const { code, stderr } = await run();
    expect([code, stderr]).toEqual([
      1,
      expect.stringContaining("without its old entry nobody knows ana: it was put back"),
    ]);
    expect(read("etc/passwd")).toContain("ana:x:1000:1000:Ana Lürs,,,:/var/home/ana:/bin/bash\n");
  });

  test("a second run says that it is done, and changes nothing", async () => {
    await run();
    const after = [listing(system.path("etc")), listing(system.path("var"))];
    const { code, stdout } = await run();
    expect([code, stdout]).toEqual([0, expect.stringContaining("ana: done already")]);
    expect([listing(system.path("etc")), listing(system.path("var"))]).toEqual(after);
  });

  test("the backup has all of /etc", async () => {
    await run();
    const folder = system.path("var/roothome/migration_backups");
    const [file = ""] = readdirSync(folder);
    expect(lstatSync(join(folder, file)).mode & 0o777).toBe(0o600);
    mkdirSync(join(folder, "out"));
    writeFileSync(join(folder, "plain"), Bun.zstdDecompressSync(readFileSync(join(folder, file))));
    const { code } = await exec(["tar", "--extract", `--file=${folder}/plain`, `--directory=${folder}/out`]);
    expect(code).toBe(0);
    const untimed = (lines: string[]) => lines.map((line) => line.replace(/ \d{15,} /, " "));
    expect(untimed(listing(join(folder, "out/etc")))).toEqual(untimed(etc));
  });

  test("a backup that is not what is in /etc ends it before anything else", async () => {
    const cut = `case "$*" in *--create*) exec /usr/bin/env -i PATH=/usr/bin:/bin sh -c 'tar "$@" | head -c 9000' sh "$@" ;;`;
    system.program("tar", `${cut} *) exec /usr/bin/env PATH=/usr/bin:/bin tar "$@" ;; esac`);
    const { code, stderr } = await run();
    expect([code, stderr]).toEqual([1, expect.stringContaining("the backup of /etc is not what is in /etc")]);
    expect(listing(system.path("etc"))).toEqual(etc);
    expect(listing(system.path(oldHome))).toEqual(home);
    expect(existsSync(system.path("var/home/.ana.guara-migrate"))).toBe(false);
  });

  test("a step that matters to no account fails, and is reported", async () => {
    system.program("flatpak", "echo broken >&2; exit 1");
    system.program("systemd-sysusers", "echo no luck >&2; exit 1");
    expect((await run()).code).toBe(0);
    expect(read(`${state}/current/report.txt`)).toMatch(
      /systemd-sysusers failed: no luck[\s\S]*repair of flatpaks failed: broken/,
    );
  });

  test("on a mounted system: nothing that runs here is asked", async () => {
    const { code, stdout } = await run("--root", system.root);
    expect([code, stdout]).toEqual([0, expect.stringContaining("ana: done")]);
    expect(system.calls.map((call) => call.split(" ")[0])).toEqual(["systemd-sysusers"]);
    expect(read("etc/passwd")).not.toContain("ana:");
    const record = JSON.parse(read("var/lib/systemd/home/ana.identity"));
    expect(isSigned(record, read("var/lib/systemd/home/local.public"))).toBe(true);
    const back = await system.migrate("--rollback", "--root", system.root);
    expect(back.code).toBe(0);
    expect(listing(system.path("etc"))).toEqual(etc);
  });

  test("a second person, afterwards; the way back is that one's", async () => {
    await run();
    system.write("etc/shadow", read("etc/shadow").replace("bia:!", "bia:$y$j9T$abc"));
    mkdirSync(system.path("var/home/bia/Documents"), { recursive: true });
    const { code, stdout } = await system.migrate("--user", "bia", "--yes");
    expect([code, stdout]).toEqual([0, expect.stringContaining("bia: done")]);
    expect(readdirSync(system.path(state)).sort()).toEqual(["current", "done-1"]);
    expect((await system.migrate("--rollback")).stdout).toContain("bia: rolled back");
    expect(read("etc/passwd")).toContain("bia:");
    expect(read("etc/passwd")).not.toContain("ana:");
  });
});

describe("looks first", () => {
  test("a dry run shows the plan and changes nothing", async () => {
    const { code, stdout } = await run("--dry-run");
    expect(code).toBe(0);
    for (const text of [
      "moves from Bazzite",
      "1. Back up /etc",
      "8. Report",
      ".ssh",
      "stays in the old home",
      ".bashrc",
      "cockpit",
      "vlock",
    ])
      expect(stdout).toContain(text);
    expectUntouched();
    expect(system.calls).toEqual(["homectl --no-pager --no-legend list"]);
  });

  test("while ana is logged in, too", async () => {
    system.write("proc/4711/status", "Name:\tplasmashell\nUid:\t1000\t1000\t1000\t1000\n");
    const { code, stdout } = await run("--dry-run");
    expect([code, stdout]).toEqual([0, expect.stringContaining("ana is logged in: log out everywhere")]);
    expectUntouched();
  });

  test("as JSON", async () => {
    const { stdout } = await run("--dry-run", "--json");
    const { plan, state: told } = JSON.parse(stdout);
    expect(told).toBe("would be migrated");
    expect(plan.items.map(({ path }: { path: string }) => path)).toEqual([
      ".ssh",
      ".config/google-chrome",
      ".config/Code",
      ".local/share/Steam",
      "Documents",
      "Photos",
      "Pictures",
    ]);
    expectUntouched();
  });
});

describe("answers", () => {
  test("from a file: items, groups, shell", async () => {
    const file = answersFile({
      user: "ana",
      items: [".ssh", ".bashrc"],
      groups: ["wheel"],
      shell: "/bin/bash",
      flatpaks: false,
      confirm: "MIGRATE",
    });
    const { code } = await system.migrate("--answers", file);
    expect(code).toBe(0);
    expect(readdirSync(system.path(newHome)).sort()).toEqual([".bashrc", ".config", ".identity", ".ssh"]);
    expect(read(`${newHome}/.bashrc`)).toBe("# of Fedora\n");
    expect(JSON.parse(read("var/lib/systemd/home/ana.identity"))).toMatchObject({
      memberOf: ["wheel"],
      shell: "/bin/bash",
    });
    expect(system.calls.some((call) => call.startsWith("flatpak"))).toBe(false);
  });

  const rows: [string, object | string, RegExp][] = [
    ["no JSON", "{", /cannot be read as answers/],
    ["another key", { user: "ana", password: "x" }, /does not answer what is asked[\s\S]*password/],
    ["another word", { user: "ana", confirm: "YES" }, /confirm/],
    ["no word", { user: "ana" }, /there is no terminal to ask in, and no answers/],
    ["nobody", { user: "eve", confirm: "MIGRATE" }, /there is no user eve/],
    ["what the home has not", { user: "ana", items: ["Musik"], confirm: "MIGRATE" }, /the home has no Musik/],
    ["no shell", { user: "ana", shell: "/bin/absent", confirm: "MIGRATE" }, /\/bin\/absent is no shell/],
    ["a group that is none", { user: "ana", groups: ["a:b"], confirm: "MIGRATE" }, /groups/],
  ];
  test.each(rows)("%s", async (_, answers, message) => {
    const { code, stderr } = await system.migrate("--answers", answersFile(answers));
    expect([code, stderr]).toEqual([2, expect.stringMatching(message)]);
    expectUntouched();
  });

  test("a file that is not there", async () => {
    expect((await system.migrate("--answers", "/nowhere.json")).code).toBe(2);
    expectUntouched();
  });
});

describe("refuses, and changes nothing", () => {
  const passwd = (change: (text: string) => string) => () => system.write("etc/passwd", change(read("etc/passwd")));
  const rows: [string, () => void, number, RegExp][] = [
    ["no such user", passwd((t) => t.replace(/^ana.*\n/m, "")), 2, /there is no user ana/],
    ["nobody to migrate", passwd((t) => t.replace(/^(ana|bia).*\n/gm, "")), 1, /there is no user to migrate/],
    [
      "already homed",
      () => system.write("var/lib/systemd/home/ana.identity", "{}"),
      1,
      /has a home of systemd-homed already/,
    ],
    ["already homed, by its home", () => mkdirSync(system.path(newHome)), 1, /already/],
    ["a system account", passwd((t) => t.replace("ana:x:1000:", "ana:x:999:")), 1, /the number 999/],
    [
      "a number that is taken",
      () => appendFileSync(system.path("etc/group"), "other:x:1000:\n"),
      1,
      /also that of the group other/,
    ],
    [
      "logged in",
      () => system.write("proc/4711/status", "Name:\tplasmashell\nUid:\t1000\t1000\t1000\t1000\n"),
      1,
      /ana is logged in[\s\S]*plasmashell \(4711\)/,
    ],
    ["home elsewhere", passwd((t) => t.replace("/var/home/ana", "/data/ana")), 1, /not where homes are: \/data\/ana/],
    [
      "home that is a link",
      () => {
        renameSync(system.path(oldHome), system.path("var/elsewhere"));
        symlinkSync("/var/elsewhere", system.path(oldHome));
      },
      1,
      /not where homes are/,
    ],
    ["home missing", () => rmSync(system.path(oldHome), { recursive: true }), 1, /ana has no home/],
    [
      "home a file",
      () => {
        rmSync(system.path(oldHome), { recursive: true });
        writeFileSync(system.path(oldHome), "");
      },
      1,
      /is no folder/,
    ],
    [
      "home encrypted",
      () => mkdirSync(system.path("var/home/.ecryptfs/ana"), { recursive: true }),
      1,
      /encrypted \(eCryptfs\)/,
    ],
    [
      "home encrypted by gocryptfs",
      () => writeFileSync(system.path(`${oldHome}/gocryptfs.conf`), ""),
      1,
      /encrypted \(gocryptfs\)/,
    ],
    ["no password", () => system.write("etc/shadow", "ana:!:20000::::::\n"), 1, /has no password, or a locked one/],
    [
      "homed absent",
      () => unlinkSync(system.path("usr/lib/systemd/systemd-homed")),
      3,
      /this system has no systemd-homed/,
    ],
    [
      "homed silent",
      () => system.program("homectl", "echo Connection timed out >&2; exit 1"),
      1,
      /does not answer[\s\S]*timed out/,
    ],
    [
      "no pristine /etc",
      () => rmSync(system.path("usr/share/guaraos"), { recursive: true }),
      3,
      /carries no pristine \/etc/,
    ],
    [
      "pristine PAM without homed",
      () => system.write("usr/share/guaraos/pristine/etc/pam.d/system-auth", "auth required pam_unix.so\n"),
      3,
      /PAM does not know systemd-homed/,
    ],
    [
      "/etc transient",
      () => system.write("usr/lib/ostree/prepare-root.conf", "[etc]\ntransient = true\n"),
      1,
      /does not outlive a reboot/,
    ],
    ["no machine id", () => system.write("etc/machine-id", "uninitialized\n"), 1, /no machine id/],
    [
      "unknown distribution",
      () => {
        for (const path of ["etc/yum.repos.d", "etc/fedora-release", "etc/authselect", "etc/nsswitch.conf"])
          rmSync(system.path(path), { recursive: true, force: true });
      },
      1,
      /what ran before is unknown/,
    ],
  ];
  test.each(rows)("%s", async (_, spoil, expected, message) => {
    spoil();
    etc = listing(system.path("etc"));
    const there = existsSync(system.path(oldHome)) && lstatSync(system.path(oldHome)).isDirectory();
    if (there) home = listing(system.path(oldHome));
    const before = listing(system.path("var"));
    const { code, stderr } = await run();
    expect([code, stderr]).toEqual([expected, expect.stringMatching(message)]);
    expect(stderr).toContain("next: ");
    expect(listing(system.path("etc"))).toEqual(etc);
    expect(listing(system.path("var"))).toEqual(before);
  });

  test("a name that homed refuses", async () => {
    system.write(
      "etc/passwd",
      read("etc/passwd").replace(/^ana.*$/m, "ana.lima:x:1000:1000::/var/home/ana.lima:/bin/bash"),
    );
    const { code, stderr } = await system.migrate("--user", "ana.lima", "--yes");
    expect([code, stderr]).toEqual([2, expect.stringContaining('systemd-homed takes no user called "ana.lima"')]);
  });

  test("root without a user", async () => {
    const { code, stderr } = await system.migrate("--yes");
    expect([code, stderr]).toEqual([2, expect.stringMatching(/root has no home[\s\S]*one of: ana bia/)]);
    expectUntouched();
  });

  test("who called sudo is who is meant", async () => {
    const { code, stdout } = await exec([process.execPath, script, "--dry-run"], { ...system.env, SUDO_USER: "ana" });
    expect([code, stdout]).toEqual([0, expect.stringContaining("ana (1000) moves")]);
  });

  test("not root", async () => {
    // somebody else, who may read this checkout wherever it lies
    const may = "+dac_override,+dac_read_search";
    const other = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    const words = [...other, `--inh-caps=${may}`, `--ambient-caps=${may}`, process.execPath, script];
    const { code, stderr } = await exec([...words, "--user", "ana", "--yes"], system.env);
    expect([code, stderr]).toEqual([3, expect.stringContaining("only root can move accounts")]);
    expectUntouched();
  });

  test("no terminal and no answers", async () => {
    const { code, stderr } = await system.migrate("--user", "ana");
    expect([code, stderr]).toEqual([2, expect.stringContaining("there is no terminal to ask in")]);
    expectUntouched();
  });

  test("no tar for the backup", async () => {
    const env = { ...system.env, PATH: system.bin };
    const { code, stderr } = await exec([process.execPath, script, "--user", "ana", "--yes"], env);
    expect([code, stderr]).toEqual([3, expect.stringContaining("the backup of /etc needs tar, which")]);
    expectUntouched();
  });

  test("a root that is none", async () => {
    expect(await run("--root", "/nowhere")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("there is no system at /nowhere"),
    });
  });

  /** In a mount namespace of its own: `prepare` mounts something, then the command runs. */
  const mounted = (prepare: string) =>
    exec(
      [
        "unshare",
        "--mount",
        "sh",
        "-ec",
        `${prepare}; exec "$@"`,
        "sh",
        process.execPath,
        script,
        "--user",
        "ana",
        "--yes",
      ],
      system.env,
    );

  test("/etc read-only", async () => {
    const { code, stderr } = await mounted(
      `mount --bind "${system.root}/etc" "${system.root}/etc"; mount -o remount,bind,ro "${system.root}/etc"`,
    );
    expect([code, stderr]).toEqual([1, expect.stringContaining("/etc cannot be written")]);
    expectUntouched();
  });

  test("home on another disk", async () => {
    const { code, stderr } = await mounted(`mount -t tmpfs none "${system.root}/${oldHome}"`);
    expect([code, stderr]).toEqual([1, expect.stringContaining("is on another disk")]);
    expectUntouched();
  });

  test("too little space", async () => {
    const home = `${system.root}/var/home`;
    const copy = `cp -a "${home}" "${system.root}/copy"; mount -t tmpfs -o size=32M none "${home}"; cp -a "${system.root}/copy/." "${home}"; rm -r "${system.root}/copy"`;
    const { code, stderr } = await mounted(copy);
    expect([code, stderr]).toEqual([1, expect.stringMatching(/too little room[\s\S]*needed, .* free/)]);
    expectUntouched();
  });
});

/** Runs the command so that it is killed at the nth of the calls; without n they are counted. */
async function dying(n: number, calls: string, ...args: string[]): Promise<{ code: number; counted: number }> {
  const count = join(system.bin, ".count");
  const env = { ...system.env, DIE_CALLS: calls, DIE_AT: String(n), DIE_COUNT: count };
  const preload = join(checkout, "tests/support/die-at.ts");
  const { code } = await exec([process.execPath, "--preload", preload, script, ...args], env);
  return { code, counted: code === 137 ? n : Number(readFileSync(count, "utf8")) };
}
const once = ["--user", "ana", "--yes"];
const untimed = (lines: string[]) =>
  lines.filter((l) => !l.startsWith(".identity ")).map((line) => line.replace(/ \d{15,} /, " "));
const end = () => untimed([...listing(system.path("etc")), ...listing(system.path(newHome))]);

describe("killed", () => {
  test("at lines of the journal, and run again: the end is the same", async () => {
    const { counted } = await dying(0, "fdatasyncSync", ...once);
    const reference = end();
    expect(counted).toBeGreaterThan(50);
    for (let n = 1; n <= counted; n += 5) {
      system.remove();
      system = new OldSystem();
      home = listing(system.path(oldHome));
      expect([n, (await dying(n, "fdatasyncSync", ...once)).code]).toEqual([n, 137]);
      expect([n, (await run()).code]).toEqual([n, 0]);
      expect([n, end()]).toEqual([n, reference]);
      expect([n, listing(system.path(aside))]).toEqual([n, home]);
    }
  }, 600_000);

  test.each(steps.map(({ id }) => id))("after the step %s, and run again: the end is the same", async (id) => {
    expect((await run()).code).toBe(0);
    const reference = end();
    system.remove();
    system = new OldSystem();
    home = listing(system.path(oldHome));
    const preload = join(checkout, "tests/vm/migrate/die-after-step.ts");
    const killed = await exec([process.execPath, "--preload", preload, script, ...once], {
      ...system.env,
      DIE_AFTER: id,
    });
    expect(killed.code).toBe(137);
    expect((await run()).code).toBe(0);
    expect(end()).toEqual(reference);
    expect(listing(system.path(aside))).toEqual(home);
  });

  test("at some of all changes, and taken back: /etc and the old home are what they were", async () => {
    const all = "fdatasyncSync renameSync unlinkSync rmdirSync mkdirSync writeFileSync symlinkSync chownSync";
    const { counted } = await dying(0, all, ...once);
    // a stride of 9 meets every kind of change; all of them take minutes
    for (let n = 3; n <= counted; n += 9) {
      system.remove();
      system = new OldSystem();
      etc = listing(system.path("etc"));
      home = listing(system.path(oldHome));
      await dying(n, all, ...once);
      // the way back is killed too
      await dying(1 + ((n * 7) % 40), all, "--rollback");
      expect([n, (await system.migrate("--rollback")).code]).toEqual([n, 0]);
      expect([n, listing(system.path("etc"))]).toEqual([n, etc]);
      expect([n, listing(system.path(oldHome))]).toEqual([n, home]);
      expect([n, existsSync(system.path("var/lib/systemd/home/ana.identity"))]).toEqual([n, false]);
    }
  }, 600_000);

  test("what ana changed in the old home meanwhile comes along", async () => {
    // the account is not there yet: she logs in to the old home
    system.program("systemctl", "exit 1");
    expect((await run()).code).toBe(1);
    rmSync(system.path(newHome), { recursive: true });
    await system.migrate("--rollback");
    const { code } = await dying(20, "fdatasyncSync", ...once);
    expect(code).toBe(137);
    expect(existsSync(system.path(newHome))).toBe(false);
    system.write(`${oldHome}/Documents/new.txt`, "written meanwhile\n");
    rmSync(system.path(`${oldHome}/.ssh/id_ed25519`));
    system.program("systemctl", "");
    expect((await run()).code).toBe(0);
    expect(read(`${newHome}/Documents/new.txt`)).toBe("written meanwhile\n");
    expect(existsSync(system.path(`${newHome}/.ssh/id_ed25519`))).toBe(false);
  });

  test("when the new home has its name, and no line says so yet", async () => {
    const { counted } = await dying(0, "fsyncSync", ...once);
    /** Kills it at the nth of these calls. @returns whether the new home had its name */
    const hasName = async (n: number) => {
      system.remove();
      system = new OldSystem();
      await dying(n, "fsyncSync", ...once);
      return existsSync(system.path(newHome));
    };
    // the first of these calls after the rename
    let [before, after] = [0, counted];
    while (after - before > 1) {
      const middle = Math.floor((before + after) / 2);
      if (await hasName(middle)) after = middle;
      else before = middle;
    }
    expect(await hasName(after)).toBe(true);
    expect(read(`${state}/current/journal`)).not.toContain('"done","step":"place"');
    expect((await run()).code).toBe(0);
    expect(existsSync(system.path(aside))).toBe(true);
  }, 600_000);

  /** Up to the step `place`, and no further. */
  async function placed(): Promise<void> {
    const preload = join(checkout, "tests/vm/migrate/die-after-step.ts");
    const argv = [process.execPath, "--preload", preload, script, ...once];
    expect((await exec(argv, { ...system.env, DIE_AFTER: "place" })).code).toBe(137);
  }

  test("what ana did in the old home after the new one was made is not set aside: refused, and anew it comes along", async () => {
    await placed();
    system.write(`${oldHome}/Documents/new.txt`, "a week of work\n");
    const { code, stderr } = await run();
    expect([code, stderr]).toEqual([1, expect.stringContaining("the old home changed after it was copied: ")]);
    expect(stderr).toContain("guara-migrate --rollback");
    expect(existsSync(system.path(aside))).toBe(false);
    expect((await system.migrate("--rollback")).code).toBe(0);
    expect((await run()).code).toBe(0);
    expect(read(`${newHome}/Documents/new.txt`)).toBe("a week of work\n");
  });

  test("a password that ana changed after the new home was made is not lost: refused, and anew it is the new one", async () => {
    await placed();
    const hash = `$6$anothersalt$${"x".repeat(86)}`;
    writeFileSync(system.path("etc/shadow"), read("etc/shadow").replace(/^ana:[^:]*/m, `ana:${hash}`));
    const { code, stderr } = await run();
    expect([code, stderr]).toEqual([1, expect.stringContaining("the password of ana changed")]);
    expect((await system.migrate("--rollback")).code).toBe(0);
    expect((await run()).code).toBe(0);
    expect(read("var/lib/systemd/home/ana.identity")).toContain(hash);
  });

  test("in the middle of a line of the journal", async () => {
    await dying(9, "fdatasyncSync", ...once);
    appendFileSync(system.path(`${state}/current/journal`), '{"at":"2026-01-01T00:00:00Z","type":"do');
    expect((await run()).code).toBe(0);
    for (const line of read(`${state}/current/journal`).trim().split("\n")) JSON.parse(line);
  });
});

describe("the way back", () => {
  test("puts back every file of /etc and the old home; what was written to the new home is kept", async () => {
    await run();
    system.write(`${newHome}/Documents/new.txt`, "worked on\n");
    const { code, stdout } = await system.migrate("--rollback", "--json");
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      user: "ana",
      state: "rolled back",
      journal: "/var/lib/guaraos/migrate/rolled-back-1",
    });
    expect(listing(system.path("etc"))).toEqual(etc);
    expect(listing(system.path(oldHome))).toEqual(home);
    expect(read("var/home/ana.from-guaraos/Documents/new.txt")).toBe("worked on\n");
    expect(existsSync(system.path("var/lib/systemd/home/local.private"))).toBe(false);
    expect(readdirSync(system.path("var/opt_overlay")).sort()).toEqual(["upper", "work"]);
    expect(system.calls.at(-1)).toBe("systemctl restart systemd-homed.service");
    // and then anew
    expect((await run()).code).toBe(0);
    expect((await system.migrate("--rollback")).code).toBe(0);
    expect(readdirSync(system.path("var/home")).sort()).toEqual(["ana", "ana.from-guaraos", "ana.from-guaraos-2"]);
  });

  test("a user who was made since stays, and so does what others changed", async () => {
    await run();
    appendFileSync(system.path("etc/passwd"), "new:x:1002:1002::/home/new:/bin/bash\n");
    appendFileSync(system.path("etc/nsswitch.conf"), "# mine\n");
    const { stderr } = await system.migrate("--rollback");
    expect(read("etc/passwd")).toContain("new:x:1002:1002");
    expect(read("etc/passwd")).toContain("ana:x:1000:1000:Ana Lürs,,,:/var/home/ana:/bin/bash");
    expect(stderr).toContain("/etc/nsswitch.conf was changed since the migration");
    expect(read(`${state}/rolled-back-1/changed-since-nsswitch.conf`)).toContain("# mine");
    expect(lstatSync(system.path("etc/nsswitch.conf")).isSymbolicLink()).toBe(true);
  });

  test("not while ana is logged in", async () => {
    await run();
    const after = listing(system.path("etc"));
    system.write("proc/4711/status", "Name:\tzsh\nUid:\t1000\t1000\t1000\t1000\n");
    const { code, stderr } = await system.migrate("--rollback");
    expect([code, stderr]).toEqual([1, expect.stringContaining("the home is in use")]);
    expect(listing(system.path("etc"))).toEqual(after);
  });

  test("of nothing", async () => {
    expect(await system.migrate("--rollback")).toMatchObject({
      code: 0,
      stderr: "there is no migration to take back\n",
    });
    expectUntouched();
  });

  test("a dry run tells what it would do", async () => {
    await run();
    const after = listing(system.path("var"));
    const { code, stdout } = await system.migrate("--rollback", "--dry-run");
    expect([code, stdout]).toEqual([0, expect.stringContaining('"path":"/etc/passwd"')]);
    expect(listing(system.path("var"))).toEqual(after);
  });

  test("one that was begun is ended before anything else", async () => {
    await run();
    await dying(12, "fdatasyncSync renameSync", "--rollback");
    expect(await run()).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("a rollback was begun and not ended"),
    });
  });
});

describe("on a terminal", () => {
  const env = () => ({ ...system.env, CI: undefined });

  test("asks whose home, what comes along, groups, shell, flatpaks, and the word", async () => {
    const terminal = new Terminal([process.execPath, script], env());
    await terminal.see("Whose home moves?");
    terminal.press(keys.enter);
    await terminal.see("What comes along?");
    await terminal.see(".ssh");
    // the first is taken out
    terminal.press(keys.space, keys.enter);
    await terminal.see("Groups of the account");
    terminal.press(keys.enter);
    await terminal.see("Shell");
    terminal.press(keys.down, keys.enter);
    await terminal.see("Repair flatpaks");
    terminal.press("n");
    await terminal.see("8. Report");
    await terminal.see("Type MIGRATE to begin");
    terminal.press("MIGRATE", keys.enter);
    await terminal.see("ana: done; report");
    expect(await terminal.end()).toBe(0);
    expect(existsSync(system.path(`${newHome}/.ssh`))).toBe(false);
    expect(JSON.parse(read("var/lib/systemd/home/ana.identity")).shell).toBe("/bin/bash");
  });

  test("another word is asked for again, none leaves it", async () => {
    const terminal = new Terminal([process.execPath, script, "--user", "ana"], env());
    for (const question of ["What comes along?", "Groups", "Shell"]) {
      await terminal.see(question);
      terminal.press(keys.enter);
    }
    await terminal.see("Repair flatpaks");
    terminal.press("y");
    await terminal.see("Type MIGRATE");
    terminal.press("yes", keys.enter);
    await terminal.see("MIGRATE, or nothing to leave it");
    terminal.press(keys.backspace, keys.backspace, keys.backspace, keys.enter);
    expect(await terminal.end()).toBe(130);
    expectUntouched();
  });

  test("Ctrl-C in the middle: the next run goes on", async () => {
    system.program("flatpak", "sleep 60");
    const terminal = new Terminal([process.execPath, script, "--user", "ana", "--yes"], env());
    await terminal.see("… flatpak repair");
    terminal.press(keys.interrupt);
    expect(await terminal.end()).toBe(130);
    system.program("flatpak", "");
    const { code, stderr } = await run();
    expect([code, stderr]).toEqual([0, expect.stringContaining("it continues where it stopped")]);
    expect(stderr).not.toContain("home data copied");
  });

  test("Ctrl-C at a question", async () => {
    const terminal = new Terminal([process.execPath, script], env());
    await terminal.see("Whose home moves?");
    terminal.press(keys.interrupt);
    expect(await terminal.end()).toBe(130);
    expectUntouched();
  });
});

test("two at a time: the second one waits for nothing and says so", async () => {
  const first = exec(["flock", system.path("etc"), "sleep", "5"]);
  await Bun.sleep(300);
  expect(await run()).toMatchObject({ code: 1, stderr: expect.stringContaining("guara-migrate runs already") });
  expectUntouched();
  await first;
});
