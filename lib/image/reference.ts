/** `registry/repository:tag` or `…@sha256:…` in its parts. */
export interface Reference {
  /** With its port, if it has one. */
  host: string;
  repository: string;
  /** A tag or a digest. */
  version: string;
}

const domain = String.raw`(?:[a-zA-Z0-9-]+(?:\.[a-zA-Z0-9-]+)+(?::\d+)?|[a-zA-Z0-9-]+:\d+|localhost)`;
const part = "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*";
const form = new RegExp(`^(${domain})/(${part}(?:/${part})*)(?::([\\w][\\w.-]{0,127}))?(?:@(sha256:[0-9a-f]{64}))?$`);
/** The distribution's own limit on a name; a longer one is not worth an attempt. */
const longest = 255;

/**
 * Splits a name into its parts. Source of the form: github.com/distribution/reference.
 * @returns undefined for a name without a registry.
 */
export function parseReference(text: string): Reference | undefined {
  if (text.length > 2 * longest) return undefined;
  const [, host, repository, tag, digest] = form.exec(text) ?? [];
  if (host === undefined || repository === undefined || repository.length > longest) return undefined;
  // Docker Hub has a folder for names without one.
  const whole = host === "docker.io" && !repository.includes("/") ? `library/${repository}` : repository;
  return { host, repository: whole, version: digest ?? tag ?? "latest" };
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
