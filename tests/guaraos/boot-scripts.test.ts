// reaches: overlays/
// This file is about GuaraOS: the first-boot scripts of its overlays, on a root below a temporary folder. Programs that would
// change the machine are replaced by stand-ins that write down how they were called; the real thing is proven in a VM.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  existsSync,
  lchownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";

const overlays = resolve(import.meta.dir, "../../overlays");
const script = {
  swap: join(overlays, "base/usr/libexec/guaraos/swap-setup"),
  snapper: join(overlays, "base/usr/libexec/guaraos/snapper-setup"),
  flatpak: join(overlays, "base/usr/libexec/guaraos/flatpak-stale-caches"),
  autologin: join(overlays, "gamestation/usr/libexec/guaraos/gamestation-setup"),
};

let top = "";
let root = "";

/** What each program of a machine does here. $FAKE holds its state: type, free, active, passwd and the calls. */
const standIns: Record<string, string> = {
  // A subvolume is a folder with the file .subvolume in it.
  btrfs: `case "$1 $2" in
    "subvolume create") mkdir "$3" && : >"$3/.subvolume" ;;
    "subvolume show") [ -e "$3/.subvolume" ] ;;
    "filesystem mkswapfile") echo "btrfs $4" >"$5" ;;
    *) exit 9 ;;
  esac`,
  stat: `case "$1" in --file-system) cat "$FAKE/type" ;; *) exec /usr/bin/stat "$@" ;; esac`,
  df: `echo Avail; cat "$FAKE/free"`,
  fallocate: `echo "fallocate $2" >"$3"`,
  mkswap: `echo mkswap >>"$1"`,
  swapon: `case "$1" in
    --noheadings) cat "$FAKE/active" ;;
    *) [ ! -e "$FAKE/swapon-fails" ] || { echo "swapon: Invalid argument" >&2; exit 255; }; echo "$3" >>"$FAKE/active" ;;
  esac`,
  snapper: "",
  getent: `cat "$FAKE/passwd"`,
  pgrep: `[ -e "$FAKE/updating" ]`,
  sync: "",
};

function put(path: string, text = ""): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

function run(path: string, env: Record<string, string> = {}): { code: number; log: string } {
  const { exitCode, stdout, stderr } = Bun.spawnSync([path], {
    env: { PATH: `${join(top, "bin")}:/usr/sbin:/usr/bin:/sbin:/bin`, FAKE: top, SLIPWAY_ROOT: root, ...env },
  });
  return { code: exitCode, log: stdout.toString() + stderr.toString() };
}

const at = (path: string) => join(root, path);
const read = (path: string) => readFileSync(at(path), "utf8");
const calls = () => (existsSync(join(top, "calls")) ? readFileSync(join(top, "calls"), "utf8").trim().split("\n") : []);
const forget = () => rmSync(join(top, "calls"), { force: true });
const state = (name: string, text: string) => put(join(top, name), text);

beforeEach(() => {
  top = mkdtempSync(join(tmpdir(), "slipway-first-boot-"));
  root = join(top, "root");
  for (const [name, body] of Object.entries(standIns)) {
    const path = join(top, "bin", name);
    // Looking is no change: only what acts is written down.
    put(
      path,
      `#!/bin/sh\ncase "$*" in --file-system*|--format*|"subvolume show"*|--noheadings*|--block-size*) ;; *) echo "${name} $*" >>"$FAKE/calls" ;; esac\n${body}\n`,
    );
    chmodSync(path, 0o755);
  }
  state("type", "btrfs\n");
  state("free", "102400\n");
  state("active", "");
  state("passwd", "root:x:0:0::/root:/bin/bash\n");
  put(at("etc/fstab"), "LABEL=root / btrfs defaults 0 0\n");
  mkdirSync(at("var"));
});

afterEach(() => rmSync(top, { recursive: true, force: true }));

