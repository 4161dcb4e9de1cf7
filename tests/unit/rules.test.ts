import { afterAll, describe, expect, test } from "bun:test";
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { checkManifest } from "../../lib/family/check.ts";
import { keyTrace } from "../../lib/family/key-file.ts";
import { type Files, family, mistakes, project, removeProjects, small, told } from "../support/small-family.ts";

// The rules of the field: what is well written and still must not be.

afterAll(removeProjects);

const head = small["flavors/family.yaml"] ?? "";
const one = small["flavors/one.yaml"] ?? "";
const two = small["flavors/two.yaml"] ?? "";

/** Text added to a flavor → all that is said. */
const said = (flavor: "one" | "two", text: string, more: Files = {}) =>
  told({ [`flavors/${flavor}.yaml`]: `${flavor === "one" ? one : two}${text}\n`, ...more });

describe("names of other things", () => {
  test("the default target exists", () => {
    const to = (text: string) => told({ "flavors/family.yaml": head.replace("{arch: plain, flavor: one}", text) });
    expect(to("{arch: plane, flavor: won}")).toEqual([
      "flavors/family.yaml:6:17: unknown arch `plane`; did you mean `plain`?",
      "flavors/family.yaml:6:32: unknown flavor `won`; did you mean `one`?",
    ]);
    expect(to("{arch: plain, flavor: two}")).toEqual(["flavors/family.yaml:6:17: two does not exist for plain"]);
  });

  test("a tag names one image of a flavor", () => {
    const tags = (best: string, plain: string) =>
      told({
        "flavors/family.yaml": head
          .replace("needs: [avx512f]}", `needs: [avx512f], tags: [${best}]}`)
          .replace("{debian: trixie}}", `{debian: trixie}, tags: [${plain}]}`),
      });
    const taken = (line: number, name: string) =>
      expect.stringMatching(
        new RegExp(`^flavors/family.yaml:${line}:\\d+: the tag \`${name}\` names other images already$`),
      );
    expect(tags("latest", "stable, old")).toEqual([]);
    expect(tags("latest", "latest")).toEqual([taken(9, "latest")]);
    expect(tags("plain", "best-20261121")).toEqual([taken(8, "plain"), taken(9, "best-20261121")]);
    expect(tags("a b", "x")).toHaveLength(1);
  });

  test("arches", () => {
    const to = (text: string) => mistakes({ "flavors/two.yaml": two.replace("[best]", text) });
    expect(to("[bset]")).toEqual([
      `flavors/two.yaml:4:10: unknown arch \`bset\`; did you mean \`best\`?
    4 | arches: [bset]
      |          ^
      expected: one of best, plain`,
    ]);
    expect(to("[best, best]")[0]).toStartWith("flavors/two.yaml:4:16: arch `best` is there already");
    const narrow = { "flavors/one.yaml": one.replace("best, plain", "plain") };
    expect(told(narrow)).toEqual(["flavors/two.yaml:4:10: its base one does not exist for best"]);
  });

  test("bases", () => {
    expect(mistakes({ "flavors/two.yaml": two.replace("from: one", "from: oen") })).toEqual([
      `flavors/two.yaml:3:7: unknown base \`oen\`; did you mean \`one\`?
    3 | from: oen
      |       ^
      expected: one of one`,
    ]);
  });

  test("each circle of bases once", () => {
    const on = (base: string) => `title: T\nrecipe: desk\nfrom: ${base}\narches: [best]\n`;
    const files = {
      "flavors/a.yaml": on("c"),
      "flavors/b.yaml": on("a"),
      "flavors/c.yaml": on("b"),
      "flavors/d.yaml": on("a"), // is based on the circle, is not in it
      "flavors/self.yaml": on("self"),
    };
    expect(told(files)).toEqual([
      "flavors/a.yaml:3:7: a circle of bases: a → c → b → a",
      "flavors/self.yaml:3:7: a circle of bases: self → self",
    ]);
  });

  test("a broken link is reported alone, without what follows from it", () => {
    const login = "displayManager: gdm\n";
    const on = (base: string, more = "") => `title: T\nrecipe: desk\nfrom: ${base}\narches: [best]\n${more}`;
    const enabled = "units: {enable: [gdm.service]}\ngroups: {a: {packages: [gdm, snapper]}}\n";
    const keyless = small["containerfiles/desk.Containerfile"]?.replace("# @files\n", "");
    const desk = { "containerfiles/desk.Containerfile": keyless };
    expect(told({ ...desk, "flavors/a.yaml": on("b", login), "flavors/b.yaml": on("a", enabled) })).toEqual([
      "flavors/a.yaml:3:7: a circle of bases: a → b → a",
    ]);
    expect(told({ ...desk, "flavors/a.yaml": on("oen", enabled) })).toEqual([
      "flavors/a.yaml:3:7: unknown base `oen`; did you mean `one`?",
    ]);
    expect(told({ "flavors/one.yaml": one.replace("plain", "plian") })).toEqual([
      "flavors/one.yaml:3:16: unknown arch `plian`; did you mean `plain`?",
    ]);
    expect(told({ "flavors/one.yaml": one.replace("best, plain", "bset, plain") })).toEqual([
      "flavors/one.yaml:3:10: unknown arch `bset`; did you mean `best`?",
    ]);
  });

  test("recipes, helpers, overlays", () => {
    expect(told({ "flavors/one.yaml": one.replace("root", "rot") })).toEqual([
      "flavors/one.yaml:2:9: there is no containerfiles/rot.Containerfile; did you mean `root`?",
    ]);
    expect(said("one", "run: [polsh]\nfinish: [polish, sand]")).toEqual([
      "flavors/one.yaml:4:7: there is no containerfiles/helpers/polsh; did you mean `polish`?",
      "flavors/one.yaml:5:18: there is no containerfiles/helpers/sand",
    ]);
    expect(mistakes({ "overlays/oen/etc/x": "" })).toEqual([
      `overlays/oen: an overlay of no flavor; did you mean \`one\`?
      expected: the name of a flavor: one, two; or make one: bun run new-flavor oen`,
    ]);
  });
});

