/**
 * What a registry wants before it answers: a name and a password, or a token that another host gives for them.
 * Sources: RFC 9110, 11; docs.docker.com/registry/spec/auth; containers/image, docker/docker_client.go.
 */
import type { Access, Tls } from "./access.ts";
import { addressOf, ask, limits, Passing, type Patience, Refused, shown } from "./http.ts";
import type { Credentials } from "./login.ts";

export interface Challenge {
  scheme: string;
  parameters: Record<string, string>;
}

/** Nothing that we need is in a longer header. */
const longestChallenge = 8 << 10;
/** Most servers do not take more in a header. */
const longestToken = 32 << 10;

/** The first challenge of a kind that is known here. */
export function parseChallenge(header: string): Challenge | undefined {
  if (header.length > longestChallenge) return undefined;
  for (const [, scheme = "", rest = ""] of header.matchAll(/(?:^|,\s*)(basic|bearer)(?:\s+(.*))?$/gis)) {
    const parameters: Record<string, string> = {};
    for (const [, name = "", quoted, bare] of rest.matchAll(/([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/g))
      parameters[name.toLowerCase()] ??= quoted?.replace(/\\(.)/g, "$1") ?? bare ?? "";
    return { scheme: scheme.toLowerCase(), parameters };
  }
  return undefined;
}

/**
 * Hosts that hand out tokens for a registry of another name, and may see its passwords. containers/image has no such list: it sends
 * the password wherever the registry says. SLIPWAY_TOKEN_HOSTS adds to it.
 */
const tokenHosts: Record<string, string[]> = {
  "registry-1.docker.io": ["auth.docker.io"],
  "registry.gitlab.com": ["gitlab.com"],
};

/** `REGISTRY=HOST` words of SLIPWAY_TOKEN_HOSTS. */
function ownTokenHosts(registry: string): string[] {
  const words = (process.env.SLIPWAY_TOKEN_HOSTS ?? "").split(/[\s,]+/);
  return words.filter((w) => w.startsWith(`${registry}=`)).map((w) => w.slice(registry.length + 1));
}

/** Whether a host may get the password for a registry: it is the registry itself, its subdomain, or on the list. */
export function mayKnow(host: string, registry: string): boolean {
  const bare = (h: string) => h.replace(/:\d+$/, "").toLowerCase();
  const [a, b] = [bare(host), bare(registry)];
  const listed = [...(tokenHosts[registry] ?? []), ...ownTokenHosts(registry)];
  return a === b || a.endsWith(`.${b}`) || listed.includes(a) || listed.includes(host);
}

function basic({ user, password }: Credentials): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
}

/** The address of a token service. http needs a registry that is allowed http, and a host that may get its password. */
function realmOf(challenge: Challenge, { host, insecure }: Access, has: boolean): URL {
  const what = `the address for a token that ${host} names`;
  const url = addressOf(challenge.parameters.realm ?? "", undefined, insecure, what);
  const isOwn = mayKnow(url.host, host);
  if (url.protocol === "http:" && !isOwn) throw new Refused(`${what} is ${shown(url)}, which is not https`);
  if (has && !isOwn)
    throw new Refused(
      `${what} is ${shown(url)}: another host, which must not get your password ` +
        `(SLIPWAY_TOKEN_HOSTS=${host}=${url.host} allows it)`,
      undefined,
      `if ${url.host} belongs to ${host}: set SLIPWAY_TOKEN_HOSTS=${host}=${url.host} and run this again`,
    );
  return url;
}

/**
 * What helps against a login that is refused: 401 is about who asks. 403 is about what that user may do, and some registries say it, or
 * even 401, of a repository that does not exist yet, after they took the login. Source: RFC 9110, 15.5.2 and 15.5.4.
 */
export function loginFix(status: number, login: Credentials | undefined, { at }: Access): string | undefined {
  return login && status === 401 ? `the login is refused: podman login ${at.host}` : undefined;
}

interface Wish {
  url: URL;
  scope: string;
  service: string | undefined;
  tls: Tls;
  plain: boolean;
  patience?: Patience;
}

function askToken({ url, scope, service, ...how }: Wish, login: Credentials | undefined) {
  const words: [string, string][] = [...(service ? [["service", service] as [string, string]] : []), ["scope", scope]];
  if (login?.identityToken) {
    const more = { grant_type: "refresh_token", refresh_token: login.identityToken, client_id: "slipway" };
    const body = new URLSearchParams([...words, ...Object.entries(more)]).toString();
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    return ask({ ...how, url, method: "POST", headers, body });
  }
  if (login?.user) words.push(["account", login.user]);
  for (const [name, value] of words) url.searchParams.set(name, value);
  return ask({ ...how, url, ...(login?.user && login.password ? { authorization: basic(login) } : {}) });
}

/**
 * The header that a challenge asks for; undefined if no header would help.
 * @throws Refused for a challenge that would give the password away, or an answer that is not a token
 */
export async function authorize(header: string, access: Access, patience?: Patience): Promise<string | undefined> {
  const challenge = parseChallenge(header);
  if (!challenge) return undefined;
  const login = await access.credentials();
  if (challenge.scheme === "basic") return login?.user ? basic(login) : undefined;
  const url = realmOf(challenge, access, login !== undefined);
  const scope = `repository:${access.at.repository}:pull`;
  const { service } = challenge.parameters;
  const how = { tls: access.tls, plain: access.insecure, ...(patience ? { patience } : {}) };
  const answer = await askToken({ url, scope, service, ...how }, login);
  if (answer.status !== 200) {
    await answer.drop();
    const what = `${url.host} gives no token (${answer.status})`;
    throw answer.status >= 500
      ? new Passing(what)
      : new Refused(what, answer.status, loginFix(answer.status, login, access));
  }
  const text = (await answer.document(limits.token, "a token")).toString("utf8");
  return `Bearer ${tokenIn(text, url.host)}`;
}

function tokenIn(text: string, host: string): string {
  let said: unknown;
  try {
    said = JSON.parse(text);
  } catch {
    // told below
  }
  const { token, access_token } = (said ?? {}) as { token?: unknown; access_token?: unknown };
  const found = token || access_token;
  if (typeof found === "string" && found.length <= longestToken && /^[\x21-\x7e]+$/.test(found)) return found;
  throw new Refused(`${host} sends something that is not a token`);
}