describe("swap", () => {
  const fstabLine = "/var/swap/swapfile none swap defaults,nofail,pri=10 0 0";
  const entries = () =>
    read("etc/fstab")
      .split("\n")
      .filter((line) => line.startsWith("/var/swap/swapfile "));

  test("on btrfs: the subvolume, then the file under another name, then on, then one line in fstab", () => {
    const { code, log } = run(script.swap);
    expect(code).toBe(0);
    expect(calls().filter((c) => /^(btrfs|swapon|mkswap|fallocate)/.test(c))).toEqual([
      `btrfs subvolume create ${at("var/swap")}`,
      `btrfs filesystem mkswapfile --size 32768m ${at("var/swap/swapfile.unfinished")}`,
      `swapon --priority 10 ${at("var/swap/swapfile")}`,
    ]);
    expect(readdirSync(at("var/swap")).sort()).toEqual([".subvolume", "swapfile"]);
    expect(read("etc/fstab")).toBe(`LABEL=root / btrfs defaults 0 0\n${fstabLine}\n`);
    for (const line of log.trim().split("\n")) expect(line).toStartWith("guaraos-swap-setup.service: ");
  });

  test("a second run changes nothing; after a reboot it only switches on", () => {
    run(script.swap);
    forget();
    expect(run(script.swap).code).toBe(0);
    expect(calls()).toEqual([]);
    state("active", "");
    expect(run(script.swap).code).toBe(0);
    expect(calls()).toEqual([`swapon --priority 10 ${at("var/swap/swapfile")}`]);
    expect(entries()).toEqual([fstabLine]);
  });

  test("a plain directory on btrfs is refused, never switched on, and the mending is named", () => {
    put(at("var/swap/swapfile"), "old");
    const { code, log } = run(script.swap);
    expect(code).toBe(1);
    expect(log).toContain("is a plain directory on btrfs");
    expect(log).toContain(`mv ${at("var/swap")} ${at("var/swap")}.old; systemctl restart guaraos-swap-setup.service`);
    expect(calls()).toEqual([]);
    expect(entries()).toEqual([]);
    // What keeps systemd from switching on what fstab names.
    expect(existsSync(at("run/guaraos/swap-refused"))).toBe(true);
  });

  test("fixed, the refusal is taken back", () => {
    mkdirSync(at("var/swap"));
    run(script.swap);
    rmSync(at("var/swap"), { recursive: true });
    expect(run(script.swap).code).toBe(0);
    expect(existsSync(at("run/guaraos/swap-refused"))).toBe(false);
    expect(existsSync(at("var/swap/swapfile"))).toBe(true);
  });

  test("something that is not a directory is refused", () => {
    put(at("var/swap"), "");
    expect(run(script.swap)).toMatchObject({ code: 1, log: expect.stringContaining("is not a directory") });
  });

  test("ext4: fallocate and mkswap, in a plain directory that only root can enter", () => {
    state("type", "ext2/ext3\n");
    expect(run(script.swap).code).toBe(0);
    expect(calls().filter((c) => !c.startsWith("sync"))).toEqual([
      `fallocate --length 32768MiB ${at("var/swap/swapfile.unfinished")}`,
      `mkswap ${at("var/swap/swapfile.unfinished")}`,
      `swapon --priority 10 ${at("var/swap/swapfile")}`,
    ]);
    expect(statSync(at("var/swap")).mode & 0o777).toBe(0o700);
    expect(statSync(at("var/swap/swapfile")).mode & 0o777).toBe(0o600);
    expect(run(script.swap).code).toBe(0);
    expect(entries()).toEqual([fstabLine]);
  });

  test("interrupted half-way: the next run starts anew", () => {
    mkdirSync(at("var/swap"));
    put(at("var/swap/.subvolume"));
    put(at("var/swap/swapfile.unfinished"), "half");
    const { code, log } = run(script.swap);
    expect(code).toBe(0);
    expect(log).toContain("the last run was interrupted");
    expect(readdirSync(at("var/swap")).sort()).toEqual([".subvolume", "swapfile"]);
    expect(read("var/swap/swapfile")).toBe("btrfs 32768m\n");
  });

  test("interrupted between the file and fstab: the next run adds the line", () => {
    run(script.swap);
    put(at("etc/fstab"), "LABEL=root / btrfs defaults 0 0");
    expect(run(script.swap).code).toBe(0);
    expect(read("etc/fstab")).toBe(`LABEL=root / btrfs defaults 0 0\n${fstabLine}\n`);
  });

  test("without an fstab one is made, readable by all", () => {
    rmSync(at("etc/fstab"));
    expect(run(script.swap).code).toBe(0);
    expect(read("etc/fstab")).toBe(`${fstabLine}\n`);
    expect(statSync(at("etc/fstab")).mode & 0o777).toBe(0o644);
  });

  test("a line that is commented out is no entry", () => {
    put(at("etc/fstab"), `# ${fstabLine}\n`);
    run(script.swap);
    expect(entries()).toEqual([fstabLine]);
  });

  test("little space: a smaller file, and it is said", () => {
    state("free", "20000\n");
    const { code, log } = run(script.swap);
    expect(code).toBe(0);
    expect(log).toContain("too little space");
    expect(read("var/swap/swapfile")).toBe("btrfs 10000m\n");
  });

  test("too little space: none, said, nothing left behind", () => {
    state("free", "2000\n");
    const { code, log } = run(script.swap);
    expect(code).toBe(0);
    expect(log).toContain("Swap stays off");
    expect(calls()).toEqual([]);
    expect(existsSync(at("var/swap"))).toBe(false);
    expect(entries()).toEqual([]);
  });

  test("a file that the kernel refuses is removed again, and not in fstab", () => {
    state("swapon-fails", "");
    const { code, log } = run(script.swap);
    expect(code).toBe(1);
    expect(log).toContain("removed it again");
    expect(existsSync(at("var/swap/swapfile"))).toBe(false);
    expect(entries()).toEqual([]);
  });

  test("an older file that the kernel refuses is left alone", () => {
    run(script.swap);
    state("active", "");
    state("swapon-fails", "");
    expect(run(script.swap)).toMatchObject({ code: 1, log: expect.stringContaining("To make it anew") });
    expect(existsSync(at("var/swap/swapfile"))).toBe(true);
  });

  test("a file system that cannot hold one: said, no failure", () => {
    state("type", "tmpfs\n");
    expect(run(script.swap)).toMatchObject({ code: 0, log: expect.stringContaining("is on tmpfs") });
    expect(calls()).toEqual([]);
  });
});

