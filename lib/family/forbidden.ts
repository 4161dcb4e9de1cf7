/** What no image of the family may carry, as data: a pattern or a place, and why. */

export interface Forbidden {
  pattern: RegExp;
  why: string;
}

const machine = "belongs to the machine, not to the image";
const noZram = "zswap and the swap file replace zram";

export const kernelArguments: Forbidden[] = [
  { pattern: /^(rd\.)?luks\b/, why: `LUKS ${machine}` },
  { pattern: /^(cryptdevice|cryptkey|cryptopts)\b/, why: `LUKS ${machine}` },
  { pattern: /tpm2/, why: `TPM2 unlocking ${machine}` },
  { pattern: /zram/, why: noZram },
  { pattern: /^systemd\.zram\b/, why: noZram },
  { pattern: /^(root|ostree)=/, why: "the boot loader entry names the root" },
  { pattern: /^resume(_offset)?=/, why: `a place to hibernate to ${machine}` },
];

export const packages: Forbidden[] = [{ pattern: /^(zram-generator|zramswap|zram-tools|systemd-zram)/, why: noZram }];

export const enabledUnits: Forbidden[] = [{ pattern: /zram/, why: noZram }];

/** Units that must stay on. */
export const neededUnits: Forbidden[] = [
  { pattern: /^systemd-homed(-activate)?\.service$/, why: "users' homes are systemd-homed's: it stays enabled" },
];

