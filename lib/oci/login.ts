/**
 * Finds the login for a registry, as podman, skopeo and bootc do. Sources: containers-auth.json(5); containers/image,
 * pkg/docker/config/config.go; containers/common, pkg/auth.
 */
import { existsSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { unlessInterruptedBy } from "../system/interrupt.ts";
import { workFolder } from "../system/work-folder.ts";
import { nameOf, parseReference } from "./reference.ts";
import { authFileHelper, credentialHelpers, home } from "./registries-conf.ts";
import { SettingsFailure } from "./settings-failure.ts";

/** The user's credentials for a registry. */
export interface Credentials {
  user: string;
  password: string;
  /** Replaces the password in a request for a token. */
  identityToken?: string;
}

/** A helper that asks at the terminal for a password would wait for ever. */
const helperPatience = 30_000;

interface AuthFile {
  path: string;
  /** ~/.dockercfg: registries alone, without a table around them. */
  isOld?: true;
}

/** Where `podman login` and its like leave what they know, in the order in which it is looked for. */
function authFiles(): AuthFile[] {
  const { REGISTRY_AUTH_FILE, XDG_RUNTIME_DIR, XDG_CONFIG_HOME, DOCKER_CONFIG } = process.env;
  if (REGISTRY_AUTH_FILE) return [{ path: REGISTRY_AUTH_FILE }];
  const runtime = XDG_RUNTIME_DIR || `/run/containers/${process.getuid?.() ?? 0}`;
  return [
    { path: XDG_RUNTIME_DIR ? join(runtime, "containers/auth.json") : join(runtime, "auth.json") },
    { path: join(XDG_CONFIG_HOME || join(home(), ".config"), "containers/auth.json") },
    { path: join(DOCKER_CONFIG || join(home(), ".docker"), "config.json") },
    { path: join(home(), ".dockercfg"), isOld: true },
  ];
}

interface Entry {
  auth?: string;
  identitytoken?: string;
}

interface Content {
  auths: Record<string, Entry>;
  credHelpers: Record<string, string>;
}

const isTable = (value: unknown): value is Record<string, never> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** @throws Failure that shows nothing of what is in the file */
function read({ path, isOld }: AuthFile): Content {
  if (!existsSync(path)) return { auths: {}, credHelpers: {} };
  const wrong = new SettingsFailure(`${path} is not a file of logins`, {
    tried: ["reading it as JSON, as containers-auth.json(5) has it"],
    next: "correct it, or log in anew: podman login REGISTRY",
  });
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, "utf8"));
  } catch {
    throw wrong; // the parser's own words would quote the file
  }
  const whole: unknown = isOld ? { auths: value } : value;
  if (!isTable(whole)) throw wrong;
  const { auths, credHelpers } = { auths: {}, credHelpers: {}, ...(whole as object) };
  if (!isTable(auths ?? {}) || !isTable(credHelpers ?? {})) throw wrong;
  return { auths: auths ?? {}, credHelpers: credHelpers ?? {} };
}

/** Docker Hub has three names. */
const hub = (host: string) => (host === "docker.io" || host === "registry-1.docker.io" ? "index.docker.io" : host);