describe("snapper", () => {
  const template = join(overlays, "base/usr/share/snapper/config-templates/guaraos");
  beforeEach(() => {
    put(at("usr/share/snapper/config-templates/guaraos"), readFileSync(template, "utf8"));
    put(at("etc/conf.d/snapper"), '# the list\nSNAPPER_CONFIGS=""\n# the end\n');
    put(at(".subvolume"));
  });
  const expectWhole = () => {
    expect(existsSync(at(".snapshots/.subvolume"))).toBe(true);
    expect(statSync(at(".snapshots")).mode & 0o777).toBe(0o750);
    expect(read("etc/snapper/configs/root")).toBe(readFileSync(template, "utf8"));
    expect(read("etc/conf.d/snapper")).toBe('# the list\nSNAPPER_CONFIGS="root"\n# the end\n');
    expect(readdirSync(at("etc/snapper/configs"))).toEqual(["root"]);
  };

  test("makes the subvolume, the configuration and the entry, and asks snapper", () => {
    const { code, log } = run(script.snapper);
    expect(code).toBe(0);
    expectWhole();
    expect(calls().at(-1)).toBe("snapper --no-dbus --config root get-config");
    for (const line of log.trim().split("\n")) expect(line).toStartWith("guaraos-snapper-setup.service: ");
  });

  test("a second run changes nothing, the user's settings stay", () => {
    run(script.snapper);
    put(at("etc/snapper/configs/root"), 'SUBVOLUME="/"\nNUMBER_LIMIT="99"\n');
    forget();
    expect(run(script.snapper)).toEqual({ code: 0, log: "" });
    expect(read("etc/snapper/configs/root")).toContain('"99"');
    expect(calls()).toEqual(["snapper --no-dbus --config root get-config"]);
  });

  const halves: [string, () => void][] = [
    ["the subvolume", () => rmSync(at(".snapshots"), { recursive: true })],
    ["the configuration", () => rmSync(at("etc/snapper/configs/root"))],
    ["the entry", () => put(at("etc/conf.d/snapper"), '# the list\nSNAPPER_CONFIGS=""\n# the end\n')],
  ];
  test.each(halves)("interrupted before %s: the next run finishes", (_what, undo) => {
    run(script.snapper);
    undo();
    expect(run(script.snapper).code).toBe(0);
    expectWhole();
  });

  test("other configurations stay in the list; Debian keeps it elsewhere", () => {
    rmSync(at("etc/conf.d"), { recursive: true });
    put(at("etc/default/snapper"), 'SNAPPER_CONFIGS="home"\n');
    expect(run(script.snapper).code).toBe(0);
    expect(read("etc/default/snapper")).toBe('SNAPPER_CONFIGS="home root"\n');
  });

  test("not on ext4", () => {
    rmSync(at(".subvolume"));
    state("type", "ext2/ext3\n");
    const { code, log } = run(script.snapper);
    expect(code).toBe(0);
    expect(log).toContain("neither / (ext2/ext3) nor /var (ext2/ext3) is a subvolume of btrfs");
    expect(calls()).toEqual([]);
    expect(existsSync(at(".snapshots"))).toBe(false);
    expect(existsSync(at("etc/snapper/configs"))).toBe(false);
  });

  test("on a machine that runs an image: /var, if it is a subvolume of its own", () => {
    rmSync(at(".subvolume"));
    put(at("var/.subvolume"));
    put(at("etc/conf.d/snapper"), 'SNAPPER_CONFIGS=""\n');
    expect(run(script.snapper).code).toBe(0);
    expect(existsSync(at("var/.snapshots/.subvolume"))).toBe(true);
    expect(existsSync(at(".snapshots"))).toBe(false);
    expect(read("etc/snapper/configs/var")).toBe(
      readFileSync(template, "utf8").replace('SUBVOLUME="/"', 'SUBVOLUME="/var"'),
    );
    expect(read("etc/conf.d/snapper")).toBe('SNAPPER_CONFIGS="var"\n');
    expect(calls().at(-1)).toBe("snapper --no-dbus --config var get-config");
    mkdirSync(at("var/swap"));
    expect(run(script.snapper)).toMatchObject({ code: 1, log: expect.stringContaining("the subvolume of /var,") });
  });

  test("not where the swap file lies in the subvolume of /", () => {
    mkdirSync(at("var/swap"));
    expect(run(script.snapper)).toMatchObject({ code: 1, log: expect.stringContaining("guaraos-swap-setup.service") });
    expect(existsSync(at(".snapshots"))).toBe(false);
    put(at("var/swap/.subvolume"));
    expect(run(script.snapper).code).toBe(0);
  });

  test("a plain /.snapshots is refused", () => {
    mkdirSync(at(".snapshots"));
    expect(run(script.snapper)).toMatchObject({ code: 1, log: expect.stringContaining("is not a subvolume") });
  });
});

