import { describe, expect, test } from "bun:test";
import { installCommand, reinstallCommand } from "../../lib/tools/package-manager.ts";
import { type FailureKind, failureKinds, nextAfter, podmanFailureIn } from "../../lib/tools/podman-failures.ts";

/** How skopeo 1.18 (Debian 13) says what a registry answered. */
const skopeoSays = (why: string) =>
  `time="2026-11-28T05:52:26Z" level=fatal msg="Error parsing image name \\"docker://r.acme/os:v1\\": reading manifest v1 in r.acme/os: ${why}"`;

/** Real words: of podman 4.3.1 (Debian 12) and 5.4.2 (Debian 13) as they were run, or of the sources and issues that lib/tools/podman-failures.ts names. */
const words: [FailureKind, string][] = [
  [
    "no id maps",
    'Error: command required for rootless mode with multiple IDs: exec: "newuidmap": executable file not found in $PATH',
  ],
  ["no id maps", 'cannot find newgidmap: exec: "newgidmap": executable file not found in $PATH'],
  ["no user namespaces", "cannot clone: Operation not permitted\nError: cannot re-exec process"],
  [
    "weak id maps",
    'Error: cannot set up namespace using "/usr/bin/newuidmap": should have setuid or have filecaps setuid: exit status 1',
  ],
  [
    "weak id maps",
    "ERRO[0000] running `/usr/bin/newuidmap 630 0 1000 1 1 524288 65536`: newuidmap: write to uid_map failed: Operation not permitted",
  ],
  ["no id range", 'ERRO[0000] cannot find UID/GID for user ana: no subuid ranges found for user "ana" in /etc/subuid'],
  [
    "no id range",
    "Error: writing blob: adding layer with blob sha256:1: ApplyLayer stdout:  stderr: potentially insufficient UIDs or GIDs available in user namespace (requested 0:42 for /etc/gshadow): Check /etc/subuid and /etc/subgid if configured locally and run podman-system-migrate: lchown /etc/gshadow: invalid argument exit status 1",
  ],
  ["too many layers", "Error: creating build container: mounting: failed to mount container xx: max depth exceeded"],
  [
    "too many layers",
    'error extracting layer "a08e1c4f": cannot mount layer, mount label "" too large 4103 > page size 4096',
  ],
  ["mounts left", 'time="2026-11-28T04:30:13Z" level=error msg="unable to cleanup run mounts 1 error occurred"'],
  ["no locks", "Error: allocating lock for new container: allocation failed; exceeded num_locks (2048)"],
  ["no locks", "Error: error allocating lock for new container: no space left on device"],
  ["too many processes", "Error: fork/exec /usr/bin/conmon: resource temporarily unavailable"],
  ["busy", "Error: beginning transaction: database is locked"],
  ["busy", "Error: adding container id to database: database is locked"],
  ["space", "Error: writing blob: storing blob to file /var/tmp/storage1: write: no space left on device"],
  ["broken store", "Error: creating build container: getting top layer info: layer not known"],
  [
    "broken store",
    'time="2026-11-28T05:11:23Z" level=error msg="Image localhost/h:2 exists in local storage but may be corrupted"\nError: creating build container: initializing source docker://localhost/h:2: pinging container registry localhost: Get "https://localhost/v2/": dial tcp: lookup localhost: no such host',
  ],
  [
    "broken store",
    'Error: retrieving label for image "69139": you may need to remove the image to resolve the error: fallback error checking whether image is a manifest list',
  ],
  ["broken store", 'Error: locating item named "manifest" for image with ID "ab": file does not exist'],
  [
    "cgroups",
    "Error: crun: cgroups in hybrid mode not supported, drop all controllers from cgroupv2: OCI runtime error",
  ],
  ["cgroups", "Error: OCI runtime error: crun: the requested cgroup controller `pids` is not available"],
  [
    "cgroups",
    "Error: runc: runc create failed: error setting rlimits for ready process: error setting rlimit type 7: operation not permitted: OCI permission denied",
  ],
  [
    "runtime",
    "Error: crun: executable file `sh` not found in $PATH: No such file: OCI runtime attempted to invoke a command",
  ],
  [
    "rate limit",
    "Error: initializing source docker://library/alpine:latest: reading manifest latest in docker.io/library/alpine: toomanyrequests: You have reached your pull rate limit.",
  ],
  ["rate limit", "Error: reading blob sha256:1: fetching blob: too many requests to registry"],
  ["absent", "Error: initializing source docker://ghcr.io/a/b:c: reading manifest c in ghcr.io/a/b: manifest unknown"],
  [
    "denied",
    "Error: initializing source docker://ghcr.io/a/b:c: reading manifest c in ghcr.io/a/b: unauthorized: authentication required",
  ],
  ["denied", "Error: unable to retrieve auth token: invalid username/password: unauthorized: incorrect password"],
  ["denied", "denied: requested access to the resource is denied"],
  ["no image", "Error: inspecting object: nosuch/image: image not known"],
  [
    "no image",
    'Error: short-name "x" did not resolve to an alias and no unqualified-search registries are defined in "/etc/containers/registries.conf"',
  ],
  [
    "plain http",
    'Error: pinging container registry localhost:5000: Get "https://localhost:5000/v2/": http: server gave HTTP response to HTTPS client',
  ],
  [
    "certificate",
    'Error: pinging container registry r.acme:443: Get "https://r.acme:443/v2/": x509: certificate signed by unknown authority',
  ],
  [
    "unreachable",
    'Error: pinging container registry nosuch.invalid: Get "https://nosuch.invalid/v2/": dial tcp: lookup nosuch.invalid on 10.0.0.1:53: no such host',
  ],
  [
    "unreachable",
    'Error: initializing source docker://localhost:1/x/y:z: pinging container registry localhost:1: Get "https://localhost:1/v2/": dial tcp 127.0.0.1:1: connect: connection refused',
  ],
  ["unreachable", 'Get "https://r.acme/v2/": net/http: TLS handshake timeout'],
  ["unreachable", 'Get "https://r.acme/v2/": dial tcp 192.0.2.1:443: i/o timeout'],
  ["mistake", "Error: invalid reference format"],
  ...(
    [
      ["absent", 'StatusCode: 404, \\"\\"'],
      ["absent", "manifest unknown"],
      ["denied", 'StatusCode: 403, \\"\\"'],
      ["denied", "denied"],
      ["denied", "authentication required"],
      ["rate limit", 'StatusCode: 429, \\"\\"'],
    ] satisfies [FailureKind, string][]
  ).map(([kind, why]): [FailureKind, string] => [kind, skopeoSays(why)]),
];

