/**
 * A real registry that answers as ghcr.io, to the commands that are run through it and to nobody else: each of them gets a
 * mount namespace of its own, in which the name leads to an address of the loopback net and the registry's own authority
 * is trusted. Nothing of the machine is changed, and no insecure flag is needed. A proxy before it makes bad luck.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Socket } from "bun";
import { ensureLocalDebian } from "../../lib/tools/debian-image.ts";
import { podmanEnv } from "../../lib/tools/podman.ts";
import { ensureToolbox } from "../../lib/tools/toolbox.ts";
import { checkout, exec, type Project, type Said, testStorage } from "./sandbox.ts";
import { imageWith, must, podman } from "./small-images.ts";

const names = ["ghcr.io", "docker.io", "registry-1.docker.io", "auth.docker.io", "index.docker.io", "quay.io"];
const bundle = "/etc/ssl/certs/ca-certificates.crt";

/** Below 127.0.0.0/8 every process has addresses of its own, so that tests side by side do not meet. */
function ownAddress(pid: number): string {
  return `127.${64 + ((pid >> 16) & 63)}.${(pid >> 8) & 255}.${(pid & 254) + 1}`;
}

/** The toolbox, whose tools are used, with a registry and a podman that knows sigstore beside them. */
export async function registryImage(): Promise<string> {
  return imageWith("registry", await ensureToolbox(), ["docker-registry", "openssl", "podman"]);
}

/** For a script: the settings that this machine's podman needs. */
export async function podmanSettings(): Promise<string> {
  const settings = Object.entries({ ...(await podmanEnv()), ...testStorage() });
  return settings.map(([name, value]) => `export ${name}='${value}'`).join("\n");
}

/** A folder with `cosign` of Debian sid (3), to be put on the PATH. It runs in a container as the toolbox's (2.5) does. */
export async function newCosign(folder: string): Promise<string> {
  const image = await imageWith("cosign", await ensureLocalDebian("sid"), ["cosign", "ca-certificates"]);
  mkdirSync(folder, { recursive: true });
  const script = `#!/bin/sh
${await podmanSettings()}
exec podman run --rm --interactive --network=host --security-opt=label=disable --env=COSIGN_PASSWORD --env=COSIGN_PRIVATE_KEY \\
    --env=REGISTRY_AUTH_FILE --env=DOCKER_CONFIG --volume=/tmp:/tmp --volume="$PWD:$PWD" --workdir="$PWD" \\
    --volume=${bundle}:${bundle}:ro ${image} cosign "$@"
`;
  writeFileSync(join(folder, "cosign"), script, { mode: 0o755 });
  return folder;
}

/** What happens to connections: `cut` ends them after so many bytes were sent to the registry, as often as is said. */
export type Luck =
  | { kind: "good" }
  | { kind: "down" }
  | { kind: "slow"; milliseconds: number }
  | { kind: "cut"; after: number; times: number };

interface Pair {
  upstream: Socket<Pair> | undefined;
  client: Socket<Pair>;
  waiting: Uint8Array[];
  sent: number;
}

/** Bytes that a socket did not take at once wait here until it drains. */
class Writer {
  private readonly waiting = new Map<Socket<Pair>, Uint8Array[]>();

  write(socket: Socket<Pair>, bytes: Uint8Array): void {
    const queue = this.waiting.get(socket);
    if (queue) {
      queue.push(bytes.slice());
      return;
    }
    const taken = Math.max(0, socket.write(bytes));
    if (taken < bytes.length) this.waiting.set(socket, [bytes.slice(taken)]);
  }

  drain(socket: Socket<Pair>): void {
    const queue = this.waiting.get(socket) ?? [];
    this.waiting.delete(socket);
    for (const bytes of queue) this.write(socket, bytes);
  }
}

export class Registry {
  readonly folder = realpathSync(mkdtempSync(join(tmpdir(), "slipway-registry-")));
  readonly address = ownAddress(process.pid);
  luck: Luck = { kind: "good" };
  /** Bytes that it has sent, TLS and all. */
  sent = 0;
  private readonly servers: { stop(force: boolean): void }[] = [];
  private container: ReturnType<typeof Bun.spawn> | undefined;
  private readonly open = new Set<Pair>();

