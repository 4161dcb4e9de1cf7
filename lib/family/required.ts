/** What a system of the family must have, as data: what calls for it, what it is, why, and how it is put back. */

export interface Required {
  /** The rule's name, for tests and documents. */
  name: string;
  why: string;
  /** What to write to have it again. */
  fix: string;
}

/** A unit, a helper or a file that something else in a flavor's line calls for. */
export interface RequiredPart extends Required {
  /** What calls for it, all of it: a package, a kernel argument, a marker of the recipe. */
  calledBy: { package?: string; karg?: string; marker?: string };
  /** What must be there: an enabled unit, a helper in `finish`, or an empty file of an overlay. */
  part: { unit: string } | { finish: string } | { emptyFile: string };
  /** A flavor with this display manager wants what the part removes. */
  unlessDisplayManager?: string;
}

const homed = {
  name: "homed",
  part: { unit: "systemd-homed.service" },
  why: "users' homes are systemd-homed's, and `migrate` moves people into it",
  fix: "units.enable has systemd-homed.service",
};

export const parts: RequiredPart[] = [
  // a package of its own on Debian, a part of systemd on Arch
  { ...homed, calledBy: { package: "systemd-homed" } },
  { ...homed, calledBy: { package: "systemd", marker: "repos" } },
  {
    name: "zram-override",
    calledBy: { package: "cachyos-settings", karg: "zswap.enabled=1" },
    part: { emptyFile: "/etc/systemd/zram-generator.conf" },
    why: "cachyos-settings turns zram on, and zswap must not lie in front of it",
    fix: "an empty file etc/systemd/zram-generator.conf in the flavor's overlay",
  },
  {
    name: "drop-sddm",
    calledBy: { package: "plasma" },
    part: { finish: "drop-sddm" },
    unlessDisplayManager: "sddm",
    why: "pacman's group plasma brings SDDM, and an image has one display manager",
    fix: "finish: [drop-sddm]",
  },
];

/** A text of the project that must keep a line. */
export interface RequiredLine extends Required {
  /** Which file, from the project's root; it is looked at only where it is. */
  file: RegExp;
  line: RegExp;
  message: string;
}

const helper = (name: string) => new RegExp(`^containerfiles/helpers/${name}$`);
const swapSetup = /^overlays\/[^/]+\/usr\/libexec\/[^/]+\/swap-setup$/;

const hook = (maker: string): RequiredLine => ({
  name: `null-hook-${maker}`,
  file: helper("arch-setup"),
  line: new RegExp(`^[^#]*\\b90-${maker}-install\\.hook\\b`),
  message: `the hook of ${maker} is not linked to /dev/null`,
  why: "an initramfs is made once, at the end of the build",
  fix: `null_hooks=(… 90-${maker}-install.hook)`,
});

export const lines: RequiredLine[] = [
  hook("mkinitcpio"),
  hook("dracut"),
  {
    name: "null-hooks-linked",
    file: helper("arch-setup"),
    line: /^\s*link_hooks\s*$/,
    message: "the null hooks are not linked",
    why: "an initramfs is made once, at the end of the build",
    fix: "link_hooks, before the first package is installed",
  },
  ...["group", "upgrade"].map((name) => ({
    name: `merge-etc-${name}`,
    file: helper(name),
    line: /^\s*"\$here\/merge-etc"\s*$/,
    message: "a stray /usr/etc is not merged",
    why: "bootc refuses an image with /usr/etc and /etc, and the machine would see one of them",
    fix: '"$here/merge-etc", after the packages are installed',
  })),
  {
    name: "swap-folder",
    file: swapSetup,
    line: /^[^#]*=\S*\/var\/swap["']?\s*$/,
    message: "the swap file is not in /var/swap",
    why: "snapper, tmpfiles.d and the swap unit know this place",
    fix: "dir=$root/var/swap",
  },
  {
    name: "swap-subvolume",
    file: swapSetup,
    line: /^[^#]*\bbtrfs subvolume create\b/,
    message: "the swap file's folder is not a subvolume of its own",
    why: "btrfs takes no snapshot of a subvolume with an active swap file",
    fix: 'btrfs subvolume create "$dir"',
  },
];
