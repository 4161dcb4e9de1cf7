// reaches: flavors/ overlays/ containerfiles/
// This file is about GuaraOS: what four of its flavors promise, said a second time by hand, so that a change of a flavor or
// an overlay that was not meant shows here. And rules that every file keeps which they ship.
import { describe, expect, test } from "bun:test";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { parseList } from "../../lib/host/flatpaks/list.ts";

const project = resolve(import.meta.dir, "../..");
const names = ["base", "gnome", "gamestation", "cosmic"] as const;
type Name = (typeof names)[number];

const words = z.array(z.string()).default([]);
const flavorFile = z.looseObject({
  from: z.string().optional(),
  arches: words,
  bootc: z.boolean().optional(),
  displayManager: z.string().optional(),
  aur: z.looseObject({ packages: words }).optional(),
  groups: z.record(
    z.string(),
    z.looseObject({ interval: z.string(), replace: z.record(z.string(), z.string()).optional(), packages: words }),
  ),
  run: words,
  finish: words,
  units: z.looseObject({ enable: words }),
  kargs: words,
  sysctl: z.record(z.string(), z.union([z.string(), z.number()])).default({}),
  suid: words,
  modes: z.record(z.string(), z.string()).default({}),
  smoke: z.looseObject({
    units: words,
    files: words,
    absent: words,
    packages: words,
    kargs: words,
    sysctl: z.record(z.string(), z.union([z.string(), z.number()])).default({}),
    commands: z.array(z.object({ run: z.string(), output: z.string() })),
  }),
});
const flavor = (name: Name) => flavorFile.parse(parse(readFileSync(join(project, "flavors", `${name}.yaml`), "utf8")));
const allPackages = (name: Name) => Object.values(flavor(name).groups).flatMap((g) => g.packages);

/** The files of a flavor's overlay, as paths in the image. */
function overlay(name: Name, below = ""): string[] {
  const folder = join(project, "overlays", name);
  if (!existsSync(folder)) return [];
  return readdirSync(join(folder, below), { withFileTypes: true }).flatMap((entry) => {
    const path = `${below}/${entry.name}`;
    return entry.isDirectory() ? overlay(name, path) : [path];
  });
}
const source = (name: Name, path: string) => join(project, "overlays", name, path);
const text = (name: Name, path: string) => readFileSync(source(name, path), "utf8");
const shipped = names.flatMap((name) => overlay(name).map((path) => ({ name, path })));

/** Sections of an INI file: "section.key" → value. */
function ini(body: string): Record<string, string> {
  let section = "";
  const found: Record<string, string> = {};
  for (const line of body.split("\n")) {
    const head = /^\[(.+)\]$/.exec(line)?.[1];
    if (head) section = head;
    const [, key, value] = /^([\w-]+)\s*=\s*(.*)$/.exec(line) ?? [];
    if (key !== undefined && value !== undefined) found[`${section}.${key}`] = value;
  }
  return found;
}