describe("what podman, skopeo and buildah say", () => {
  test.each(words)("%s: %s", (kind, said) => {
    expect(podmanFailureIn(said)?.kind).toBe(kind);
  });

  test("each row is known by real words, means something and says what to do", () => {
    expect(failureKinds.filter((kind) => !words.some(([known]) => known === kind))).toEqual([]);
    for (const [, said] of words) {
      const { means, next } = podmanFailureIn(said) ?? { means: "", next: "" };
      expect([said, means.length > 15, next.length > 5]).toEqual([said, true, true]);
    }
  });

  test("words that nobody knows are nothing, and the caller's own advice stays", () => {
    expect(podmanFailureIn("Error: a new kind of trouble")).toBeUndefined();
    expect(nextAfter("Error: a new kind of trouble", "read the log")).toBe("read the log");
  });

  test("a warning about cgroups that podman 5 prints at every start is no failure", () => {
    const warning =
      'time="2026-11-28T04:30:13Z" level=warning msg="Using cgroups-v1 which is deprecated in favor of cgroups-v2"';
    expect(podmanFailureIn(`${warning}\nError: a new kind of trouble`)).toBeUndefined();
  });

  test("what a program of the build says of its own network is not taken for podman's words", () => {
    const said = [
      "STEP 3/4: RUN fetch-it",
      "fetch-it: unauthorized: connection refused, manifest unknown",
      'Error: building at STEP "RUN fetch-it": while running runtime: exit status 1',
    ].join("\n");
    expect(podmanFailureIn(said)).toBeUndefined();
    expect(podmanFailureIn(said.replace("unauthorized", "tar: x: No space left on device"))?.kind).toBe("space");
  });

  test.each([
    ["grep forbidden /etc/x", "while running runtime: exit status 1", undefined],
    ['echo "a": unauthorized: no such host', "while running runtime: exit status 1", undefined],
    ["<<EOF\nforbidden\nEOF", "while running runtime: exit status 1", undefined],
    ["df || echo no space left", "while running runtime: exit status 1", undefined],
    ["grep forbidden /etc/x", "committing container for step: write: no space left on device", "space"],
  ])("the text of a RUN line is not taken for podman's words: %s, %s", (run, why, kind) => {
    const last = `Error: building at STEP "RUN ${run}": ${why}`;
    const steps = `STEP 2/3: RUN ${run}\n[1/2] STEP 2/3: RUN ${run}\n`;
    expect(podmanFailureIn(last)?.kind).toBe(kind as FailureKind);
    expect(podmanFailureIn(steps + last)?.kind).toBe(kind as FailureKind);
  });

  test("a step that could not get an image names the registry all the same", () => {
    const why = 'pinging container registry r.acme: Get "https://r.acme/v2/": dial tcp: lookup r.acme: no such host';
    const failure = podmanFailureIn(`Error: building at STEP "COPY --from=r.acme/a / /": ${why}`);
    expect([failure?.kind, failure?.next]).toEqual(["unreachable", expect.stringContaining("check the name r.acme,")]);
  });

  test("the registry is named where the words name it, and not the server that gives its tokens", () => {
    const next = (said: string) => podmanFailureIn(said)?.next;
    expect(next(words.find(([kind]) => kind === "denied")?.[1] ?? "")).toContain("podman login ghcr.io)");
    expect(next("Error: reading manifest 1 in localhost:5000/a: unauthorized")).toContain(
      "podman login localhost:5000)",
    );
    expect(next("denied: requested access to the resource is denied")).toContain("podman login REGISTRY)");
    const token =
      'Error: initializing source docker://docker.io/a/b:c: Get "https://auth.docker.io/token": unauthorized: no';
    expect(next(token)).toContain("podman login docker.io)");
    expect(next('Error: reading manifest 1 in evil.example$(reboot)/a: "https://x;y/": unauthorized')).toContain(
      "podman login REGISTRY)",
    );
  });

  test("newuidmap's package is installed, or installed again, by the machine's own package manager", () => {
    const names = { apt: "uidmap", dnf: "shadow-utils", pacman: "shadow" };
    expect(reinstallCommand(names, "apt", false)).toBe("sudo apt-get install -y --reinstall uidmap");
    expect(reinstallCommand(names, "dnf", true)).toBe("dnf reinstall -y shadow-utils");
    expect(installCommand([names], "pacman", false)).toBe("sudo pacman -S --needed --noconfirm shadow");
    expect(reinstallCommand({}, "apt", false)).toBeUndefined();
  });
});
