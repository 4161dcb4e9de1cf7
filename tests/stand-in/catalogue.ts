/**
 * Which stub packages there are. Most are nothing but a name and a program; the table below gives some of them what the
 * build must be able to deal with: dependencies, files in forbidden places, files that no package owns, hooks, units.
 */
import { displayManagers } from "../../lib/family/rules.ts";
import type { File, Stub } from "./package.ts";

type Details = Omit<Stub, "name"> & { repository?: string };

/** A program that writes down how it was called; the base image has these in /usr/lib/stand-in. */
const program = (name = "program"): File => ({ link: `../lib/stand-in/${name}` });

const hook = (what: string): string =>
  `[Trigger]\nType = Path\nOperation = Install\nTarget = usr/lib/modules/*/vmlinuz\n\n[Action]\nWhen = PostTransaction\nExec = /usr/lib/stand-in/${what}\n`;

const kernel = "6.18.1-1-cachyos";

const loginScreens = displayManagers.map((name) => `${name}.service`);

function unit(name: string): string {
  if (name.endsWith(".timer")) return "[Timer]\nOnCalendar=daily\n[Install]\nWantedBy=timers.target\n";
  if (name.endsWith(".socket")) return `[Socket]\nListenStream=/run/${name}\n[Install]\nWantedBy=sockets.target\n`;
  const install = loginScreens.includes(name) ? "Alias=display-manager.service" : "WantedBy=multi-user.target";
  return `[Service]\nExecStart=/usr/bin/true\n[Install]\n${install}\n`;
}

export const details: Record<string, Details> = {
  // There before the first group, as in the real container image.
  base: { depends: ["filesystem", "bash", "glibc", "pacman", "systemd", "pambase", "shadow", "base-devel"] },
  pambase: {
    files: {
      "etc/pam.d/system-auth": "auth required pam_unix.so\n",
      "etc/pam.d/system-login": "auth include system-auth\n",
    },
  },
  // Where it is owned by its proper name, a program of the base has lost its mode.
  sudo: { files: { "usr/bin/sudo": { mode: 0o755, text: "#!/bin/sh\n" }, "etc/sudoers.d/README": "\n" } },
  polkit: {
    files: {
      "usr/bin/pkexec": { mode: 0o755, text: "#!/bin/sh\n" },
      "usr/lib/polkit-1/polkit-agent-helper-1": { mode: 0o755, text: "#!/bin/sh\n" },
    },
  },
  fuse3: { files: { "usr/bin/fusermount3": { mode: 0o755, text: "#!/bin/sh\n" } } },

  // A kernel, and the hooks that must not run.
  "linux-cachyos": {
    version: "6.18.1-1",
    depends: ["kmod", "initramfs"],
    files: {
      [`usr/lib/modules/${kernel}/vmlinuz`]: "no kernel\n",
      [`usr/lib/modules/${kernel}/pkgbase`]: "linux-cachyos\n",
    },
  },
  mkinitcpio: {
    provides: ["initramfs"],
    files: {
      "usr/bin/mkinitcpio": program(),
      "usr/share/libalpm/hooks/90-mkinitcpio-install.hook": hook("mkinitcpio-hook"),
    },
  },
  dracut: {
    files: {
      "usr/bin/dracut": program("dracut"),
      "usr/share/libalpm/hooks/90-dracut-install.hook": hook("dracut-hook"),
    },
  },
  bootc: { files: { "usr/bin/bootc": program("bootc") } },
  glib2: {
    files: {
      "usr/bin/glib-compile-schemas": program("glib-compile-schemas"),
      "usr/share/glib-2.0/schemas/org.gnome.stand-in.gschema.xml": "<schemalist/>\n",
    },
  },
  typescript: { files: { "usr/bin/tsc": program("tsc") } },

  // What NoExtract must keep out, and what it must not.
  "man-pages": {
    files: {
      "usr/share/man/man1/intro.1": "English\n",
      "usr/share/man/de/man1/intro.1": "German\n",
      "usr/share/doc/man-pages/README": "documentation\n",
      "usr/share/locale/de/LC_MESSAGES/man.mo": "German\n",
      "usr/share/locale/en_GB/LC_MESSAGES/man.mo": "English\n",
    },
  },

  // Files in places that a bootc image has no room for.
  "cachyos-settings": {
    repository: "cachyos",
    files: { "usr/etc/stand-in/settings.conf": "from /usr/etc\n", "usr/bin/cachyos-settings": program() },
  },
  "cosmic-settings": {
    files: { "usr/etc/stand-in/cosmic.conf": "from /usr/etc\n", "usr/bin/cosmic-settings": program() },
  },
  "cloudflare-warp-bin": {
    files: { "opt/warp/bin/warp-cli": { mode: 0o755, text: "#!/bin/sh\n" }, "opt/warp/share/data": "data\n" },
  },
  "plasma-desktop": { files: { "opt/plasma/data": "data\n", "usr/bin/plasma-desktop": program() } },
  libvirt: {
    files: { "var/lib/libvirt/images/.keep": "", "var/cache/libvirt/qemu/.keep": "", "usr/bin/virsh": program() },
  },

  // Files that a scriptlet makes: no package owns them.
  "ttf-ms-fonts": {
    repository: "chaotic-aur",
    files: { "usr/share/fonts/ms/arial.ttf": "font\n" },
    install: "post_install() {\n  mkdir -p /usr/share/fonts/ms\n  echo made >/usr/share/fonts/ms/fonts.dir\n}\n",
  },
  "gnome-shell": {
    version: "1:50.1-2",
    files: { "usr/bin/gnome-shell": program() },
    install: "post_install() {\n  echo made >/usr/share/gnome-shell-made\n}\n",
  },

  // Graphics: what is replaced comes along with others, and will not go by itself.
  mesa: { depends: ["libglvnd"], provides: ["opengl-driver"] },
  "lib32-mesa": { repository: "multilib", depends: ["lib32-libglvnd"], provides: ["lib32-opengl-driver"] },
  gtk4: { depends: ["mesa", "gtk-update-icon-cache"] },
  libappimage: { depends: ["lib32-mesa"] },
  "mesa-git": { repository: "chaotic-aur", provides: ["mesa", "opengl-driver"], conflicts: ["mesa"] },
  "lib32-mesa-git": {
    repository: "chaotic-aur",
    provides: ["lib32-mesa", "lib32-opengl-driver"],
    conflicts: ["lib32-mesa"],
  },

  // Some of pacman's groups: names that are no packages.
  "gnome-calendar": { groups: ["gnome"] },
  "gnome-clocks": { groups: ["gnome"], depends: ["geoclue"] },
  "plasma-keyboard": { groups: ["plasma"] },
  "sddm-kcm": { groups: ["plasma"], depends: ["sddm"] },
  sddm: { files: { "usr/bin/sddm": program(), "usr/lib/systemd/system/sddm.service": unit("sddm.service") } },

  "base-devel": { depends: ["gcc", "make", "fakeroot", "sudo"] },
  coolercontrol: { repository: "chaotic-aur", depends: ["coolercontrold"] },
  "scx-tools-git": { repository: "cachyos", depends: ["scx-loader"] },
  "cachyos-ananicy-rules": { repository: "cachyos", depends: ["ananicy-cpp"] },
};

