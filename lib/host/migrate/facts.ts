import { familyState, sharedFolder } from "../names.ts";

/** Where a migration keeps its things, and what it keeps of a home. */

/** The state of migrations: the journal, what was there before, the report. */
export const stateFolder = `${familyState}/migrate`;

export const backupFolder = "/var/roothome/migration_backups";

/** /etc as the image has it, where this machine's own may have been changed long ago. */
export const pristineFolder = `${sharedFolder}/pristine/etc`;

/** The word that a person types before anything is changed. */
export const word = "MIGRATE";

/** What is worth keeping of a home's hidden files: keys, browsers, mail, games, containers. The rest is settings of another desktop. */
export const preserve = [
  ...[".ssh", ".gnupg", ".password-store", ".mozilla", ".config/google-chrome", ".config/BraveSoftware"],
  ...[".config/chromium", ".config/vivaldi", ".config/opera", ".config/microsoft-edge", ".config/Code", ".vscode"],
  ...[".config/VSCodium", ".vscode-oss", ".thunderbird", ".config/discord", ".config/vesktop", ".config/obs-studio"],
  ...[".config/sunshine", ".config/Bitwarden", ".config/1Password", ".config/sops", ".local/share/keyrings"],
  ...[".local/share/kwalletd", ".steam", ".local/share/Steam", ".local/share/bottles", ".local/share/lutris"],
  ...[".config/lutris", ".config/heroic", ".config/faugus-launcher", ".local/share/faugus-launcher"],
  ...[".local/share/PrismLauncher", ".local/share/waydroid", ".var", ".local/share/containers"],
];

/** Folders that overlays of the image write to, and where such an overlay is mounted. */
export const overlays = [
  { mount: "/opt", state: "/var/opt_overlay" },
  { mount: "/usr/share/sddm", state: "/var/sddm_themes" },
];
