import { existsSync, symlinkSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { workFolder } from "../cli/work-folder.ts";

/** Where `podman login` and its like leave what they know, the first that is there. Source: containers-auth.json(5). */
function authFile(): string | undefined {
  const { REGISTRY_AUTH_FILE, XDG_RUNTIME_DIR, XDG_CONFIG_HOME, DOCKER_CONFIG } = process.env;
  const places = [
    ...(REGISTRY_AUTH_FILE ? [REGISTRY_AUTH_FILE] : []),
    join(XDG_RUNTIME_DIR ?? `/run/user/${process.getuid?.() ?? 0}`, "containers/auth.json"),
    `/run/containers/${process.getuid?.() ?? 0}/auth.json`,
    join(XDG_CONFIG_HOME ?? join(homedir(), ".config"), "containers/auth.json"),
    join(DOCKER_CONFIG ?? join(homedir(), ".docker"), "config.json"),
  ];
  return places.find((path) => existsSync(path));
}

/** What a tool must be given so that it is logged in wherever podman is. */
export interface Login {
  /** To be set for the tool; in a container they are passed on by name. */
  env: Record<string, string>;
  /** What a container must see. */
  mounts: string[];
  remove(): void;
}

/**
 * One login for all tools: podman and skopeo look at REGISTRY_AUTH_FILE, cosign first at Docker's folder, which may be there
 * and not know the registry. So Docker's folder becomes one in which the file is a link to podman's: no copy of a password.
 */
export function login(): Login {
  const file = authFile();
  if (file === undefined) return { env: {}, mounts: [], remove: () => undefined };
  const { path, remove } = workFolder();
  symlinkSync(file, join(path, "config.json"));
  return { env: { REGISTRY_AUTH_FILE: file, DOCKER_CONFIG: path }, mounts: [file, path], remove };
}