  private constructor(readonly image: string) {}

  /** @param users who may log in, with their passwords; nobody need to without any. */
  static async start(users: Record<string, string> = {}): Promise<Registry> {
    if (process.getuid?.() !== 0) throw new Error("the registry of the tests needs root, for port 443 and mounts");
    Object.assign(process.env, testStorage());
    const registry = new Registry(await registryImage());
    await registry.certify();
    await registry.run(users);
    registry.listen(registry.address, 443);
    return registry;
  }

  private path(...parts: string[]): string {
    return join(this.folder, ...parts);
  }

  private async certify(): Promise<void> {
    mkdirSync(this.path("tls"));
    const alternatives = names.map((name) => `DNS:${name}`).join(",");
    const script = `set -e; cd ${this.path("tls")}
new() { openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "$@" 2>/dev/null; }
new -x509 -days 30 -subj /CN=slipway-tests -keyout ca.key -out ca.crt -addext basicConstraints=critical,CA:TRUE
new -subj /CN=ghcr.io -keyout server.key -out server.csr
printf 'subjectAltName=${alternatives}\\nextendedKeyUsage=serverAuth\\n' >extensions
openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 30 -extfile extensions -out server.crt 2>/dev/null`;
    await must(
      podman("run", "--rm", "--network=none", `--volume=${this.folder}:${this.folder}`, this.image, "sh", "-c", script),
    );
    const known = existsSync(bundle) ? readFileSync(bundle, "utf8") : "";
    writeFileSync(this.path("bundle.crt"), `${known}\n${readFileSync(this.path("tls/ca.crt"), "utf8")}`);
    writeFileSync(this.path("hosts"), `127.0.0.1 localhost\n${this.address} ${names.join(" ")}\n`);
  }

  private async run(users: Record<string, string>): Promise<void> {
    const lines = Object.entries(users).map(
      async ([name, word]) => `${name}:${await Bun.password.hash(word, { algorithm: "bcrypt", cost: 4 })}`,
    );
    writeFileSync(this.path("users"), `${(await Promise.all(lines)).join("\n")}\n`);
    const settings = {
      version: "0.1",
      log: { level: "warn", accesslog: { disabled: true } },
      storage: { filesystem: { rootdirectory: this.path("storage") }, delete: { enabled: true } },
      http: {
        net: "unix",
        addr: this.path("socket"),
        tls: { certificate: this.path("tls/server.crt"), key: this.path("tls/server.key") },
      },
      ...(lines.length ? { auth: { htpasswd: { realm: "tests", path: this.path("users") } } } : {}),
    };
    writeFileSync(this.path("registry.yml"), JSON.stringify(settings));
    // It lives as long as its stdin is held open: however the tests end, it ends too.
    const script = `docker-registry serve ${this.path("registry.yml")} >${this.path("log")} 2>&1 & cat >/dev/null; kill $!`;
    this.container = Bun.spawn(
      [
        ...["podman", "run", "--rm", "--interactive", "--network=none", "--security-opt=label=disable"],
        ...[`--volume=${this.folder}:${this.folder}`, this.image, "sh", "-c", script],
      ],
      { stdin: "pipe", stdout: "ignore", stderr: "ignore", env: { ...process.env, ...(await podmanEnv()) } },
    );
    while (!existsSync(this.path("socket"))) {
      if (this.container.exitCode !== null) throw new Error(`no registry: ${readFileSync(this.path("log"), "utf8")}`);
      await Bun.sleep(50);
    }
  }

  /** A port of 127.0.0.1 that leads here too: virtual machines see that address as 10.0.2.2. */
  forGuests(): number {
    return this.listen("127.0.0.1", 0);
  }