test("shared files are files of another overlay, each once", () => {
  const files = { "overlays/one/etc/a": "", "overlays/two/etc/b": "" };
  expect(said("two", "shared: {one: [/etc/a]}", files)).toEqual([]);
  expect(said("two", "shared: {oen: [/etc/a]}", files)).toEqual([
    "flavors/two.yaml:5:10: there is no overlays/oen; did you mean `one`?",
  ]);
  expect(said("two", "shared: {one: [/etc/aa]}", files)).toEqual([
    "flavors/two.yaml:5:16: there is no overlays/one/etc/aa; did you mean `/etc/a`?",
  ]);
  expect(said("two", "shared: {one: [/etc/a]}", { ...files, "overlays/two/etc/a": "" })).toEqual([
    "flavors/two.yaml:5:16: overlays/two/etc/a is there already",
  ]);
});

describe("packages", () => {
  test("each once: in a group, in another, in the base, in place of another, from the AUR", () => {
    const base = { "flavors/one.yaml": `${one}groups: {low: {packages: [tree]}}\n` };
    const text = `groups:
  a: {packages: [nano, nano, tree], replace: {x: less}}
  b: {packages: [less, nano]}
aur: {packages: [less]}`;
    expect(told({ ...base, "flavors/two.yaml": `${two}${text}\n`, ...auRecipe })).toEqual([
      "flavors/two.yaml:6:24: package `nano` is there already: group a",
      "flavors/two.yaml:6:30: package `tree` is there already: group low of one",
      "flavors/two.yaml:7:18: package `less` is there already: group a",
      "flavors/two.yaml:7:24: package `nano` is there already: group a",
      "flavors/two.yaml:8:18: package `less` is there already: group a",
    ]);
  });
  const auRecipe = { "containerfiles/desk.Containerfile": small["containerfiles/root.Containerfile"] };

  test.each(["zram-generator", "zram-generator-defaults", "zramswap"])("%s is not allowed", (name) => {
    const [answer] = mistakes({ "flavors/one.yaml": `${one}groups: {a: {packages: [${name}]}}\n` });
    expect(answer).toStartWith(`flavors/one.yaml:4:25: forbidden package \`${name}\``);
    expect(answer).toEndWith("expected: zswap and the swap file replace zram");
  });
});