/** Names that stand for the packages that say so in `groups`. */
export const pacmanGroups = new Set(Object.values(details).flatMap(({ groups }) => groups ?? []));

/** Whose unit it is, where the package has another name than the unit. */
const unitOwners: Record<string, string> = {
  "NetworkManager.service": "networkmanager",
  "dbus-broker.service": "dbus-broker-units",
  "bluetooth.service": "bluez",
  "ModemManager.service": "modemmanager",
  "scx_loader.service": "scx-loader",
  "dmemcg-booster-system.service": "dmemcg-booster",
  "btrfs-scrub.timer": "btrfsmaintenance",
  "btrfs-balance.timer": "btrfsmaintenance",
  "libvirtd.socket": "libvirt",
  "plasmalogin.service": "plasma-login-manager",
  "snapper-cleanup.timer": "snapper",
  "snapper-timeline.timer": "snapper",
};
/** Repositories in the order of the base image's pacman.conf; those of an arch and Chaotic-AUR are added by the build. */
function repository(name: string): string {
  const own = details[name]?.repository;
  if (own !== undefined) return own;
  if (name.startsWith("lib32-")) return "multilib";
  if (/^(linux-)?cachyos/.test(name)) return "cachyos";
  if (/-(git|bin)$/.test(name)) return "chaotic-aur";
  return "extra";
}

/** Packages of zen 4's own repositories: the same names in a build for that CPU, which must win. */
const optimised = ["bash", "linux-cachyos", "jq"];
/** Those of the very same version. */
export const sameVersion = ["glibc", "shadow"];

export type Request = {
  packages: readonly string[];
  replaced: readonly string[];
  units: readonly string[];
  files: readonly string[];
  /** What the base image or an overlay has already: no package may bring it. */
  present: ReadonlySet<string>;
};

export function catalogue(request: Request): Map<string, Stub[]> {
  const extra = new Map<string, Record<string, File>>();
  const give = (owner: string, path: string, file: File) => extra.set(owner, { ...extra.get(owner), [path]: file });
  const names = new Set([...Object.keys(details), ...request.packages, ...request.replaced]);
  for (const { depends } of Object.values(details)) for (const name of depends ?? []) names.add(name);
  for (const provided of ["initramfs", ...pacmanGroups]) names.delete(provided);

  for (const name of request.units) {
    const path = `usr/lib/systemd/system/${name}`;
    if (request.present.has(path)) continue;
    const stem = name.replace(/\.[a-z]+$/, "");
    give(unitOwners[name] ?? (names.has(stem) ? stem : "systemd"), path, unit(name));
  }
  for (const file of request.files) {
    const path = file.slice(1);
    const own = Object.values(details).some(({ files }) => files !== undefined && path in files);
    if (request.present.has(path) || own || !path.startsWith("usr/bin/")) continue;
    const stem = path.replace(/^.*\//, "");
    if (!names.has(stem)) give("filesystem", path, program());
  }

  const repositories = new Map<string, Stub[]>();
  const add = (where: string, stub: Stub) => repositories.set(where, [...(repositories.get(where) ?? []), stub]);
  for (const name of [...names].sort()) {
    const { repository: _, ...known } = details[name] ?? {};
    const path = `usr/bin/${name}`;
    const files: Record<string, File> = {
      [`usr/share/stand-in/packages/${name}`]: `${name}\n`,
      ...extra.get(name),
      ...known.files,
    };
    if (known.files === undefined && !request.present.has(path)) files[path] = program();
    const stub: Stub = { ...known, name, files };
    add(repository(name), stub);
    if ([...optimised, ...sameVersion].includes(name)) {
      const version = stub.version ?? "1.0-1";
      add("cachyos-znver4", {
        ...stub,
        version: sameVersion.includes(name) ? version : `${version}.1`,
        files: { ...files, [`usr/share/stand-in/packages/${name}`]: `${name} for zen 4\n` },
      });
    }
  }
  return repositories;
}