/** Places of files; the first that fits is shown. */
export const places: Forbidden[] = [
  { pattern: /^\/opt\//, why: "use /usr/lib/opt, which opt.mount shows at /opt" },
  { pattern: /^\/usr\/etc\//, why: "use /etc: bootc refuses both" },
  { pattern: /^\/var\/swap(\/|$)/, why: "the swap file is made at first boot" },
  {
    pattern: /^\/usr\/.*swapfile$/,
    why: "/usr is read-only and in the image: a swap file is made in /var at first boot",
  },
  { pattern: /^\/var\//, why: "use tmpfiles.d: /var of an image is not carried over to a machine" },
  { pattern: /^\/boot\//, why: "the kernel lives in /usr/lib/modules, /boot is the machine's" },
  { pattern: /^\/(run|tmp)\//, why: "use tmpfiles.d: this folder is empty when a machine starts" },
  { pattern: /^\/(dev|proc|sys)\//, why: "the kernel fills this folder: use udev rules, sysctl.d or tmpfiles.d" },
  { pattern: /^\/home\//, why: "homes belong to users: use /etc/skel" },
  { pattern: /^\/root\//, why: "use /etc/skel, or tmpfiles.d: root's home is the machine's, in /var" },
  { pattern: /^\/(srv|mnt|media)\//, why: "use tmpfiles.d: this folder is the machine's, in /var" },
  { pattern: /^\/(sysroot|ostree)\//, why: "use /usr or /etc: ostree keeps its deployments here" },
  { pattern: /^\/(bin|sbin|lib|lib32|lib64|libx32)\//, why: "use /usr/… : at / these are links to it" },
  { pattern: /^\/[^/]+$/, why: "use /usr or /etc: / itself holds folders only" },
  { pattern: /^\/etc\/machine-id$/, why: "leave it out: each machine makes its own at first boot" },
  { pattern: /^\/etc\/g?shadow-?$/, why: `use sysusers.d for accounts: a password ${machine}` },
  {
    pattern: /^\/etc\/ssh\/ssh_host_[^/]*_key(\.pub)?$/,
    why: "leave it out: each machine makes its own keys; one in an image is everybody's",
  },
  { pattern: /^\/etc\/crypttab$/, why: `LUKS ${machine}` },
];

/** A line that a shipped file must not have. */
export interface ForbiddenLine extends Forbidden {
  /** Which files, by their place in the image; absent: all. */
  files?: RegExp;
  message: string;
}

const runTimeWhy = "packages and /usr change with the image only; what changes on a machine is in /etc and /var";

/** What a machine runs: units, and programs of ours. */
const programs = /^\/(usr\/lib\/systemd|usr\/libexec|usr\/bin|usr\/sbin|etc\/systemd|etc\/cron)/;
/** A path below /usr, where a variable or a quote may stand before it; /usr/local is the machine's. */
const inUsr = String.raw`["']?(?:\$\{?\w+\}?["']?)?\/usr\/(?!local\/)`;
/** Words before it; so many characters and no more, so that a long line costs no more than its length. */
const words = String.raw`[^|;&#]{0,200}?\s`;

export const lines: ForbiddenLine[] = [
  {
    message: "a user's home in an overlay",
    pattern: /\/home\/(?!linuxbrew\b)[a-z_][a-z0-9_-]*/,
    why: "no user name in an image: $HOME, ~ or %h",
  },
  {
    message: "a user's rights in an overlay",
    files: /^\/etc\/sudoers(\.d\/|$)/,
    pattern: /^(?!root\b|Defaults\b)[a-z_][a-z0-9_-]*\s+\S+\s*=/,
    why: "no user name in an image: a group, such as %wheel",
  },
  {
    message: "a user's login in an overlay",
    pattern: /^\s*(AutomaticLogin|autologin-user|User)\s*=\s*(?!root\b)[a-z][a-z0-9_-]*\s*$/,
    files: /^\/(etc|usr\/lib)\/(gdm3?|sddm|plasmalogin|lightdm|greetd)\b/,
    why: "no user name in an image: a service of the first boots finds the user",
  },
  {
    message: "packages installed at run time",
    files: programs,
    pattern:
      /\b(pacman\s+(-\S+\s+)*-(S|U)\w*|(paru|yay)\b|apt(-get)?\s+(-\S+\s+)*install|dpkg\s+-i|(dnf5?|microdnf|yum|rpm-ostree|zypper)\s+(-\S+\s+)*install)\b/,
    why: runTimeWhy,
  },
  {
    message: "/usr made writable at run time",
    files: programs,
    pattern: /\b(bootc\s+usr-?overlay|ostree\s+admin\s+unlock|mount\s.*\bremount\b.*\s\/usr\b)/,
    why: runTimeWhy,
  },
  {
    message: "a file written to /usr at run time",
    files: programs,
    pattern: />\s*"?\/usr\/(?!local\/)|\btee\s+(-a\s+)?"?\/usr\/(?!local\/)/,
    why: runTimeWhy,
  },
  {
    // what is changed where it lies: any of the words
    message: "a file changed in /usr at run time",
    files: programs,
    pattern: new RegExp(
      String.raw`\b(?:mkdir|touch|rm|rmdir|unlink|chmod|chown|truncate|setfattr|sed\s(?:[^|;&#]{0,40}?\s)?(?:-\w*i\S*|--in-place\S*))\s(?:${words})?${inUsr}`,
    ),
    why: runTimeWhy,
  },
  {
    // what is put somewhere: the last word, or the folder that an option names
    message: "a file put into /usr at run time",
    files: programs,
    pattern: new RegExp(
      String.raw`\b(?:cp|mv|ln|install|rsync)\s(?:${words}${inUsr}\S*\s*(?:$|[|;&#])|(?:${words})?(?:-t\s*|--target-directory[= ])${inUsr})|\bdd\s.*\bof=${inUsr}`,
    ),
    why: runTimeWhy,
  },
  {
    message: "a file written to /usr at run time",
    files: /\/tmpfiles\.d\/[^/]+\.conf$/,
    pattern: /^[fFwdDvqQLpcbC]\S*\s+\/usr\/(?!local\/)/,
    why: runTimeWhy,
  },
  {
    message: "/var/swap as a plain directory",
    files: /\/tmpfiles\.d\/[^/]+\.conf$/,
    pattern: /^[dDe]\S*\s+\/var\/swap\/?(\s|$)/,
    why: "on btrfs the swap file needs a subvolume of its own, which the first boot makes",
  },
  {
    message: "a swap file in /usr",
    files: /\.swap$|\/fstab$/,
    pattern: /^\s*(What\s*=\s*)?\/usr\/\S+/,
    why: "/usr is read-only: a swap file is made in /var at first boot",
  },
  {
    message: "a swap file in /usr",
    files: /^\/usr\/(libexec|bin|sbin)\//,
    pattern: /\b(mkswap|swapon|fallocate)\s.*\s"?\/usr\//,
    why: "/usr is read-only: a swap file is made in /var at first boot",
  },
  {
    message: "snapshots of the subvolume that holds the swap file",
    files: /^\/(etc\/snapper\/configs|usr\/share\/snapper\/config-templates)\//,
    pattern: /^\s*SUBVOLUME\s*=\s*"?\/var(\/swap)?\/?"?\s*$/,
    why: "btrfs cannot take a snapshot of a swap file in use; snapper looks after /",
  },
  {
    message: "zram is not allowed: this file must be empty",
    files: /\/zram-generator\.conf$/,
    pattern: /\S/,
    why: noZram,
  },
  { message: "zram is not allowed", files: /\/modules-load\.d\//, pattern: /^\s*zram\b/, why: noZram },
  {
    message: "systemd-homed is disabled",
    files: /\.preset$/,
    pattern: /^\s*disable\s+systemd-homed/,
    why: "users' homes are systemd-homed's: it stays enabled",
  },
];

/** Hooks by which pacman would make an initramfs in the middle of a build; dracut runs once, at its end. */
export const initramfsHook = {
  files: /^\/(etc\/pacman\.d\/hooks|usr\/share\/libalpm\/hooks)\/[^/]+\.hook$/,
  name: /(mkinitcpio|dracut|booster)/,
  line: /^\s*Exec\s*=.*\b(mkinitcpio|dracut|booster)/,
  why: "a link to /dev/null: dracut runs once, at the end of the build",
};