describe("exactly one display manager", () => {
  test.each<[string, string, string[]]>([
    ["the one that is named", "displayManager: gdm\nunits: {enable: [gdm.service]}", []],
    ["a name that is none", "displayManager: gdn", ["5:17: unknown display manager `gdn`; did you mean `gdm`?"]],
    [
      "another one enabled",
      "displayManager: gdm\nunits: {enable: [gdm.service, sddm.service]}",
      ["6:31: two display managers: sddm.service beside gdm"],
    ],
    [
      "another one installed",
      "displayManager: gdm\ngroups: {a: {packages: [gdm, plasma-login-manager]}}",
      ["6:30: two display managers: package `plasma-login-manager` beside gdm"],
    ],
    [
      "one that is not named",
      "units: {enable: [ly.service]}",
      ["5:18: two display managers: ly.service without a displayManager"],
    ],
    ["greetd below cosmic-greeter", "displayManager: cosmic-greeter\ngroups: {a: {packages: [greetd]}}", []],
  ])("%s", (_, text, expected) => {
    expect(said("two", text)).toEqual(expected.map((m) => `flavors/two.yaml:${m}`));
  });

  test("also together with the base's", () => {
    expect(said("two", "displayManager: gdm", { "flavors/one.yaml": `${one}displayManager: sddm\n` })).toEqual([
      "flavors/two.yaml:5:17: two display managers: gdm, and sddm of one",
    ]);
  });
});

describe("kernel arguments", () => {
  test.each([
    ["rd.luks.uuid=1", "LUKS belongs to the machine, not to the image"],
    ["luks.name=x", "LUKS belongs to the machine, not to the image"],
    ["cryptdevice=/dev/sda", "LUKS belongs to the machine, not to the image"],
    ["rd.luks.options=tpm2-device=auto", "LUKS belongs to the machine, not to the image"],
    ["tpm2-device=auto", "TPM2 unlocking belongs to the machine, not to the image"],
    ["systemd.zram=1", "zswap and the swap file replace zram"],
    ["root=UUID=1", "the boot loader entry names the root"],
  ])("%s in a flavor", (karg, why) => {
    const answers = mistakes({ "flavors/one.yaml": `${one}kargs: [quiet, ${karg}]\n` });
    expect(answers).toHaveLength(1);
    expect(answers[0]).toStartWith(`flavors/one.yaml:4:16: forbidden kernel argument \`${karg}\``);
    expect(answers[0]).toEndWith(`expected: ${why}`);
  });

  test("rootflags and zswap are no forbidden ones", () => {
    expect(said("one", "kargs: [rootflags=subvol=root, zswap.enabled=1, rootwait]")).toEqual([]);
  });

  test("in a kargs.d file of an overlay", () => {
    const file = "overlays/one/usr/lib/bootc/kargs.d/10-x.toml";
    expect(mistakes({ [file]: 'kargs = [\n  "quiet",\n  "rd.luks=1",\n]\n' })).toEqual([
      `${file}:3:4: forbidden kernel argument \`rd.luks=1\`
    3 |   "rd.luks=1",
      |    ^
      expected: LUKS belongs to the machine, not to the image`,
    ]);
    expect(told({ [file]: 'kargs = ["quiet"]\nkarg = ["x"]\n' })).toEqual([
      `${file}:2:1: unknown key \`karg\`; did you mean \`kargs\`?`,
    ]);
    expect(told({ [file]: "kargs = 5\n" })).toEqual([`${file}:1:1: wrong type for \`kargs\``]);
    expect(told({ [file]: "kargs = [\n" })[0]).toStartWith(`${file}:1:1: not a TOML file: `);
    expect(told({ [file]: 'kargs = ["quiet"]\nmatch-architectures = ["x86_64"]\n' })).toEqual([]);
    expect(told({ [file]: "# later\n" })).toEqual([`${file}:1:1: no \`kargs\``]);
    expect(told({ [file]: 'kargs = ["quiet rd.luks=1"]\n' })).toEqual([
      `${file}:1:17: forbidden kernel argument \`rd.luks=1\``,
    ]);
    expect(told({ [file]: 'kargs = ["a"]\nmatch-architectures = []\n' })).toEqual([
      `${file}:2:1: an empty list: bootc never uses this file`,
    ]);
  });

  test.each<[string, Files, string[]]>([
    ["kargs.d as a file", { "": "x" }, [":1:1: kargs.d that is a file"]],
    ["kargs.d as a link", { "": "-> ../list" }, [":1:1: kargs.d that is a link"]],
    ["a link", { "/1.toml": "-> 2.toml", "/2.toml": "kargs = []" }, ["/1.toml:1:1: a link in kargs.d: 1.toml"]],
    ["a dangling link", { "/1.toml": "-> nowhere" }, ["/1.toml:1:1: a link in kargs.d: 1.toml"]],
    ["a subfolder", { "/sub/1.toml": "[" }, ["/sub/1.toml:1:1: bootc does not look into folders of kargs.d"]],
    ["a folder .toml", { "/1.toml/x": "" }, ["/1.toml/x:1:1: a folder with the name of a file: kargs.d/1.toml"]],
    ["names that do not count", { "/README": "[", "/.toml": "[", "/sub/notes": "", "/x.conf": "-> nowhere" }, []],
  ])("%s in place of a file of kargs.d", (_, files, lines) => {
    const top = "overlays/one/usr/lib/bootc/kargs.d";
    const placed = Object.fromEntries(Object.entries(files).map(([name, text]) => [`${top}${name}`, text]));
    expect(told(placed)).toEqual(lines.map((line) => `${top}${line}`));
  });
});