describe("flavors", () => {
  // name interval packages; packages that a base or an earlier group has are left out
  const groups: Record<Name, string> = {
    base: `system-core quarterly 14, bootc quarterly 10, fonts yearly 18, filesystems yearly 15, btrfs-snapshots monthly 4,
      archiving yearly 15, printing-scanning quarterly 18, audio monthly 8, camera quarterly 2, firmware biweekly 7,
      networking monthly 24, hardware-management quarterly 21, shells monthly 9, cli-utilities biweekly 49,
      text-editors-ides monthly 7, devel-base monthly 10, containers monthly 9, virtualization quarterly 6,
      schedulers biweekly 3, desktop-integration quarterly 14, cachyos-settings monthly 6, themes-aesthetics quarterly 3,
      graphics-drivers biweekly 5, gpu-compute monthly 10, media-video monthly 11, gaming-core weekly 28,
      web-browsers weekly 2, development-languages monthly 15, language-servers monthly 9, linters-formatters monthly 6,
      tree-sitter-grammars weekly 9`,
    gnome: `gnome-core weekly 17, gnome-utilities weekly 15, gnome-qt-integration weekly 5, gnome-gvfs-backends weekly 5,
      gnome-apps-extra weekly 4, gnome-themes weekly 2, gnome-extensions weekly 10, gnome-media weekly 3, gnome-audio weekly 2`,
    gamestation: `kde-core weekly 13, kde-integration weekly 20, kde-utilities weekly 22, kde-media weekly 4,
      kde-themes-aesthetics weekly 11`,
    cosmic: "cosmic-core weekly 14, cosmic-apps weekly 10",
  };
  test.each([...names])("%s has its groups, in order", (name) => {
    const found = Object.entries(flavor(name).groups).map(
      ([group, g]) => `${group} ${g.interval} ${g.packages.length}`,
    );
    expect(found).toEqual(groups[name].split(",").map((g) => g.trim()));
  });

  test("no package twice in a flavor and its base", () => {
    for (const name of names) {
      const all = [...(name === "base" ? [] : allPackages("base")), ...allPackages(name)];
      expect(all.filter((p, i) => all.indexOf(p) !== i)).toEqual([]);
    }
  });

  test("a package that was dropped as a repetition is in the base", () => {
    const base = allPackages("base");
    for (const name of ["ptyxis", "xdg-utils", "libappimage", "bluedevil", "ffmpegthumbnailer"])
      expect(base).toContain(name);
  });

  test("mesa is replaced before the drivers", () => {
    expect(flavor("base").groups["graphics-drivers"]?.replace).toEqual({
      mesa: "mesa-git",
      "lib32-mesa": "lib32-mesa-git",
    });
  });

  test("arches, bases, display managers", () => {
    expect(names.map((n) => [n, flavor(n).arches.join(" "), flavor(n).from, flavor(n).displayManager])).toEqual([
      ["base", "znver4 v3", undefined, undefined],
      ["gnome", "znver4", "base", "gdm"],
      ["gamestation", "znver4 v3", "base", "plasmalogin"],
      ["cosmic", "znver4", "base", "cosmic-greeter"],
    ]);
    expect(flavor("base").bootc).toBe(true);
  });

  test("each desktop enables its display manager, and shows that the others are absent", () => {
    const managers = ["gdm", "sddm", "plasmalogin", "cosmic-greeter"];
    for (const name of names) {
      const { displayManager: mine, units, smoke } = flavor(name);
      expect(units.enable.filter((u) => managers.includes(u.replace(".service", "")))).toEqual(
        mine ? [`${mine}.service`] : [],
      );
      for (const other of managers.filter((m) => mine && m !== mine))
        expect(smoke.absent).toContain(`/usr/lib/systemd/system/${other}.service`);
    }
  });

  test("packages from the AUR", () => {
    expect(flavor("base").aur?.packages).toEqual([
      "scopebuddy-git",
      "autofs",
      "heroic-games-launcher-bin",
      "git-credential-manager-bin",
      "docker-credential-secretservice-bin",
      "oxlint-bin",
      "hellfire-browser-bin",
    ]);
  });

  test("units", () => {
    expect(flavor("base").units.enable).toEqual(
      `opt.mount NetworkManager.service systemd-resolved.service dbus-broker.service bluetooth.service
      ModemManager.service ananicy-cpp.service scx_loader.service brew-setup.service systemd-homed.service ufw.service
      dmemcg-booster-system.service coolercontrold.service fstrim.timer snapper-cleanup.timer snapper-timeline.timer
      btrfs-scrub.timer btrfs-balance.timer libvirtd.socket docker.socket guaraos-swap-setup.service
      guaraos-snapper-setup.service`.split(/\s+/),
    );
    expect(flavor("gamestation").units.enable).toEqual([
      "plasmalogin.service",
      "usr-share-sddm.mount",
      "guaraos-gamestation-setup.service",
    ]);
  });

  test("kernel arguments", () => {
    expect(flavor("base").kargs).toEqual(
      `amd_pstate=active amdgpu.ppfeaturemask=0xffffffff split_lock_detect=off nowatchdog nmi_watchdog=0 mitigations=off
      sysrq_always_enabled=1 usbcore.autosuspend=-1 iommu=pt preempt=full amdgpu.gpu_recovery=1
      transparent_hugepage=madvise transparent_hugepage.defrag=defer+madvise skew_tick=1 threadirqs zswap.enabled=1
      zswap.compressor=zstd zswap.zpool=zsmalloc zswap.shrinker_enabled=1`.split(/\s+/),
    );
    expect(flavor("base").smoke.kargs).toEqual(flavor("base").kargs);
  });

  test("sysctls", () => {
    expect(flavor("base").sysctl).toEqual({
      "vm.max_map_count": 2147483642,
      "fs.inotify.max_user_watches": 524288,
      "fs.inotify.max_user_instances": 1024,
      "vm.zone_reclaim_mode": 0,
      "vm.swappiness": 40,
      "net.ipv4.tcp_congestion_control": "bbr",
      "net.ipv4.tcp_fastopen": 3,
      "net.core.netdev_max_backlog": 16384,
    });
    expect(flavor("gamestation").sysctl).toEqual({ "kernel.sched_autogroup_enabled": 0 });
    for (const name of names) expect(flavor(name).smoke.sysctl).toEqual(flavor(name).sysctl);
  });

  test("set-user-id programs and modes", () => {
    expect(flavor("base").suid).toHaveLength(20);
    expect(flavor("base").suid).toContain("/usr/lib/polkit-1/polkit-agent-helper-1");
    expect(flavor("base").modes).toEqual({ "/etc/sudoers.d": "0750" });
  });

  test("the helpers that a flavor names are there", () => {
    for (const name of names)
      for (const helper of [...flavor(name).run, ...flavor(name).finish])
        expect([helper, existsSync(join(project, "containerfiles/helpers", helper))]).toEqual([helper, true]);
    expect(flavor("gnome").run).toEqual(["gnome-extensions"]);
    expect(flavor("gnome").finish).toEqual(["gnome-schemas"]);
  });

  test("every flavor says what its image must show, with patterns that are patterns", () => {
    for (const name of names) {
      const { smoke, displayManager } = flavor(name);
      for (const list of [smoke.units, smoke.files, smoke.packages, smoke.commands])
        expect(list.length).toBeGreaterThan(0);
      for (const { output } of smoke.commands) expect(() => new RegExp(output)).not.toThrow();
      if (displayManager) expect(smoke.units).toContain(`${displayManager}.service`);
      const known = [
        ...allPackages("base"),
        ...allPackages(name),
        ...(flavor("base").aur?.packages ?? []),
        "mesa-git",
        "lib32-mesa-git",
      ];
      expect(smoke.packages.filter((p) => !known.includes(p))).toEqual([]);
    }
  });
});