describe("automatic login", () => {
  const config = "etc/plasmalogin.conf.d/autologin.conf";
  const withUsers = (...lines: string[]) => state("passwd", `root:x:0:0::/root:/bin/bash\n${lines.join("\n")}\n`);

  test("no user yet: nothing written, no failure, and tried again", () => {
    withUsers("nobody:x:65534:65534::/:/usr/bin/nologin", "http:x:33:33::/srv/http:/usr/bin/nologin");
    expect(run(script.autologin)).toMatchObject({ code: 0, log: expect.stringContaining("no user yet") });
    expect(existsSync(at(config))).toBe(false);
    withUsers("player:x:1000:1000::/var/home/player:/bin/zsh");
    expect(run(script.autologin).code).toBe(0);
    expect(read(config)).toMatch(/\n\[Autologin\]\nUser=player\nSession=gamescope-session\.desktop\n$/);
  });

  test.each([
    ["the first of several", ["b:x:1001:1001::/:/bin/sh", "a:x:1000:1000::/:/bin/sh"], "b"],
    ["1000 counts", ["low:x:999:999::/:/bin/sh", "edge:x:1000:1000::/:/bin/sh"], "edge"],
    ["65533 counts, a homed user too", ["homed:x:65533:65533::/:/bin/sh"], "homed"],
    [
      "a service without a login shell does not",
      ["svc:x:61184:61184::/:/usr/sbin/nologin", "me:x:1000:1000::/:/bin/sh"],
      "me",
    ],
  ])("%s", (_what, users, expected) => {
    withUsers(...users);
    run(script.autologin);
    expect(read(config)).toContain(`\nUser=${expected}\n`);
  });

  test("written once, and never again: not over a change, not after a removal", () => {
    withUsers("player:x:1000:1000::/:/bin/sh");
    run(script.autologin);
    put(at(config), "[Autologin]\n");
    withUsers("other:x:1000:1000::/:/bin/sh");
    expect(run(script.autologin)).toEqual({ code: 0, log: "" });
    expect(read(config)).toBe("[Autologin]\n");
    rmSync(at(config));
    expect(run(script.autologin)).toEqual({ code: 0, log: "" });
    expect(existsSync(at(config))).toBe(false);
  });

  test("a file that somebody else wrote stays", () => {
    withUsers("player:x:1000:1000::/:/bin/sh");
    put(at(config), "mine\n");
    expect(run(script.autologin)).toMatchObject({ code: 0, log: expect.stringContaining("leaving it as it is") });
    expect(read(config)).toBe("mine\n");
  });
});

