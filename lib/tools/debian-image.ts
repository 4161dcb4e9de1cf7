import { linkSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { exit, Failure } from "../system/errors.ts";
import { onInterrupt } from "../system/interrupt.ts";
import { owner } from "../system/owner.ts";
import { removeAll } from "../system/remove.ts";
import { together } from "../system/single-flight.ts";
import type { Progress } from "../system/steps.ts";
import { debianRoot, digestFile, epoch, knownDigest, rootKey } from "./debian-root.ts";
import { podman } from "./podman.ts";
import { nextAfter } from "./podman-failures.ts";

/**
 * A Debian root in podman's store. It gets no time of its own, so that the same tar is the same image id on every machine
 * and at every import.
 */

/** The name of a local Debian root as an image. */
export function localDebian(suite: string): string {
  return `localhost/slipway-debian:${suite}`;
}

const [digestLabel, keyLabel] = ["org.slipway.debian", "org.slipway.debian.key"];

/** Whether an image with these labels is a root of the suite as it would be made today. */
export function isCurrentRoot(suite: string, labels: Record<string, string>): boolean {
  return labels[keyLabel] === rootKey(suite);
}

async function labels(reference: string): Promise<Record<string, string> | undefined> {
  const { code, stdout } = await podman(["image", "inspect", reference]);
  if (code !== 0) return undefined;
  const [image] = JSON.parse(stdout) as { Labels?: Record<string, string> | null }[];
  return image?.Labels ?? {};
}

/**
 * The root of a suite as a local image, made and put into podman's store where it is not there yet.
 * @returns its reference; its id depends on the tar alone.
 */
export function ensureLocalDebian(suite: string, progress?: Progress): Promise<string> {
  return together(`image of ${suite}`, () => ensure(suite, progress));
}

async function ensure(suite: string, progress?: Progress): Promise<string> {
  const reference = localDebian(suite);
  const there = await labels(reference);
  const known = knownDigest(suite);
  if (there && isCurrentRoot(suite, there) && (known ?? there[digestLabel]) === there[digestLabel]) return reference;
  const tar = await debianRoot(suite, progress);
  const digest = readFileSync(digestFile(tar), "utf8");
  progress?.now(`putting Debian ${suite} into podman's store`);
  const folder = `${tar}.${owner}.image`;
  const sweep = async () => removeAll(folder);
  const forget = onInterrupt(sweep);
  try {
    writeImage(folder, tar, digest, rootKey(suite));
    // The machine's own policy may refuse what nobody signed; this was made here, a moment ago.
    const policy = join(folder, "policy.json");
    writeFileSync(policy, JSON.stringify({ default: [{ type: "insecureAcceptAnything" }] }));
    const log = progress ? { log: progress.log } : {};
    const pulled = await podman(["pull", "--quiet", "--signature-policy", policy, `dir:${folder}`], log);
    const id = pulled.stdout.trim();
    const tagged = pulled.code === 0 ? await podman(["tag", id, reference], log) : pulled;
    if (tagged.code !== 0)
      throw new Failure(exit.failed, `podman did not take the Debian ${suite} root`, {
        tried: [`podman pull dir:${folder}`, ...tagged.said.trim().split("\n").slice(-3)],
        next: nextAfter(tagged.said, "see that podman works here: bun run doctor"),
        ...log,
      });
  } finally {
    forget();
    await sweep();
  }
  return reference;
}

/**
 * Writes an image whose only layer is the tar, linked and not copied, in the form of podman's `dir:`: the one form of a
 * folder that podman 4.3 takes without making a name of the path.
 */
function writeImage(folder: string, tar: string, digest: string, key: string): void {
  mkdirSync(folder);
  linkSync(tar, join(folder, digest));
  const created = new Date(Number(epoch) * 1000).toISOString();
  const config = JSON.stringify({
    created,
    architecture: process.arch === "x64" ? "amd64" : process.arch,
    os: "linux",
    config: {
      Env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
      Cmd: ["/bin/bash"],
      Labels: { [digestLabel]: digest, [keyLabel]: key },
    },
    rootfs: { type: "layers", diff_ids: [`sha256:${digest}`] },
    history: [{ created, comment: "Debian's packages, by mmdebstrap" }],
  });
  const configDigest = new Bun.CryptoHasher("sha256").update(config).digest("hex");
  const type = (name: string) => `application/vnd.oci.image.${name}`;
  const manifest = {
    schemaVersion: 2,
    mediaType: type("manifest.v1+json"),
    config: {
      mediaType: type("config.v1+json"),
      digest: `sha256:${configDigest}`,
      size: Buffer.byteLength(config),
    },
    layers: [{ mediaType: type("layer.v1.tar"), digest: `sha256:${digest}`, size: statSync(tar).size }],
  };
  writeFileSync(join(folder, configDigest), config);
  writeFileSync(join(folder, "manifest.json"), JSON.stringify(manifest));
  writeFileSync(join(folder, "version"), "Directory Transport Version: 1.1\n");
}
