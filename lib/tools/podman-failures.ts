import { idFiles, installIdMaps, rangeCommand, reinstallIdMaps } from "./rootless.ts";

/**
 * The failures of podman, skopeo and buildah that have a known way out: by which words each is known, what it means, and what to
 * do. Whoever runs one of them takes the next step from here, and so does `doctor`.
 *
 * Sources of the words: containers/storage, errors.go and drivers/overlay/overlay.go, pkg/idtools/idtools.go; containers/image,
 * docker/errors.go, docker/docker_client.go and storage/storage_src.go; buildah, run_common.go; podman, pkg/rootless/rootless_linux.c
 * and rootless_linux.go, libpod/lock/shm/shm_lock.go, troubleshooting.md; crun, src/libcrun/cgroup.c; runc,
 * libcontainer/process_linux.go; shadow, src/newuidmap.c; sqlite3, "Result and Error Codes"; Go, net and crypto/x509.
 */

/** Data, so that it can be tested: each row is tried against real words in the unit tests. */
interface Row {
  kind: string;
  words: RegExp;
  /** What it means, as a clause. */
  means: string;
  /** What to do, as a command or a clause. @param host the registry, as far as the words name one */
  next: (host: string) => string;
  /** It may pass by itself: the same command may well succeed in a moment. */
  passes?: true;
  /** A program that runs in a build or a container may say it as well, and it means the same there. */
  anywhere?: true;
}

/** What to do about a full disk. */
export const makeRoom = "free some space (`bun run clean --all` shows what Slipway holds), then run this again";

const again = "run this again";

const rows = [
  {
    kind: "no id maps",
    words: /exec: "new[ug]idmap": executable file not found/,
    means: "podman without root needs the programs newuidmap and newgidmap",
    next: installIdMaps,
  },
  {
    kind: "no user namespaces",
    words: /cannot clone: (Operation not permitted|No space left on device)|cannot re-exec process/i,
    means: "this machine lets no user make user namespaces, which podman without root needs",
    next: () =>
      "run this as root, or allow them: sudo sysctl user.max_user_namespaces=28633 kernel.unprivileged_userns_clone=1 (Ubuntu: kernel.apparmor_restrict_unprivileged_userns=0)",
  },
  {
    kind: "weak id maps",
    words: /should have setuid or have filecaps set[ug]id|new[ug]idmap: (could not set caps|write to|open of)/i,
    means:
      "newuidmap or newgidmap has no right to map users: it lost its set-uid bit, or this is a container that forbids it",
    next: reinstallIdMaps,
  },
  {
    kind: "no id range",
    words:
      /no sub[ug]id ranges found|potentially insufficient UIDs or GIDs|not enough unused IDs|there might not be enough IDs/i,
    means:
      "this user has no range of user numbers for containers (/etc/subuid, /etc/subgid), or podman has not read it yet",
    next: () => rangeCommand(idFiles()) ?? "podman system migrate",
  },
  {
    kind: "too many layers",
    words: /max depth exceeded|mount label "[^"\n]*" too large/,
    means: "an image has more layers than podman can mount: 128, or fewer where podman's storage has a long path",
    next: () =>
      "put RUN and COPY lines together, or give its base fewer layers: bun run rechunk ARCH FLAVOR --layers 64",
  },
  {
    kind: "mounts left",
    words: /unable to cleanup run mounts/,
    means: "podman could not take away what a RUN line had mounted, so the image may be incomplete",
    next: () => "build it again with --no-cache; if that does not help, use a newer podman",
  },
  {
    kind: "no locks",
    words: /exceeded num_locks|allocating lock for new (container|pod|volume)/,
    means: "podman has no lock left for another container or volume",
    next: () =>
      "remove what is not used: podman container prune && podman volume prune (this deletes stopped containers, and unused volumes with their data)",
  },
  {
    kind: "too many processes",
    words: /(fork\/exec|pthread_create|fork: )[^\n]*resource temporarily unavailable/i,
    means: "this user has reached the limit of processes",
    next: () => "end some programs, or raise the limit that `ulimit -u` shows",
    anywhere: true,
  },
  {
    kind: "busy",
    words: /database is locked|resource temporarily unavailable|database table is locked/i,
    means: "another podman uses the same storage right now",
    next: () => `wait until it ends (\`pgrep -a podman\` shows it), then ${again}`,
    passes: true,
  },
  {
    kind: "space",
    words: /no space left|ENOSPC|disk quota/i,
    means: "the disk is full, or a disk quota is reached",
    next: () => makeRoom,
    anywhere: true,
  },
  {
    kind: "broken store",
    words:
      /layer not known|retrieving label for image|may be corrupted|(reading|locating|retrieving) (image )?manifest\b[^\n]*no such file|locating item named "manifest[^\n]*file does not exist|readlink [^\n]*\/overlay\/l\//i,
    means: "an image in podman's storage is broken",
    next: () => "bun run doctor (it names the image and the command that removes it)",
  },
  {
    kind: "cgroups",
    words:
      /cgroups in hybrid mode|requested cgroup controller|invalid file system type on '\/sys\/fs\/cgroup'|setting rlimit|setrlimit|RLIMIT_/i,
    means: "this machine's cgroups or limits are not as podman expects them",
    next: () => "bun run doctor (it looks at them, and Slipway writes the settings that podman needs)",
  },
  {
    kind: "runtime",
    words: /OCI (runtime|permission)|executable file not found|permission denied/i,
    means: "the container could not be started, or this user has no right to open a file",
    next: () => "read the log; `bun run doctor` shows what podman runs containers with",
  },
  {
    kind: "rate limit",
    words: /toomanyrequests|too many requests|status ?code:? 429/i,
    means: "the registry allows no more requests for now",
    next: (host) => `wait, or log in for a higher limit (podman login ${host}), then ${again}`,
    passes: true,
  },
  {
    kind: "absent",
    words: /manifest unknown|name unknown|not found: |NAME_UNKNOWN|MANIFEST_UNKNOWN|status ?code:? 404/i,
    means: "the registry has no such image",
    next: () => "check the name; if it is an image of your family, push it first: bun run push",
  },
  {
    kind: "denied",
    words:
      /unauthorized|authentication required|requested access|denied:|: denied\b|forbidden|invalid username|status ?code:? 40[13]/i,
    means: "the registry does not let you in",
    next: (host) =>
      `log in first (podman login ${host}) with an account that may do this, or check the name: some registries say the same of an image that they do not have`,
  },
  {
    kind: "no image",
    words: /image not known|did not resolve to an alias/,
    means: "podman's storage has no such image, and the name alone does not say which registry has it",
    next: () => "build it (bun run build), or write its whole name: REGISTRY/NAME:TAG",
  },
  {
    kind: "plain http",
    words: /server gave HTTP response to HTTPS client/,
    means: "the registry speaks http, and podman expects https",
    next: (host) =>
      `if you want http: write a file NAME.conf in /etc/containers/registries.conf.d/ with [[registry]], location = "${host}", insecure = true`,
  },
  {
    kind: "certificate",
    words: /x509:|tls: /,
    means: "this machine does not trust the registry's certificate",
    next: (host) => `if you trust it, save the certificate of its authority as /etc/containers/certs.d/${host}/ca.crt`,
  },
  {
    kind: "unreachable",
    words:
      /dial tcp|no such host|connection (refused|reset)|i\/o timeout|context deadline exceeded|handshake timeout|no route to host|network is unreachable|server misbehaving|pinging container registry/i,
    means: "the registry does not answer",
    next: (host) =>
      `check the name ${host}, the network and the proxy (\`bun run doctor\` asks the registries), then ${again}`,
    passes: true,
  },
  {
    kind: "mistake",
    words: /manifest invalid|invalid reference|no such file|unknown flag|would invalidate/i,
    means: "the tool refused a name, an option or a file",
    next: () => "read the log",
  },
] as const satisfies Row[];