describe("stale Flatpak caches", () => {
  beforeEach(() => {
    put(at("var/tmp/flatpak-cache-AB12/file"));
    put(at("var/tmp/other/file"));
  });

  test("are removed, and nothing else", () => {
    expect(run(script.flatpak).code).toBe(0);
    expect(readdirSync(at("var/tmp"))).toEqual(["other"]);
  });

  test("of a user are removed as that user, and never through a link", () => {
    put(at("outside/doomed"), "of root's");
    chmodSync(at("var/tmp"), 0o1777);
    put(at("var/tmp/flatpak-cache-USER/file"));
    symlinkSync(at("outside"), at("var/tmp/flatpak-cache-USER/link"));
    // Root's folder in a user's: only root could remove it, so it stays.
    put(at("var/tmp/flatpak-cache-PLANT/root/file"));
    symlinkSync(at("outside"), at("var/tmp/flatpak-cache-LINK"));
    for (const name of ["USER", "USER/file", "PLANT"]) chownSync(at(`var/tmp/flatpak-cache-${name}`), 4711, 4711);
    lchownSync(at("var/tmp/flatpak-cache-LINK"), 4711, 4711);
    chmodSync(top, 0o755);
    const { code, log } = run(script.flatpak);
    expect([code, log]).toEqual([0, expect.stringContaining("left ")]);
    expect(readdirSync(at("var/tmp")).sort()).toEqual(["flatpak-cache-PLANT", "other"]);
    expect(readFileSync(at("outside/doomed"), "utf8")).toBe("of root's");
  });

  test("stay while an update runs", () => {
    state("updating", "");
    expect(run(script.flatpak)).toMatchObject({ code: 0, log: expect.stringContaining("leaving") });
    expect(readdirSync(at("var/tmp")).sort()).toEqual(["flatpak-cache-AB12", "other"]);
  });

  test("none there: nothing to say", () => {
    rmSync(at("var/tmp"), { recursive: true });
    expect(run(script.flatpak)).toEqual({ code: 0, log: "" });
  });
});
