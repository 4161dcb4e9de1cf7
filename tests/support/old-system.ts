import {
  chmodSync,
  existsSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { checkout, exec, type Said } from "./sandbox.ts";

// A GuaraOS whose /etc and /var came from Bazzite, as files: what guara-migrate finds after `bootc switch` and a reboot.

/** The hash of "correct horse", made with yescrypt. */
export const hash = "$y$j9T$3CtdhkQovKXNBNBCKSWb4.$96q1GgR67dBnBENmRh13snEbHMqxa400sN16gliJFj8";
export const machineId = "0123456789abcdef0123456789abcdef";

const files: Record<string, string> = {
  "usr/lib/os-release": "ID=guaraos\n",
  "usr/lib/systemd/systemd-homed": "",
  "usr/lib/security/pam_unix.so": "",
  "usr/lib/security/pam_systemd_home.so": "",
  "usr/share/guaraos/pristine/etc/pam.d/system-auth":
    "auth [success=2 default=ignore] pam_systemd_home.so\nauth required pam_unix.so\n",
  "usr/share/guaraos/pristine/etc/pam.d/login": "auth include system-auth\n",
  "usr/share/guaraos/pristine/etc/nsswitch.conf":
    "passwd: files systemd\ngroup: files [SUCCESS=merge] systemd\nshadow: files systemd\n",
  "etc/machine-id": `${machineId}\n`,
  "etc/yum.repos.d/_copr_ublue-os-bazzite.repo": "[copr:bazzite]\n",
  "etc/fedora-release": "Fedora release 42 (Bazzite)\n",
  "etc/passwd":
    "root:x:0:0:Super User:/root:/bin/bash\nana:x:1000:1000:Ana Lürs,,,:/var/home/ana:/bin/bash\nsshd:x:74:74::/:/usr/sbin/nologin\nbia:x:1001:1001:Bia:/home/bia:/bin/bash\n",
  "etc/shadow": `root:!locked::0:99999:7:::\nana:${hash}:20000:0:99999:7:::\nbia:!:20000::::::\n`,
  "etc/group": "root:x:0:\nwheel:x:10:ana,bia\nana:x:1000:\nbia:x:1001:\nmedia:x:1500:ana\n",
  "etc/gshadow": "root:::\nwheel:::ana,bia\nana:!::\nbia:!::\nmedia:!:ana:ana\n",
  "etc/subuid": "ana:524288:65536\nbia:589824:65536\n",
  "etc/subgid": "ana:524288:65536\nbia:589824:65536\n",
  "etc/shells": "# shells\n/bin/bash\n/bin/zsh\n/bin/absent\n",
  "etc/authselect/nsswitch.conf": "passwd: files sss\ngroup: files sss\nshadow: files\n",
  "etc/pam.d/login": "auth substack system-auth\nauth include postlogin\n",
  "etc/pam.d/cockpit": "auth substack password-auth\n",
  "etc/pam.d/vlock": "auth include system-auth\nauth required pam_unix.so\n",
  "etc/authselect/system-auth": "auth sufficient pam_sss.so\n",
  "etc/skel/.bashrc": "# of the image\n",
  "etc/skel/.config/topgrade.d/00.toml": "# of the image\n",
  "bin/bash": "",
  "bin/zsh": "",
};

const home: Record<string, string> = {
  ".ssh/id_ed25519": "secret\n",
  ".ssh/authorized_keys": "# mine\nssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExample ana@laptop\n",
  ".config/Code/settings.json": "{}\n",
  ".config/google-chrome/Default/Cookies": "cookies\n",
  ".config/kdeglobals": "of another desktop\n",
  ".local/share/Steam/steamapps/common/game/data": "x".repeat(100_000),
  ".local/share/recently-used.xbel": "old\n",
  ".bashrc": "# of Fedora\n",
  ".cache/thumbnails/a.png": "png\n",
  "Documents/tax return.ods": "numbers\n",
  "Documents/two\nlines.txt": "a name with a newline\n",
  "Pictures/cat.jpg": "meow\n",
};

export class OldSystem {
  readonly root = realpathSync(mkdtempSync(join(tmpdir(), "slipway-old-")));
  readonly bin = realpathSync(mkdtempSync(join(tmpdir(), "slipway-bin-")));

  constructor() {
    for (const [path, text] of Object.entries(files)) this.write(path, text);
    this.write("proc/self/mounts", "");
    this.write("proc/1/status", "Name:\tsystemd\nUid:\t0\t0\t0\t0\n");
    for (const path of ["var/home", "var/roothome", "var/opt_overlay/upper", "var/opt_overlay/work/work"])
      mkdirSync(join(this.root, path), { recursive: true });
    symlinkSync("var/home", join(this.root, "home"));
    symlinkSync("/etc/authselect/nsswitch.conf", join(this.root, "etc/nsswitch.conf"));
    symlinkSync("/etc/authselect/system-auth", join(this.root, "etc/pam.d/system-auth"));
    chmodSync(join(this.root, "etc/shadow"), 0);
    chmodSync(join(this.root, "etc/gshadow"), 0);
    for (const [path, text] of Object.entries(home)) this.write(`var/home/ana/${path}`, text);
    symlinkSync("/var/home/ana/Pictures", join(this.root, "var/home/ana/Photos"));
    this.own("var/home/ana", 1000);
    chmodSync(join(this.root, "var/home/ana"), 0o700);
    // homed keeps no state of its own here: it answers for whoever has a record.
    this.program(
      "homectl",
      `case "$*" in *inspect*) for n; do :; done; cat "${this.root}/var/lib/systemd/home/$n.identity" ;; esac`,
    );
    this.program("systemctl", "");
    this.program(
      "getent",
      `for n; do :; done; record="${this.root}/var/lib/systemd/home/$n.identity"\n` +
        `case "$*" in "-s systemd"*) [ -e "$record" ] && echo "$n:x:1000:1000::/:/x" ;;\n` +
        `*) grep "^$n:" "${this.root}/etc/passwd" || { [ -e "$record" ] && echo "$n:x:1000:1000::/:/x"; } ;; esac`,
    );
    this.program(
      "systemd-sysusers",
      `grep -q ^games: "${this.root}/etc/group" || echo "games:x:50:" >>"${this.root}/etc/group"`,
    );
    this.program("flatpak", "");
    this.write("var/lib/flatpak/.changed", "");
  }

  path(path: string): string {
    return join(this.root, path);
  }

  write(path: string, text: string): void {
    mkdirSync(dirname(join(this.root, path)), { recursive: true });
    writeFileSync(join(this.root, path), text);
  }

  own(path: string, uid: number): void {
    lchownSync(join(this.root, path), uid, uid);
    const { names } = this.list(path);
    for (const name of names) lchownSync(join(this.root, path, name), uid, uid);
  }

  private list(path: string): { names: string[] } {
    const { stdout } = Bun.spawnSync(["find", ".", "-mindepth", "1", "-print0"], { cwd: join(this.root, path) });
    return { names: stdout.toString().split("\0").filter(Boolean) };
  }

  /** A stand-in that records how it was called and does as `body` says. */
  program(name: string, body: string): void {
    writeFileSync(join(this.bin, name), `#!/bin/sh\necho "${name} $*" >>"${this.bin}/.calls"\n${body}\n`, {
      mode: 0o755,
    });
  }

  get calls(): string[] {
    const file = join(this.bin, ".calls");
    return existsSync(file) ? readFileSync(file, "utf8").trim().split("\n") : [];
  }

  get env(): Record<string, string> {
    return { SLIPWAY_HOST: this.root, PATH: `${this.bin}:${process.env.PATH}`, CI: "true" };
  }

  migrate(...args: string[]): Promise<Said> {
    return exec([process.execPath, join(checkout, "scripts/migrate.ts"), ...args], this.env);
  }

  remove(): void {
    for (const path of [this.root, this.bin]) rmSync(path, { recursive: true, force: true });
  }
}

/** What is below a folder, a line each: kind, mode, owner, time (not of folders), contents or target. */
export function listing(folder: string): string[] {
  const { stdout } = Bun.spawnSync(["find", ".", "-printf", "%P\\0"], { cwd: folder });
  return stdout
    .toString("latin1")
    .split("\0")
    .filter(Boolean)
    .sort()
    .map((name) => {
      const path = Buffer.from(`${folder}/${name}`, "latin1");
      const stat = lstatSync(path, { bigint: true });
      const what = stat.isSymbolicLink()
        ? readlinkSync(path)
        : stat.isFile()
          ? new Bun.CryptoHasher("sha256").update(readFileSync(path)).digest("hex")
          : "";
      const time = stat.isDirectory() ? "" : stat.mtimeNs;
      return [name, stat.mode.toString(8), `${stat.uid}:${stat.gid}`, time, what].join(" ");
    });
}