describe("units", () => {
  test("each once", () => {
    expect(said("one", "units: {enable: [a.timer, a.timer], disable: [b.service], mask: [b.service]}")).toEqual([
      "flavors/one.yaml:4:27: a.timer is there already: enable",
      "flavors/one.yaml:4:66: b.service is there already: disable",
    ]);
  });

  test("systemd-homed stays enabled, zram stays away", () => {
    expect(said("one", "units: {disable: [systemd-homed.service]}")).toEqual([
      "flavors/one.yaml:4:19: this must not be disabled: `systemd-homed.service`",
    ]);
    expect(said("one", "units: {mask: [systemd-homed.service]}")).toEqual([
      "flavors/one.yaml:4:16: this must not be masked: `systemd-homed.service`",
    ]);
    expect(said("one", "units: {enable: [systemd-zram-setup@zram0.service]}")).toEqual([
      "flavors/one.yaml:4:18: forbidden unit `systemd-zram-setup@zram0.service`",
    ]);
  });

  test("snapper needs its first-boot service, of the flavor or of its base", () => {
    const snapper = "groups: {a: {packages: [snapper]}}";
    expect(said("two", snapper)).toEqual(["flavors/two.yaml:5:25: snapper without its first-boot service"]);
    const set = { "flavors/one.yaml": `${one}units: {enable: [toy-snapper-setup.service]}\n` };
    expect(said("two", snapper, set)).toEqual([]);
  });
});

