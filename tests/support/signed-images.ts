import { createHash, generateKeyPairSync, sign } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { tool } from "../../lib/tools/tools.ts";
import { type Registry, startRegistry } from "../stand-in/registry.ts";
import { exec, type Said, testStorage } from "./sandbox.ts";

const type = (name: string) => `application/vnd.oci.image.${name}.v1+json`;
const sha256 = (text: string) => `sha256:${new Bun.CryptoHasher("sha256").update(text).digest("hex")}`;

/** Images in a registry of this process, and skopeo to sign them: two key pairs, policies and registries.d that name them. */
export class SignedImages {
  readonly folder = realpathSync(mkdtempSync(join(tmpdir(), "slipway-signed-")));
  readonly registry: Registry = startRegistry();
  readonly namespace = `${this.registry.host}/acme`;
  readonly env: Record<string, string>;
  private made = 0;

  private constructor() {
    const conf = this.file("registries.conf", `[[registry]]\nlocation = "${this.registry.host}"\ninsecure = true\n`);
    this.env = { CONTAINERS_REGISTRIES_CONF: conf };
    mkdirSync(join(this.folder, "registries.d"));
    this.file("registries.d/acme.yaml", this.attachments);
    this.file("empty", "");
  }

  static async start(): Promise<SignedImages> {
    Object.assign(process.env, testStorage());
    const images = new SignedImages();
    for (const name of ["ours", "theirs"])
      await images.skopeo(
        "generate-sigstore-key",
        "--output-prefix",
        join(images.folder, name),
        "--passphrase-file",
        join(images.folder, "empty"),
      );
    return images;
  }

  /** What a machine's registries.d must say. */
  get attachments(): string {
    return `docker:\n  ${this.namespace}:\n    use-sigstore-attachments: true\n`;
  }

  file(name: string, text: string): string {
    writeFileSync(join(this.folder, name), text);
    return join(this.folder, name);
  }

  /** policy.json: everything is refused but what this key signed in our namespace. */
  policy(key: string): string {
    const asks = [
      { type: "sigstoreSigned", keyPath: join(this.folder, `${key}.pub`), signedIdentity: { type: "matchRepository" } },
    ];
    return JSON.stringify({ default: [{ type: "reject" }], transports: { docker: { [this.namespace]: asks } } });
  }

  async skopeo(...args: string[]): Promise<Said> {
    const words = await tool("skopeo", { mounts: [this.folder] });
    const said = await exec([...words, "--registries-conf", join(this.folder, "registries.conf"), ...args]);
    if (said.code !== 0) throw new Error(said.stderr);
    return said;
  }

  private async put(path: string, body: string, contentType = "application/octet-stream"): Promise<void> {
    const init = { method: "PUT", body, headers: { "Content-Type": contentType } };
    const { ok, status } = await fetch(`http://${this.registry.host}/v2/${path}`, init);
    if (!ok) throw new Error(`${path}: ${status}`);
  }

  /** Pushes a new image, unlike all others; returns its digest. @param labels what it says of itself */
  async push(repository: string, tag: string, labels: Record<string, string> = {}): Promise<string> {
    const layer = `layer ${++this.made}`;
    const config = JSON.stringify({
      ...{ architecture: "amd64", os: "linux", config: { Labels: labels } },
      rootfs: { type: "layers", diff_ids: [sha256(layer)] },
    });
    for (const blob of [layer, config])
      await this.put(`acme/${repository}/blobs/uploads/x${this.made}?digest=${sha256(blob)}`, blob);
    const manifest = JSON.stringify({
      ...{ schemaVersion: 2, mediaType: type("manifest") },
      config: { mediaType: type("config"), digest: sha256(config), size: config.length },
      layers: [{ mediaType: `${type("layer")}`.replace("+json", ".tar"), digest: sha256(layer), size: layer.length }],
    });
    await this.put(`acme/${repository}/manifests/${tag}`, manifest, type("manifest"));
    return sha256(manifest);
  }

  /** What an attacker does who holds the registry: an image and its signature are shown in another repository too. */
  async copy(from: string, to: string, digest: string): Promise<void> {
    for (const name of [digest, `${digest.replace(":", "-")}.sig`]) {
      const answer = await fetch(`http://${this.registry.host}/v2/acme/${from}/manifests/${name}`);
      await this.put(`acme/${to}/manifests/${name}`, await answer.text(), type("manifest"));
    }
  }

  /** Puts an index of one image for this machine under a tag; returns its digest. */
  async index(repository: string, tag: string, digest: string): Promise<string> {
    const platform = { architecture: process.arch === "x64" ? "amd64" : process.arch, os: "linux" };
    const manifests = [{ mediaType: type("manifest"), digest, size: 1, platform }];
    const body = JSON.stringify({ schemaVersion: 2, mediaType: type("index"), manifests });
    await this.put(`acme/${repository}/manifests/${tag}`, body, type("index"));
    return sha256(body);
  }

  async sign(repository: string, digest: string, key = "ours"): Promise<void> {
    const reference = `docker://${this.namespace}/${repository}`;
    await this.skopeo(
      ...["--insecure-policy", "--registries.d", join(this.folder, "registries.d"), "copy", "--preserve-digests"],
      ...["--sign-by-sigstore-private-key", join(this.folder, `${key}.private`)],
      ...[
        "--sign-passphrase-file",
        join(this.folder, "empty"),
        "--sign-identity",
        `${this.namespace}/${repository}:signed`,
      ],
      ...[`${reference}@${digest}`, `${reference}:signed`],
    );
  }

  /**
   * Adds to a signature of `sign` what a transparency log says of it, by a log of our own whose key lies in `NAME.pub` here.
   * Format: UntrustedRekorSET in containers/image, signature/internal/rekor_set.go; the body is a hashedrekord 0.0.1 of Rekor.
   */
  async log(repository: string, digest: string, log: string): Promise<string> {
    const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const logID = createHash("sha256")
      .update(publicKey.export({ type: "spki", format: "der" }))
      .digest("hex");
    const tag = `acme/${repository}/manifests/${digest.replace(":", "-")}.sig`;
    const manifest = (await (await fetch(`http://${this.registry.host}/v2/${tag}`)).json()) as {
      layers: { digest: string; annotations: Record<string, string> }[];
    };
    for (const { digest: payload, annotations } of manifest.layers) {
      const key = Buffer.from(readFileSync(join(this.folder, "ours.pub"))).toString("base64");
      const record = {
        ...{ apiVersion: "0.0.1", kind: "hashedrekord" },
        spec: {
          data: { hash: { algorithm: "sha256", value: payload.slice(7) } },
          signature: { content: annotations["dev.cosignproject.cosign/signature"], publicKey: { content: key } },
        },
      };
      const body = Buffer.from(JSON.stringify(record)).toString("base64");
      // the log signs the canonical form (RFC 8785): here the names are in its order already
      const Payload = { body, integratedTime: 1764320000, logID, logIndex: 1 };
      const stamp = sign("sha256", Buffer.from(JSON.stringify(Payload)), privateKey).toString("base64");
      annotations["dev.sigstore.cosign/bundle"] = JSON.stringify({ SignedEntryTimestamp: stamp, Payload });
    }
    await this.put(tag, JSON.stringify(manifest), type("manifest"));
    return this.file(`${log}.pub`, publicKey.export({ type: "spki", format: "pem" }).toString());
  }

  async stop(): Promise<void> {
    await this.registry.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