/** Docker wrote whole addresses for a while. */
function hostOfKey(key: string, isOld: boolean): string {
  const bare = key.replace(/^https?:\/\//, "");
  return hub(isOld || bare !== key ? bare.replace(/\/.*$/, "") : bare);
}

/** The entry for a repository: the longest name that fits, else the one that means the same registry. */
function entryFor(name: string, { auths }: Content, isOld = false): Entry | undefined {
  const parts = name.split("/");
  const names = isOld ? parts.slice(0, 1) : parts.map((_, i) => parts.slice(0, parts.length - i).join("/"));
  const exact = names.find((n) => Object.hasOwn(auths, n));
  const key = exact ?? Object.keys(auths).find((k) => hostOfKey(k, isOld) === hub(parts[0] ?? ""));
  return key === undefined ? undefined : auths[key];
}

function decode(entry: Entry | undefined): Credentials | undefined {
  const text = typeof entry?.auth === "string" ? Buffer.from(entry.auth, "base64").toString("utf8") : "";
  const colon = text.indexOf(":");
  if (colon < 0) return undefined;
  const token = entry?.identitytoken;
  return {
    user: text.slice(0, colon),
    password: text.slice(colon + 1).replace(/^\0+|\0+$/g, ""),
    ...(token ? { identityToken: token } : {}),
  };
}

/** Asks a program for a login. Source: github.com/docker/docker-credential-helpers, README. */
async function askHelper(helper: string, registry: string): Promise<Credentials | undefined> {
  const program = `docker-credential-${helper}`;
  const trouble = (what: string) =>
    new SettingsFailure(`${program} gave no login for ${registry}`, {
      tried: [what],
      next: `see that \`echo ${registry} | ${program} get\` works, or take it out of the file of logins`,
    });
  const path = /^[\w.-]+$/.test(helper) ? Bun.which(program, { PATH: process.env.PATH ?? "" }) : null;
  if (!path) throw trouble(`${program} on the PATH`);
  // Not by zx: the answer is a password, which zx would keep in its output; it has a size and a time limit.
  const child = Bun.spawn([path, "get"], {
    env: process.env,
    stdin: Buffer.from(`${registry}\n`),
    stdout: "pipe",
    stderr: "ignore",
    timeout: helperPatience,
    maxBuffer: 1 << 20,
  });
  const [said, code] = [await new Response(child.stdout).text(), await child.exited];
  await unlessInterruptedBy({ code, signal: child.signalCode });
  if (/credentials not found/i.test(said)) return undefined;
  if (code !== 0) throw trouble(`it ended with ${child.signalCode ?? code}`);
  try {
    const { Username, Secret } = JSON.parse(said) as { Username: string; Secret: string };
    if (Username === "<token>") return { user: "", password: "", identityToken: String(Secret) };
    return Username || Secret ? { user: String(Username), password: String(Secret) } : undefined;
  } catch {
    throw trouble("its answer is not JSON");
  }
}

async function fromFile(file: AuthFile, name: string): Promise<Credentials | undefined> {
  const content = read(file);
  const registry = name.split("/")[0] ?? "";
  const helper = Object.hasOwn(content.credHelpers, registry) ? content.credHelpers[registry] : undefined;
  return helper ? askHelper(helper, registry) : decode(entryFor(name, content, file.isOld));
}

/**
 * The login for a repository, such as `ghcr.io/acme/os`.
 * @throws Failure for a file or a program that is broken; it shows no secret
 */
export async function credentialsFor(name: string): Promise<Credentials | undefined> {
  for (const helper of credentialHelpers()) {
    const isFiles = helper === authFileHelper;
    if (!isFiles) {
      const found = await askHelper(helper, name.split("/")[0] ?? "");
      if (found) return found;
    }
    for (const file of isFiles ? authFiles() : []) {
      const found = await fromFile(file, name);
      if (found) return found;
    }
  }
  return undefined;
}

/** What a tool must be given so that it is logged in wherever podman is. */
export interface Login {
  /** To be set for the tool; in a container they are passed on by name. */
  env: Record<string, string>;
  /** What a container must see. */
  mounts: string[];
  remove(): void;
}

/** The one file that a tool is given: the first that knows what its words name, else the first that is there. */
function fileFor(words: readonly string[]): string | undefined {
  const there = authFiles().filter(({ path, isOld }) => !isOld && existsSync(path));
  if (there.length < 2) return there[0]?.path;
  const names = words.flatMap((w) => parseReference(w.replace(/^docker:\/\//, "")) ?? []).map(nameOf);
  const knows = (file: AuthFile, name: string) => {
    const content = read(file);
    return Object.hasOwn(content.credHelpers, name.split("/")[0] ?? "") || !!decode(entryFor(name, content));
  };
  return (there.find((file) => names.some((name) => knows(file, name))) ?? there[0])?.path;
}

/**
 * One login for all tools: podman and skopeo look at REGISTRY_AUTH_FILE, cosign first at Docker's folder, which may be there
 * and not know the registry. So Docker's folder becomes one in which the file is a link to podman's: no copy of a password.
 * @param words of the tool: the image that they name says which of several files is meant.
 */
export function login(words: readonly string[]): Login {
  const file = fileFor(words);
  if (file === undefined) return { env: {}, mounts: [], remove: () => undefined };
  const { path, remove } = workFolder();
  symlinkSync(file, join(path, "config.json"));
  return { env: { REGISTRY_AUTH_FILE: file, DOCKER_CONFIG: path }, mounts: [file, path], remove };
}