describe("shipped files", () => {
  /** The shell that reads a file: by its first line, or by its place. */
  function shell(name: Name, path: string): string | undefined {
    const first = text(name, path).split("\n", 1)[0] ?? "";
    const told = /^#!\/bin\/(sh|bash)$/.exec(first)?.[1] ?? /^# shellcheck shell=(sh|bash)$/.exec(first)?.[1];
    return told;
  }
  const scripts = shipped.flatMap(({ name, path }) => {
    const by = shell(name, path);
    return by ? [{ name, path, by }] : [];
  });

  test("every shell file says for which shell it is", () => {
    const places = /\/libexec\/|\.sh$|\/\.bashrc$/;
    const expected = shipped.filter(({ path }) => places.test(path)).map(({ path }) => path);
    expect(scripts.map(({ path }) => path).sort()).toEqual(expected.sort());
    expect(expected.length).toBeGreaterThanOrEqual(12);
  });

  test.each(scripts)("$path parses ($by) and shellcheck has nothing to say", ({ name, path, by }) => {
    const file = source(name, path);
    expect(Bun.spawnSync([by, "-n", file]).exitCode).toBe(0);
    if (!Bun.which("shellcheck")) return;
    const { exitCode, stdout } = Bun.spawnSync(["shellcheck", "--severity=style", `--shell=${by}`, file]);
    expect([exitCode, stdout.toString()]).toEqual([0, ""]);
  });

  test("programs can be run, nothing else can", () => {
    for (const { name, path } of shipped)
      expect([path, (statSync(source(name, path)).mode & 0o111) !== 0]).toEqual([
        path,
        path.startsWith("/usr/libexec/"),
      ]);
  });

  test("nothing lies where an image must not have it", () => {
    const forbidden = /^\/(opt|usr\/etc|var|boot|run|tmp|home|root)\//;
    expect(shipped.filter(({ path }) => forbidden.test(path))).toEqual([]);
    // Generated from the YAML.
    expect(shipped.filter(({ path }) => /kargs\.d|sysctl\.d|policy\.json|registries\.d|\.preset$/.test(path))).toEqual(
      [],
    );
  });

  test("no two flavors of one image ship the same file", () => {
    const base = overlay("base");
    for (const name of names.slice(1)) expect(overlay(name).filter((path) => base.includes(path))).toEqual([]);
  });

  test("what topgrade and the units call is shipped", () => {
    const paths = shipped.map(({ path }) => path);
    const called = shipped.flatMap(
      ({ name, path }) => text(name, path).match(/\/usr\/libexec\/guaraos\/[\w-]+/g) ?? [],
    );
    expect(called.length).toBeGreaterThanOrEqual(4);
    for (const path of called) expect(paths).toContain(path);
  });

  test("every unit of ours that a flavor enables is in its overlay, and the other way round", () => {
    const place = "/usr/lib/systemd/system/";
    for (const name of names) {
      const mine = overlay(name).flatMap((p) =>
        p.startsWith(place) && !p.includes(".d/") ? [p.slice(place.length)] : [],
      );
      const enabled = flavor(name).units.enable.filter((u) => u.startsWith("guaraos-") || u.endsWith(".mount"));
      expect(enabled.sort()).toEqual(mine.sort());
      for (const unit of mine) expect(text(name, place + unit)).toContain("[Install]\nWantedBy=");
    }
  });

  test("scripts name their unit in what they log", () => {
    for (const [name, unit, path] of [
      ["base", "guaraos-swap-setup.service", "swap-setup"],
      ["base", "guaraos-snapper-setup.service", "snapper-setup"],
      ["gamestation", "guaraos-gamestation-setup.service", "gamestation-setup"],
    ] as const) {
      expect(text(name, `/usr/libexec/guaraos/${path}`)).toContain(`\nunit=${unit}\n`);
      expect(text(name, `/usr/lib/systemd/system/${unit}`)).toContain(`\nExecStart=/usr/libexec/guaraos/${path}\n`);
    }
  });
});