  private listen(hostname: string, port: number): number {
    const registry = this;
    const writer = new Writer();
    const end = (pair: Pair) => {
      registry.open.delete(pair);
      pair.upstream?.end();
      pair.client.end();
    };
    const forward = (pair: Pair, bytes: Uint8Array) => {
      if (pair.upstream) writer.write(pair.upstream, bytes);
      else pair.waiting.push(bytes.slice());
    };
    const server = Bun.listen<Pair>({
      hostname,
      port,
      socket: {
        async open(client) {
          const pair: Pair = { client, upstream: undefined, waiting: [], sent: 0 };
          client.data = pair;
          registry.open.add(pair);
          if (registry.luck.kind === "down") return end(pair);
          const upstream = await Bun.connect<Pair>({
            unix: registry.path("socket"),
            data: pair,
            socket: {
              data: (_, bytes) => {
                registry.sent += bytes.length;
                writer.write(client, bytes);
              },
              drain: (socket) => writer.drain(socket),
              close: () => end(pair),
              error: () => end(pair),
            },
          });
          pair.upstream = upstream;
          for (const bytes of pair.waiting.splice(0)) writer.write(upstream, bytes);
        },
        async data(client, bytes) {
          const pair = client.data;
          const { luck } = registry;
          pair.sent += bytes.length;
          if (luck.kind === "cut" && luck.times > 0 && pair.sent > luck.after) {
            luck.times--;
            return end(pair);
          }
          if (luck.kind === "slow") {
            client.pause();
            const copy = bytes.slice();
            await Bun.sleep(luck.milliseconds);
            forward(pair, copy);
            client.resume();
          } else forward(pair, bytes);
        },
        drain: (socket) => writer.drain(socket),
        close: (client) => end(client.data),
        error: (client) => end(client.data),
      },
    });
    this.servers.push(server);
    return server.port;
  }

  /** A command to which this registry is ghcr.io. */
  within(argv: string[]): string[] {
    const script = `mount --bind "$1" /etc/hosts
[ -e ${bundle} ] || { mount -t tmpfs none /etc/ssl; mkdir /etc/ssl/certs; : >${bundle}; }
mount --bind "$2" ${bundle}
shift 2; exec "$@"`;
    const words = ["unshare", "--mount", "--propagation", "private", "sh", "-ec", script, "sh"];
    return [...words, this.path("hosts"), this.path("bundle.crt"), ...argv];
  }

  /** Runs one of the project's commands against this registry. */
  slipway(project: Project, env: Record<string, string>, name: string, ...args: string[]): Promise<Said> {
    const argv = [process.execPath, join(checkout, "scripts", `${name}.ts`), ...args];
    return exec(this.within(argv), { ...project.env, ...env });
  }

  /** Runs a program of the toolbox, or podman 5, against this registry. */
  async tool(...argv: string[]): Promise<Said> {
    return this.inContainer(this.image, ["--volume=/tmp:/tmp"], argv);
  }

  /** Runs a program in a container of an image, to which this registry is ghcr.io too. */
  async inContainer(image: string, flags: string[], argv: string[]): Promise<Said> {
    const words = [
      "podman",
      "run",
      "--rm",
      "--pull=never",
      "--network=host",
      "--privileged",
      "--security-opt=label=disable",
    ];
    const trust = `--volume=${bundle}:${bundle}:ro`;
    const run = this.within([...words, trust, ...flags, image, ...argv]);
    return exec(run, { ...(await podmanEnv()), ...testStorage() });
  }

  /** The file in which the registry keeps a blob or a manifest. */
  blob(digest: string): string {
    const hex = digest.replace("sha256:", "");
    return this.path("storage/docker/registry/v2/blobs/sha256", hex.slice(0, 2), hex, "data");
  }

  /** The tags of a repository such as `guara92/guaraos-minimal`, and the digest of each. */
  tags(repository: string): Record<string, string> {
    const folder = this.path("storage/docker/registry/v2/repositories", repository, "_manifests/tags");
    if (!existsSync(folder)) return {};
    const found = [...new Bun.Glob("*/current/link").scanSync({ cwd: folder })];
    return Object.fromEntries(
      found.sort().map((f) => [f.split("/")[0] ?? "", readFileSync(join(folder, f), "utf8").trim()]),
    );
  }

  /** Its log, for a test that fails. */
  get log(): string {
    return readFileSync(this.path("log"), "utf8");
  }

  async stop(): Promise<void> {
    for (const server of this.servers) server.stop(true);
    const { stdin } = this.container ?? {};
    if (stdin && typeof stdin !== "number") stdin.end();
    await this.container?.exited;
    rmSync(this.folder, { recursive: true, force: true });
  }
}