describe("files of overlays", () => {
  test.each([
    ["/opt/app/x", "use /usr/lib/opt, which opt.mount shows at /opt"],
    ["/usr/etc/x.conf", "use /etc: bootc refuses both"],
    ["/var/swap/swapfile", "the swap file is made at first boot"],
    ["/usr/lib/swapfile", "/usr is read-only and in the image: a swap file is made in /var at first boot"],
    ["/var/lib/x", "use tmpfiles.d: /var of an image is not carried over to a machine"],
    ["/boot/loader.conf", "the kernel lives in /usr/lib/modules, /boot is the machine's"],
    ["/run/x", "use tmpfiles.d: this folder is empty when a machine starts"],
    ["/tmp/x", "use tmpfiles.d: this folder is empty when a machine starts"],
    ["/dev/x", "the kernel fills this folder: use udev rules, sysctl.d or tmpfiles.d"],
    ["/proc/x", "the kernel fills this folder: use udev rules, sysctl.d or tmpfiles.d"],
    ["/sys/x", "the kernel fills this folder: use udev rules, sysctl.d or tmpfiles.d"],
    ["/root/.bashrc", "use /etc/skel, or tmpfiles.d: root's home is the machine's, in /var"],
    ["/srv/x", "use tmpfiles.d: this folder is the machine's, in /var"],
    ["/mnt/x", "use tmpfiles.d: this folder is the machine's, in /var"],
    ["/sysroot/x", "use /usr or /etc: ostree keeps its deployments here"],
    ["/ostree/x", "use /usr or /etc: ostree keeps its deployments here"],
    ["/bin/x", "use /usr/… : at / these are links to it"],
    ["/sbin/x", "use /usr/… : at / these are links to it"],
    ["/lib/systemd/system/x.service", "use /usr/… : at / these are links to it"],
    ["/lib64/x", "use /usr/… : at / these are links to it"],
    ["/README", "use /usr or /etc: / itself holds folders only"],
    ["/etc/machine-id", "leave it out: each machine makes its own at first boot"],
    ["/etc/shadow", "use sysusers.d for accounts: a password belongs to the machine, not to the image"],
    ["/etc/gshadow", "use sysusers.d for accounts: a password belongs to the machine, not to the image"],
    ["/etc/ssh/ssh_host_ed25519_key", "leave it out: each machine makes its own keys; one in an image is everybody's"],
    ["/home/x", "homes belong to users: use /etc/skel"],
    ["/etc/crypttab", "LUKS belongs to the machine, not to the image"],
  ])("%s is a forbidden place", (place, why) => {
    expect(mistakes({ [`overlays/one${place}`]: "" })).toEqual([
      `overlays/one${place}: an overlay file in a forbidden place: ${place}\n      expected: ${why}`,
    ]);
  });

  test.each([
    "/usr/lib/opt/x",
    "/etc/opt.conf",
    "/usr/share/var/swap",
    "/etc/skel/.config/x",
    "/usr/lib/x",
    "/etc/ssh/sshd_config",
  ])("%s is none", (place) => {
    expect(told({ [`overlays/one${place}`]: "" })).toEqual([]);
  });

  // place, text, the answer behind the file's name
  test.each<[string, string, string]>([
    ["/etc/x.conf", "a\npath=/home/joe/x\n", "2:6: a user's home in an overlay: /home/joe"],
    ["/etc/x.conf", "path=/var/home/joe\n", "1:10: a user's home in an overlay: /home/joe"],
    ["/etc/sudoers.d/x", "joe ALL=(ALL) ALL\n", "1:1: a user's rights in an overlay: joe ALL="],
    ["/etc/gdm/custom.conf", "[daemon]\nAutomaticLogin=joe\n", "2:1: a user's login in an overlay: AutomaticLogin=joe"],
    ["/etc/systemd/zram-generator.conf", "\n[zram0]\n", "2:1: zram is not allowed: this file must be empty: ["],
    ["/usr/lib/modules-load.d/x.conf", "zram\n", "1:1: zram is not allowed: zram"],
    ["/usr/libexec/x", "#!/bin/sh\npacman -Sy tree\n", "2:1: packages installed at run time: pacman -Sy"],
    [
      "/usr/libexec/x",
      "#!/bin/sh\napt-get -y install tree\n",
      "2:1: packages installed at run time: apt-get -y install",
    ],
    ["/usr/libexec/x", "echo 1 > /usr/lib/x\n", "1:8: a file written to /usr at run time: > /usr/"],
    ["/usr/libexec/x", "bootc usr-overlay\n", "1:1: /usr made writable at run time: bootc usr-overlay"],
    [
      "/usr/lib/tmpfiles.d/x.conf",
      "L+ /usr/lib/x - - - - /etc/x\n",
      "1:1: a file written to /usr at run time: L+ /usr/",
    ],
    ["/usr/lib/tmpfiles.d/x.conf", "d /var/swap 0700\n", "1:1: /var/swap as a plain directory: d /var/swap"],
    ["/usr/lib/systemd/system/x.swap", "[Swap]\nWhat=/usr/swap\n", "2:1: a swap file in /usr: What=/usr/swap"],
    ["/usr/libexec/x", "mkswap -L s /usr/swap\n", "1:1: a swap file in /usr: mkswap -L s /usr/"],
    [
      "/usr/share/snapper/config-templates/x",
      'SUBVOLUME="/var/swap"\n',
      '1:1: snapshots of the subvolume that holds the swap file: SUBVOLUME="/var/swap"',
    ],
    [
      "/usr/lib/systemd/system-preset/x.preset",
      "disable systemd-homed.service\n",
      "1:1: systemd-homed is disabled: disable systemd-homed",
    ],
    [
      "/etc/pacman.d/hooks/90-dracut-install.hook",
      "[Action]\nExec = /usr/bin/dracut -f\n",
      "2:1: an initramfs hook of pacman that is enabled",
    ],
  ])("%s may not have a line such as %p", (place, text, answer) => {
    expect(told({ [`overlays/one${place}`]: text })).toEqual([`overlays/one${place}:${answer}`]);
  });

  test.each<[string, string]>([
    ["/etc/x.conf", "# /home/joe is an example\npath=/home/linuxbrew/x:/home/$USER\n"],
    ["/etc/sudoers.d/x", "%wheel ALL=(ALL) ALL\nroot ALL=(ALL) ALL\nDefaults env_keep=x\n"],
    ["/etc/systemd/zram-generator.conf", ""],
    ["/usr/lib/tmpfiles.d/x.conf", "v /var/swap 0700\nd /var/opt 0755\n"],
    ["/usr/lib/systemd/system/x.swap", "[Swap]\nWhat=/var/swap/swapfile\n"],
    ["/etc/pacman.d/hooks/90-dracut-install.hook", "-> /dev/null"],
    ["/usr/share/snapper/config-templates/x", 'SUBVOLUME="/"\n'],
    ["/usr/bin/picture", "\0/home/joe"],
  ])("%s may have %p", (place, text) => {
    expect(told({ [`overlays/one${place}`]: text })).toEqual([]);
  });

  test("a hook that is no link to nothing, a masked systemd-homed", () => {
    expect(told({ "overlays/one/etc/pacman.d/hooks/90-mkinitcpio-install.hook": "-> /etc/x" })).toEqual([
      "overlays/one/etc/pacman.d/hooks/90-mkinitcpio-install.hook: an initramfs hook of pacman that is enabled",
    ]);
    expect(told({ "overlays/one/etc/systemd/system/systemd-homed.service": "-> /dev/null" })).toEqual([
      "overlays/one/etc/systemd/system/systemd-homed.service: this must not be masked: systemd-homed.service",
    ]);
  });

  test("what is neither a file, a folder nor a link; an overlay that is no folder", () => {
    const root = project({
      "overlays/one/etc/x": "",
      "overlays/two": "",
      "overlays/README.md": "",
      "overlays/.keep": "",
    });
    Bun.spawnSync(["mkfifo", join(root, "overlays/one/etc/pipe")]);
    expect(() => checkManifest(root)).toThrow(/^overlays\/one\/etc\/pipe: a FIFO in an overlay$/m);
    expect(() => checkManifest(root)).toThrow(/^overlays\/two: an overlay that is no folder$/m);
    expect(() => checkManifest(root)).toThrow("2 mistakes");
  });

  test("a link to a folder is no file to read", () => {
    expect(told({ "overlays/one/etc/real/x": "", "overlays/one/etc/link": "-> real" })).toEqual([]);
  });
});

