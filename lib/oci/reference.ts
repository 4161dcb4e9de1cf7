/** `registry/repository:tag` or `…@sha256:…` in its parts. */
export interface Reference {
  /** With its port, if it has one. */
  host: string;
  repository: string;
  /** A tag or a digest. */
  version: string;
}

/**
 * The grammar of names, for all of Slipway: family.yaml takes what podman takes. Source: containers/image, docker/reference/regexp.go.
 * It is a branch of github.com/distribution/reference, which since v0.5.0 also has IPv6 addresses in brackets: podman 4.3 and 5.4
 * call those an invalid reference, so they are none here.
 */
const label = "[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?";
const part = "[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*";
export const grammar = {
  /** A first word without a dot or a port is not a host: guara92/x is read as docker.io/guara92/x. */
  isHost: "(?=localhost(?:[:/]|$)|[^/]*[.:])",
  host: `${label}(?:\\.${label})*(?::\\d{1,5})?`,
  path: `${part}(?:/${part})*`,
  tag: "\\w[\\w.-]{0,127}",
  digest: "sha256:[0-9a-f]{64}",
} as const;

const { isHost, host, path, tag, digest } = grammar;
const form = new RegExp(`^${isHost}(${host})/(${path})(?::(${tag}))?(?:@(${digest}))?$`);
/** The distribution's own limit on a name; a longer one is not worth an attempt. */
const longest = 255;

/**
 * Splits a name into its parts.
 * @returns undefined for a name without a registry.
 */
export function parseReference(text: string): Reference | undefined {
  if (text.length > 2 * longest) return undefined;
  const [, at, repository, tagged, pinned] = form.exec(text) ?? [];
  if (at === undefined || repository === undefined || repository.length > longest) return undefined;
  // Docker Hub has a folder for names without one.
  const whole = at === "docker.io" && !repository.includes("/") ? `library/${repository}` : repository;
  return { host: at, repository: whole, version: pinned ?? tagged ?? "latest" };
}

/** An image's name without its tag. */
export function withoutItsTag(name: string): string {
  return name.replace(/:[^:/]*$/, "");
}

/** Whether it names one image for ever. */
export function isDigest(version: string): boolean {
  return version.startsWith("sha256:");
}

export function nameOf({ host, repository }: Reference): string {
  return `${host}/${repository}`;
}

export function written(reference: Reference): string {
  const { version } = reference;
  return `${nameOf(reference)}${isDigest(version) ? "@" : ":"}${version}`;
}
