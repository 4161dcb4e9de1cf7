import { existsSync, readdirSync } from "node:fs";
import { canAsk } from "../../system/output.ts";
import { run } from "../../system/shell.ts";
import { hostPath } from "../host-path.ts";
import { programFolder } from "../names.ts";
import { anywhere, asOwner, asRoot, asUser, onPath } from "../root.ts";

/**
 * What is kept up to date beside the system image, and how: by topgrade where that is installed, else by the same tools
 * that topgrade would call.
 */

/** A command line, which exit codes are no failure, and whether the next one stands by itself where this one fails. */
export interface Line {
  argv: string[];
  fine: number[];
  apart?: true;
}

export interface Part {
  name: "firmware" | "flatpak" | "brew" | "distrobox";
  title: string;
  /** What topgrade calls it. */
  topgrade: string[];
  /** The program that does it; undefined where it is not installed. */
  find(): string | undefined;
  /** Its commands without topgrade, in order; each is asked for when its turn has come. @param uid who asks */
  lines(program: string, uid?: number): Iterable<Line> | AsyncIterable<Line>;
}

const line = (argv: string[], fine = [0]): Line => ({ argv, fine });

/** Homebrew is on nobody's PATH but that of a login shell. */
const brews = ["/home/linuxbrew/.linuxbrew/bin/brew", "/var/home/linuxbrew/.linuxbrew/bin/brew"];

/** Takes away what an interrupted update left, over which the next one would stumble. */
const staleCaches = `${programFolder}/flatpak-stale-caches`;

/** Whether there are any; everybody may look. */
function hasStaleCaches(): boolean {
  const folder = hostPath("/var/tmp");
  return existsSync(folder) && readdirSync(folder).some((name) => name.startsWith("flatpak-cache-"));
}

/** Words that list what Flatpak could update, a name a line, which needs nobody's password. */
export const newFlatpaks = (flatpak: string) => [flatpak, "remote-ls", "--updates", "--columns=application"];

/** Whether the system has Flatpaks to update; where that cannot be told, the update itself shall say why. */
async function systemHasNew(flatpak: string): Promise<boolean> {
  const { code, stdout } = await run([...newFlatpaks(flatpak), "--system"]);
  return code !== 0 || stdout.trim() !== "";
}

/** Root alone, not become so by sudo, has no apps of a user to look after. */
export const hasUser = () => process.getuid?.() !== 0 || !!process.env.SUDO_USER;

/** fwupdmgr's code for "nothing to do". */
export const nothingToDo = 2;

export const parts: Part[] = [
  {
    name: "firmware",
    title: "firmware",
    topgrade: ["firmware"],
    find: () => onPath("fwupdmgr") ?? undefined,
    lines: (fwupdmgr) => [
      line([fwupdmgr, "refresh"], [0, nothingToDo]),
      line([fwupdmgr, "update", ...(canAsk ? [] : ["--assume-yes", "--no-reboot-check"])], [0, nothingToDo]),
    ],
  },
  {
    name: "flatpak",
    title: "flatpaks",
    topgrade: ["flatpak"],
    find: () => onPath("flatpak") ?? undefined,
    // The user's own first: whoever cannot become root has them all the same, and is asked to only where there is something to do.
    async *lines(flatpak, uid = process.getuid?.() ?? 0) {
      const words = [flatpak, "update", "--assumeyes", "--noninteractive"];
      const stale = hostPath(staleCaches);
      if (hasUser()) yield { ...line(asUser([...words, "--user"])), apart: true };
      if (existsSync(stale) && hasStaleCaches()) yield { ...line(asRoot([stale])), apart: true };
      if (uid === 0 || (await systemHasNew(flatpak))) yield line(asRoot([...words, "--system"]));
    },
  },
  {
    name: "brew",
    title: "Homebrew",
    topgrade: ["brew_formula", "brew_cask"],
    find: () => anywhere("brew") ?? brews.map(hostPath).find((path) => existsSync(path)),
    lines: (brew) => [line(asOwner(brew, ["update"])), line(asOwner(brew, ["upgrade"]))],
  },
  {
    name: "distrobox",
    title: "Distrobox",
    topgrade: ["distrobox"],
    find: () => onPath("distrobox") ?? undefined,
    lines: (distrobox) => [line(asUser([distrobox, "upgrade", "--all"]))],
  },
];

/** topgrade as root would also run programs of other users as root: `lines` runs those instead. */
export const notByTopgrade = () => (hasUser() && process.env.SUDO_USER !== "root" ? [] : ["brew"]);

/** topgrade for one part; it asks nothing where nobody can answer. */
export function topgradeLine(topgrade: string, words: string[]): Line {
  return line(asUser([topgrade, ...words, ...(canAsk ? [] : ["--yes"])]));
}