describe("recipes", () => {
  const root = small["containerfiles/root.Containerfile"] ?? "";
  const recipe = (text: string, flavor: string) =>
    told({ "containerfiles/root.Containerfile": text, "flavors/one.yaml": `${one}${flavor}` });

  test("what a flavor says has its place in its recipe", () => {
    const bare = "# @base\nFROM ${BASE}\n# @files\nRUN bootc container lint\n";
    expect(
      recipe(bare, "groups: {a: {packages: [x]}}\nunits: {enable: [x.timer]}\nsuid: [/x]\nrun: [polish]\n"),
    ).toEqual([
      "flavors/one.yaml:4:1: containerfiles/root.Containerfile has no place for `groups`",
      "flavors/one.yaml:5:1: containerfiles/root.Containerfile has no place for `units`",
      "flavors/one.yaml:6:1: containerfiles/root.Containerfile has no place for `suid`",
      "flavors/one.yaml:7:1: containerfiles/root.Containerfile has no place for `run`",
    ]);
    const files = { "containerfiles/root.Containerfile": bare, "overlays/one/etc/x": "" };
    expect(told(files)).toEqual([
      "flavors/one.yaml:2:9: containerfiles/root.Containerfile has no place for overlays/one",
    ]);
  });

  test("bootc can install it: ostree needs bootupd, and systemd-boot the composefs backend", () => {
    const bootc = (text: string, ...more: string[]) =>
      said("one", `bootc: true\ngroups: {a: {packages: [${["bootc", ...more].join(", ")}]}}\n${text}`);
    const noWay = "bootc cannot install this flavor: without the package bootupd it needs the composefs backend";
    expect(bootc("install: {filesystem: btrfs}")).toEqual([`flavors/one.yaml:6:10: ${noWay}`]);
    expect(bootc("")).toEqual([expect.stringContaining(noWay)]);
    expect(bootc("install: {composefs: true, bootloader: systemd}")).toEqual([]);
    expect(bootc("install: {bootloader: none}")).toEqual([]);
    expect(bootc("", "bootupd")).toEqual([]);
    expect(bootc("install: {bootloader: systemd}", "bootupd")).toEqual([
      "flavors/one.yaml:6:10: bootc installs systemd-boot with its composefs backend only",
    ]);
    // the base image may have bootupd
    expect(said("one", "bootc: true")).toEqual([]);
  });

  test("a flavor is installed as its base is, and cannot leave that by a word", () => {
    const base = `${one}bootc: true\ngroups: {a: {packages: [bootc]}}\ninstall: {composefs: true, bootloader: systemd}\n`;
    const files = (text: string) => ({ "flavors/one.yaml": base, "flavors/two.yaml": `${two}${text}` });
    const all = family(project(files("install: {filesystem: btrfs}\n")));
    expect(all.flavors.get("two")?.install).toEqual({ composefs: true, bootloader: "systemd", filesystem: "btrfs" });
    expect(all.flavors.get("one")?.install).toEqual({ composefs: true, bootloader: "systemd" });
    expect(told(files("install: {composefs: false}\n"))).toEqual([
      "flavors/two.yaml:5:10: bootc installs systemd-boot with its composefs backend only",
    ]);
    expect(told(files("install: {composefs: false, bootloader: grub}\n"))).toEqual([
      expect.stringContaining("flavors/two.yaml:5:10: bootc cannot install this flavor"),
    ]);
  });

  test("a bootc image is linted, last", () => {
    const without = root.replace("RUN bootc container lint\n", "RUN true\n");
    expect(recipe(without, "bootc: true\n")).toEqual([
      "containerfiles/root.Containerfile:14:1: a bootc image without `bootc container lint`",
    ]);
    expect(recipe(without, "bootc: false\n")).toEqual([]);
    expect(recipe(`${root}RUN touch /x\n`, "bootc: true\n")).toEqual([
      "containerfiles/root.Containerfile:15:1: `bootc container lint` is not the last step",
    ]);
    expect(recipe(`${root}# @finish\n`, "bootc: true\n")).toEqual([
      "containerfiles/root.Containerfile:15:1: `bootc container lint` is not the last step",
    ]);
    expect(recipe(`${root}LABEL a=b\n`, "bootc: true\n")).toEqual([]);
  });

  test("an image has the public key", () => {
    const keyless = root.replace("# @files\n", "");
    expect(recipe(keyless, "groups: {a: {packages: [x]}}\n")).toEqual([
      "containerfiles/root.Containerfile: images of this recipe would lack toy.pub",
    ]);
    expect(told({ "toy.pub": undefined })).toEqual([
      "flavors/family.yaml:5:6: there is no toy.pub: images would lack the public key",
    ]);
    expect(told({ "toy.pub": "-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n" })).toEqual([
      "flavors/family.yaml:5:6: toy.pub is not a public key",
    ]);
  });
});