describe("first boot and mounts", () => {
  test("swap comes before swap.target and sysinit.target", () => {
    const unit = ini(text("base", "/usr/lib/systemd/system/guaraos-swap-setup.service"));
    expect(unit["Unit.Before"]?.split(" ")).toEqual(expect.arrayContaining(["swap.target", "sysinit.target"]));
    expect(unit["Unit.DefaultDependencies"]).toBe("no");
  });

  test.each([
    ["base", "opt.mount", "/opt", "/usr/lib/opt", "/var/opt_overlay", "guaraos.conf"],
    [
      "gamestation",
      "usr-share-sddm.mount",
      "/usr/share/sddm",
      "/usr/share/sddm",
      "/var/sddm_themes",
      "guaraos-gamestation.conf",
    ],
  ] as const)("%s: %s shows %s above %s, and its layers are made at boot", (name, unit, where, lower, layers, conf) => {
    const mount = ini(text(name, `/usr/lib/systemd/system/${unit}`));
    expect(mount["Mount.Where"]).toBe(where);
    expect(mount["Mount.Type"]).toBe("overlay");
    const options = (mount["Mount.Options"] ?? "").split(",");
    expect(options).toEqual(
      expect.arrayContaining([`lowerdir=${lower}`, `upperdir=${layers}/upper`, `workdir=${layers}/work`]),
    );
    // Without these the mount fails after an upgrade has replaced the lower layer.
    expect(options).toEqual(expect.arrayContaining(["index=off", "metacopy=off", "redirect_dir=off"]));
    const made = text(name, `/usr/lib/tmpfiles.d/${conf}`).match(/(?<=^d\s+)\/\S+/gm);
    expect(made).toEqual(expect.arrayContaining([layers, `${layers}/upper`, `${layers}/work`]));
  });

  test("tmpfiles leave /var/swap to the swap unit", () => {
    expect(text("base", "/usr/lib/tmpfiles.d/guaraos.conf")).not.toMatch(/^[^#].*\/var\/swap/m);
  });

  test("snapper's limits", () => {
    const value = ini(text("base", "/usr/share/snapper/config-templates/guaraos"));
    const limits = {
      SPACE_LIMIT: "0.2",
      FREE_LIMIT: "0.2",
      NUMBER_MIN_AGE: "1800",
      NUMBER_LIMIT: "10",
      NUMBER_LIMIT_IMPORTANT: "5",
      TIMELINE_MIN_AGE: "1800",
      TIMELINE_LIMIT_DAILY: "7",
      TIMELINE_LIMIT_HOURLY: "0",
      TIMELINE_LIMIT_WEEKLY: "0",
      TIMELINE_LIMIT_MONTHLY: "0",
      TIMELINE_LIMIT_YEARLY: "0",
      EMPTY_PRE_POST_MIN_AGE: "1800",
    };
    for (const [key, limit] of Object.entries(limits)) expect([key, value[`.${key}`]]).toEqual([key, `"${limit}"`]);
  });

  test("zram is off, by an empty file", () =>
    expect(statSync(source("base", "/etc/systemd/zram-generator.conf")).size).toBe(0));

  test("the root is a composefs", () =>
    expect(ini(text("base", "/usr/lib/ostree/prepare-root.conf"))).toEqual({ "composefs.enabled": "true" }));

  // dracut reads its configuration as a script of bash
  test("dracut knows where units go, and which modules find the system", () => {
    const line = '. "$1"; echo "$hostonly $systemdsystemconfdir $systemdsystemunitdir$add_dracutmodules"';
    const conf = source("base", "/usr/lib/dracut/dracut.conf.d/10-guaraos.conf");
    const { stdout } = Bun.spawnSync(["bash", "-euc", line, "bash", conf], {
      env: { add_dracutmodules: "", add_drivers: "" },
    });
    expect(stdout.toString().trim()).toBe("no /etc/systemd/system /usr/lib/systemd/system ostree bootc");
  });

  test("Flathub is there from the first boot, with the key that its documentation names", () => {
    const { "Flatpak Repo.Url": url, "Flatpak Repo.GPGKey": key = "" } = ini(
      text("base", "/etc/flatpak/remotes.d/flathub.flatpakrepo"),
    );
    expect(url).toBe("https://dl.flathub.org/repo/");
    // A version 4 fingerprint: the first packet, the public key, with its head of three bytes. Source: RFC 4880, 12.2.
    const bytes = Buffer.from(key, "base64");
    const packet = bytes.subarray(0, 3 + bytes.readUInt16BE(1));
    const fingerprint = new Bun.CryptoHasher("sha1").update(packet).digest("hex").toUpperCase();
    expect([bytes[0], fingerprint]).toEqual([0x99, "6E5C05D979C76DAF93C081354184DD4D907A7CAE"]);
  });

  test("PipeWire of the game station", () => {
    const conf = text("gamestation", "/usr/share/pipewire/pipewire.conf.d/90-guaraos-gamestation.conf");
    const clock = Object.fromEntries(
      [...conf.matchAll(/default\.clock\.([\w-]+)\s*=\s*(\d+)/g)].map(([, k, v]) => [k, Number(v)]),
    );
    expect(clock).toEqual({ rate: 48000, quantum: 512, "min-quantum": 512, "max-quantum": 512 });
  });

  test("the game session is what the login screen offers", () =>
    expect(text("gamestation", "/usr/lib/plasmalogin/defaults.conf")).toContain("gamescope-session.desktop"));
});

describe("the user's surroundings", () => {
  test("Flatpaks, under their categories", () => {
    const list = text("base", "/usr/share/guaraos/guaraos-flatpaks.txt");
    const { apps, mistakes } = parseList(list, "other");
    expect([apps.length, mistakes]).toEqual([29, []]);
    expect(apps.filter(({ category }) => category === "other")).toEqual([]);
    const lines = list.trim().split("\n");
    const ids = lines.filter((l) => l && !l.startsWith("#"));
    expect(ids).toHaveLength(29);
    expect(new Set(ids).size).toBe(29);
    for (const id of ids) expect(id).toMatch(/^[A-Za-z]\w*(\.[\w-]+){2,}$/);
    expect(lines.filter((l) => /^# \w+$/.test(l)).map((l) => l.slice(2))).toEqual(
      "communication reading creativity gnome system security development gaming media utilities".split(" "),
    );
  });

  test("GNOME's defaults", () => {
    const set = ini(text("gnome", "/usr/share/glib-2.0/schemas/zz_guaraos-gnome-defaults.gschema.override"));
    expect(Object.keys(set)).toHaveLength(34);
    expect(set).toMatchObject({
      "org.gnome.shell.enabled-extensions":
        "['pop-shell@system76.com', 'dash-to-dock@micxgx.gmail.com', 'blur-my-shell@aunetx']",
      "org.gnome.desktop.interface.color-scheme": "'prefer-dark'",
      "org.gnome.desktop.interface.accent-color": "'blue'",
      "org.gnome.desktop.interface.font-name": "'Inter 12'",
      "org.gnome.desktop.interface.gtk-theme": "'adw-gtk3-dark'",
      "org.gnome.desktop.datetime.automatic-timezone": "true",
      "org.gnome.mutter.edge-tiling": "false",
      "org.gnome.desktop.wm.keybindings.close": "['<Super>q', '<Alt>F4']",
      "org.gnome.desktop.wm.keybindings.switch-to-workspace-down": "['<Primary><Super>Down', '<Primary><Super>j']",
      "org.gnome.settings-daemon.plugins.media-keys.terminal": "['<Super>t']",
      "org.gnome.settings-daemon.plugins.media-keys.volume-step": "5",
      "org.gnome.shell.extensions.dash-to-dock.dash-max-icon-size": "54",
      "org.gnome.shell.extensions.dash-to-dock.background-opacity": "0.8",
      "org.gnome.shell.extensions.dash-to-dock.scroll-action": "'switch-workspace'",
    });
    expect(text("gnome", "../../flavors/gnome.yaml")).toContain("adw-gtk-theme");
    expect(set["org.gnome.mutter.experimental-features"]).toMatch(
      /scale-monitor-framebuffer.*xwayland-native-scaling.*autoclose-xwayland.*variable-refresh-rate/,
    );
  });

  test("Docker", () =>
    expect(JSON.parse(text("base", "/etc/docker/daemon.json"))).toEqual({
      "storage-driver": "btrfs",
      dns: ["1.1.1.1", "8.8.8.8"],
    }));

  test("topgrade, Cargo and Helix", () => {
    const toml = (path: string) => Bun.TOML.parse(text("base", `/etc/skel/${path}`));
    expect(toml(".config/topgrade.d/00-guaraos.toml")).toMatchObject({
      misc: { pre_sudo: true, disable: ["system"], first: ["custom_commands"] },
      commands: { "bootc upgrade": "sudo bootc upgrade" },
      firmware: { upgrade: true },
      flatpak: { use_sudo: true },
    });
    expect(toml(".cargo/config.toml")).toMatchObject({
      build: { "rustc-wrapper": "sccache" },
      target: { "x86_64-unknown-linux-gnu": { linker: "clang" } },
      profile: { release: { lto: "thin" } },
    });
    expect(toml(".config/helix/config.toml")).toMatchObject({
      editor: {
        ...{ bufferline: "always", cursorline: true, rulers: [100], "color-modes": true, "idle-timeout": 50 },
        ...{ "soft-wrap": { enable: true }, "indent-guides": { render: true } },
        "cursor-shape": { insert: "bar", normal: "block", select: "underline" },
        lsp: { "display-messages": true, "display-inlay-hints": true },
        statusline: { right: expect.arrayContaining(["diagnostics", "version-control"]) },
      },
    });
  });

  test("git, with git's own eyes", () => {
    if (!Bun.which("git")) return;
    const { stdout } = Bun.spawnSync(["git", "config", "--file", source("base", "/etc/skel/.gitconfig"), "--list"]);
    const set = stdout.toString().trim().split("\n");
    for (const line of [
      "core.pager=delta",
      "core.autocrlf=input",
      "core.eol=lf",
      "delta.features=side-by-side line-numbers decorations",
      "delta.decorations.file-style=bold yellow ul",
      "delta.line-numbers.line-numbers-plus-style=28",
      "init.defaultbranch=main",
      "pull.rebase=true",
      "push.autosetupremote=true",
      "filter.lfs.required=true",
      "credential.helper=manager",
      "credential.credentialstore=secretservice",
      "credential.https://github.com.helper=!gh auth git-credential",
    ])
      expect(set).toContain(line);
    expect(set.filter((line) => line.startsWith("user."))).toEqual([]);
  });

  /** What an interactive bash of a new account says to `show`, with programs that print what they are asked for. */
  function bash(programs: string[], show: string, env: Record<string, string> = {}): string {
    const home = mkdtempSync(join(tmpdir(), "slipway-bash-"));
    cpSync(source("base", "/etc/skel"), home, { recursive: true });
    mkdirSync(join(home, "bin"));
    for (const name of programs)
      writeFileSync(join(home, "bin", name), `#!/bin/sh\necho "echo ${name} $* >>$HOME/asked"\n`, { mode: 0o755 });
    const argv = [Bun.which("bash") ?? "bash", "--noprofile", "--rcfile", join(home, ".bashrc"), "-ic", show];
    const run = Bun.spawnSync(argv, { env: { HOME: home, PATH: join(home, "bin"), ...env } });
    rmSync(home, { recursive: true, force: true });
    return run.stdout.toString().trim();
  }

  test("bash asks starship, then zoxide, and searches the history with Page Up and Page Down", () => {
    const keys = "bind -q history-search-backward; bind -q history-search-forward";
    expect(bash([], keys)).toMatch(
      /backward can be invoked via .*"(\\e|\\M-)\[5~".*\n.*forward can be invoked via .*"(\\e|\\M-)\[6~"/,
    );
    const asked = bash(["starship", "zoxide"], 'echo "$(<~/asked)"').split("\n");
    expect(asked).toEqual(["starship init bash", "zoxide init bash"]);
  });

  test("bash inside a distrobox calls programs of the machine that the guest lacks", () => {
    const inside = { CONTAINER_ID: "x" };
    const show = "alias";
    expect(bash(["distrobox-host-exec"], show, inside)).toContain(
      "alias mullvad-exclude='distrobox-host-exec mullvad-exclude'\nalias xdg-open='distrobox-host-exec xdg-open'",
    );
    expect(bash(["distrobox-host-exec", "xdg-open"], show, inside)).not.toContain("xdg-open=");
    expect(bash(["distrobox-host-exec"], show)).not.toContain("distrobox");
    expect(bash([], show, inside)).not.toContain("distrobox");
  });

  /** What a login shell ends up with, from an environment with nothing in it. */
  function login(env: Record<string, string>, show: string, by = "sh"): string {
    const folder = source("base", "/etc/profile.d");
    const all = readdirSync(folder).map((f) => `. ${join(folder, f)}`);
    return Bun.spawnSync([by, "-euc", [...all, ...all, show].join("\n")], { env })
      .stdout.toString()
      .trim();
  }

  test.each(["sh", "bash"])("the PATH of a login shell (%s) gains each place once", (by) => {
    const env = { HOME: "/h", PATH: "/usr/bin:/bin:/h/bin" };
    expect(login(env, 'echo "$PATH"', by)).toBe(
      "/h/.local/bin:/h/.cargo/bin:/h/.npm-global/bin:/h/go/bin:/usr/bin:/bin:/h/bin:/var/lib/flatpak/exports/bin",
    );
    expect(login(env, `echo "$ELECTRON_OZONE_PLATFORM_HINT" "\${BROWSER-none}"`, by)).toBe("auto none");
  });

  test("shells of every kind pass over programs that are absent", () => {
    for (const path of ["/etc/zsh/zshrc", "/usr/share/fish/vendor_conf.d/cachyos-guaraos.fish"])
      for (const [, program] of text("base", path).matchAll(/(\w+) init (?:zsh|fish)/g))
        expect(text("base", path)).toMatch(new RegExp(`commands\\[${program}\\]|type -q ${program}`));
  });

  test("new accounts live in /var/home", () =>
    expect(text("base", "/etc/default/useradd")).toMatch(/^HOME=\/var\/home$/m));

  test("Homebrew reports nothing", () =>
    expect(text("base", "/etc/environment")).toMatch(/^HOMEBREW_NO_ANALYTICS=1$/m));
});
