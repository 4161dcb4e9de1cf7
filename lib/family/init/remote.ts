import { question } from "../../system/question.ts";

/** Where a repository is published, by its git remote. */
export interface Remote {
  host: string;
  /** The owner, or on GitLab the groups above the repository: `name`, `group/team`. */
  owner: string;
  repository: string;
}

/** No address that somebody typed is longer. */
const longest = 1000;

/** One part of a path, as every forge has it; none begins with a dash. */
const part = "[\\w.][\\w.-]*";
const path = `(${part}(?:/${part})*)/(${part}?)(?:\\.git)?/?$`;
const host = "([a-zA-Z0-9][a-zA-Z0-9.-]*)";

/** The forms of an address that name a host. Source: git-clone(1), "Git URLs". Who logs in, and with what, is left out. */
const forms = [
  new RegExp(`^(?:https?|ssh|git)://(?:[^@/]*@)?${host}(?::\\d+)?/${path}`),
  new RegExp(`^(?:[\\w.-]+@)?${host}:(?!//)/?${path}`),
];

/** Pure: reads the address of a remote; undefined for a folder, a file, and what has no owner. */
export function readRemote(address: string): Remote | undefined {
  const text = address.trim();
  if (text.length > longest) return undefined;
  for (const form of forms) {
    const [, name, owner, repository] = form.exec(text) ?? [];
    if (name && owner && repository && !/(^|\/)\.+(\/|$)/.test(`${owner}/${repository}`))
      return { host: name.toLowerCase(), owner, repository };
  }
  return undefined;
}

/** The remote `origin` of the repository around a folder, else its first one; undefined without git, a repository or a remote. */
export async function findRemote(root: string): Promise<Remote | undefined> {
  const git = async (...args: string[]) => {
    const { code, stdout } = await question(["git", "-C", root, ...args]);
    return code === 0 ? stdout.trim() : "";
  };
  const names = (await git("remote")).split("\n").filter(Boolean);
  const name = names.includes("origin") ? "origin" : names[0];
  return name === undefined ? undefined : readRemote(await git("remote", "get-url", "--", name));
}

/** Registries that belong to forges, with the namespace of a repository in them. */
const registries: Record<string, (remote: Remote) => string> = {
  "github.com": ({ owner }) => `ghcr.io/${owner}`,
  "gitlab.com": ({ owner, repository }) => `registry.gitlab.com/${owner}/${repository}`,
  "codeberg.org": ({ owner }) => `codeberg.org/${owner}`,
};

/** The registry that comes with a repository: names in it have small letters only. */
export function registryOf(remote: Remote | undefined): string | undefined {
  const make = remote && Object.hasOwn(registries, remote.host) ? registries[remote.host] : undefined;
  return remote && make?.(remote).toLowerCase();
}

/** Where people read the repository. */
export const webAddress = ({ host: at, owner, repository }: Remote) => `https://${at}/${owner}/${repository}`;