describe("whom machines trust", () => {
  const open = (registry: string, list: string) =>
    told({ "flavors/family.yaml": head.replace("registry.test/toys", `${registry}\nopenRegistries: [${list}]`) });
  const wrong = (column: number, name: string, registry: string) =>
    `flavors/family.yaml:4:${column}: \`${name}\` would be open, but what is in \`${registry}\` must be signed`;

  test("what is opened is not what must be signed, nor anything in it", () => {
    expect(open("ghcr.io/toys", "ghcr.io, docker.io, ghcr.io/toysoldiers")).toEqual([]);
    expect(open("ghcr.io/toys", "ghcr.io/toys")).toEqual([wrong(18, "ghcr.io/toys", "ghcr.io/toys")]);
    expect(open("ghcr.io/toys", "a.b, ghcr.io/toys/toy-one")).toEqual([
      wrong(23, "ghcr.io/toys/toy-one", "ghcr.io/toys"),
    ]);
    expect(open("ghcr.io", "ghcr.io, quay.io")).toEqual([wrong(18, "ghcr.io", "ghcr.io")]);
    expect(open("docker.io", "index.docker.io")).toEqual([wrong(18, "index.docker.io", "docker.io")]);
    expect(open("ghcr.io/toys", "'ghcr.io:443/toys'")).toEqual([wrong(18, "ghcr.io:443/toys", "ghcr.io/toys")]);
  });

  test("a transparency log has a public key that machines can use", () => {
    const ec = (curve: string) => generateKeyPairSync("ec", { namedCurve: curve });
    const pem = (key: KeyObject, type: "spki" | "pkcs8") => key.export({ type, format: "pem" }).toString();
    const log = (text: string) =>
      told({ "flavors/family.yaml": `${head}rekor: {key: log.pub}\n`, "log.pub": text }).join();
    const good = ec("P-256");
    expect(log(pem(good.publicKey, "spki"))).toBe("");
    const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).publicKey;
    const block = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n";
    for (const text of [
      pem(good.privateKey, "pkcs8"),
      pem(rsa, "spki"),
      block,
      "",
      pem(good.publicKey, "spki").repeat(2),
    ])
      expect(log(text)).toMatch(
        /^flavors\/family.yaml:\d+:\d+: log.pub is not a public key that machines can use for a log$/,
      );
    expect(told({ "flavors/family.yaml": `${head}rekor: {key: log.pub}\n` }).join()).toContain(
      "there is no log.pub: machines",
    );
  });

  test("without a list the usual registries are open, but not what must be signed", () => {
    const opened = (registry: string) =>
      family(project({ "flavors/family.yaml": head.replace("registry.test/toys", registry) })).openRegistries;
    expect(opened("ghcr.io/toys")).toEqual(
      expect.arrayContaining(["ghcr.io", "registry.k8s.io", "public.ecr.aws", "cgr.dev", "registry.opensuse.org"]),
    );
    expect(opened("ghcr.io/toys")).toEqual(expect.arrayContaining(["localhost", "localhost:5000"]));
    expect(opened("ghcr.io")).not.toContain("ghcr.io");
    expect(opened("index.docker.io")).not.toContain("docker.io");
    expect(opened("ghcr.io\nopenRegistries: []")).toEqual([]);
  });

  const block = small["toy.pub"] ?? "";
  test.each<[string, string]>([
    ["a private key behind it", `${block}-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n`],
    ["two of them", block + block],
    ["something before it", `# ours\n${block}`],
    ["no end", "-----BEGIN PUBLIC KEY-----\nAAAA\n"],
    ["nothing", ""],
  ])("the key's file is one public block: %s", (_, text) => {
    expect(told({ "toy.pub": text })).toEqual(["flavors/family.yaml:5:6: toy.pub is not a public key"]);
  });

  test("the key's file has at most 16 kB, and is no link out of the project", () => {
    const long = block.replace("AAAA", "A".repeat(16_000));
    expect(told({ "toy.pub": long })).toEqual([
      `flavors/family.yaml:5:6: toy.pub: it has ${long.length} bytes, more than 16000`,
    ]);
    expect(told({ "toy.pub": undefined, "keys/real.pub": block })).toHaveLength(1);
    expect(told({ "toy.pub": "-> keys/real.pub", "keys/real.pub": block })).toEqual([]);
  });

  test.each(["toy.key", "cosign.key"])(
    "%s, which git keeps beside it, is refused; one that git ignores is not",
    (name) => {
      const root = project({ [name]: "secret" });
      const git = (...words: string[]) => Bun.spawnSync(["git", "-C", root, ...words]).exitCode;
      expect(git("init", "--quiet")).toBe(0);
      expect(() => checkManifest(root)).not.toThrow();
      expect(git("add", "--force", name)).toBe(0);
      expect(() => checkManifest(root)).toThrow(`${name}, the private half of toy.pub, is in git`);
    },
  );

  test("a key that changes is looked at again, though the manifest is remembered", () => {
    const root = project();
    const before = keyTrace(root, "toy.pub");
    expect(keyTrace(root, "toy.pub")).toBe(before);
    writeFileSync(join(root, "toy.pub"), `${block}\n`);
    const changed = keyTrace(root, "toy.pub");
    expect(changed).not.toBe(before);
    writeFileSync(join(root, "cosign.key"), "secret");
    expect(keyTrace(root, "toy.pub")).not.toBe(changed);
  });
});