export type FailureKind = (typeof rows)[number]["kind"];

/** All kinds, for tests. */
export const failureKinds: FailureKind[] = rows.map(({ kind }) => kind);

export interface PodmanFailure {
  kind: FailureKind;
  /** What it means, as a clause. */
  means: string;
  /** What to do, as a command or a clause. */
  next: string;
  /** The same command may succeed in a moment. */
  passes: boolean;
}

/** What podman, skopeo, buildah and cosign themselves say, and not a program that they run. */
const own = /^(Error: |(ERRO|FATA)\[\d+\] |time="[^"]*" level=(error|fatal) |main\.go:\d+: )/;

const host = String.raw`((?:[a-z\d-]+\.)+[a-z\d-]+(?::\d{1,5})?|[a-z\d-]+:\d{1,5}|localhost)(?=[/":, ])`;
/** Where a registry is named, the best first: an address may be that of a token's server. */
const namings = ["docker://", "registry ", String.raw`\bin `, "https?://"].map((at) => new RegExp(at + host, "i"));

/** The registry that words are about; REGISTRY where they name none. */
function hostIn(said: string): string {
  const found = namings.map((naming) => naming.exec(said)?.[1]).find((name) => name !== undefined) ?? "REGISTRY";
  return found === "registry-1.docker.io" ? "docker.io" : found;
}

/**
 * Words without the text of a recipe, which may have any words in it: the line of a step, and the step that podman's last words
 * quote. The quote is not escaped, so it goes up to the last `": ` of its line. Source: buildah, imagebuildah/stage_executor.go.
 */
function withoutRecipe(said: string): string {
  return said
    .replaceAll(/^(\[\d+\/\d+\] )?STEP \d+(\/\d+)?: .*$/gm, "")
    .replaceAll(/(building at STEP )"(?:.*": |.*$)/gm, "$1");
}

/**
 * What a failure of podman, skopeo or buildah means.
 * @param said its words, or all that was said during a build: then only the tools' own lines speak of registries and storage
 * @returns undefined where nobody knows these words
 */
export function podmanFailureIn(said: string): PodmanFailure | undefined {
  const all = withoutRecipe(said);
  const theirsIn = (text: string) => {
    const lines = text.split("\n").filter((line) => own.test(line));
    return lines.length ? lines.join("\n") : text;
  };
  const theirs = theirsIn(all);
  const row = (rows as readonly Row[]).find(({ words, anywhere }) => words.test(anywhere ? all : theirs));
  if (!row) return undefined;
  const { kind, means, next, passes = false } = row;
  // the registry's name may stand in an address, before the last `": `
  return { kind: kind as FailureKind, means, next: next(hostIn(theirsIn(said))), passes };
}

/** What to do next, for a Failure. @param otherwise where nobody knows these words */
export function nextAfter(said: string, otherwise: string): string {
  const failure = podmanFailureIn(said);
  return failure ? `${failure.means}: ${failure.next}` : otherwise;
}
