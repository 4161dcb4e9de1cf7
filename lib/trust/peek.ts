import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { onInterrupt } from "../cli/command.ts";
import { exit, Failure } from "../cli/errors.ts";
import { statePath } from "../cli/project.ts";
import { type Outcome, run } from "../cli/shell.ts";
import { tool } from "../cli/tools.ts";
import { type Policy, policyKeys } from "./policy-file.ts";

/**
 * What containers/image itself says of an image under a policy, without downloading it.
 *
 * skopeo judges an image before it copies it, and a copy leaves out the layers that are there already. So the copy goes into
 * an `oci:` folder in which every layer "is there", as an empty file: the manifest, the configuration and the signatures are
 * fetched and judged, and nothing else. Signatures are not copied along, because such a folder could not hold them.
 */

/** An image as its registry has it right now. */
export interface Resolved {
  reference: string;
  /** Of the manifest that the tag names. */
  digest: string;
  /** The digest of this machine's own image, where the tag names an index of several; else the same. */
  instance: string;
  layers: string[];
}

export interface Verdict {
  accepted: boolean;
  /** containers/image's own words, where it refuses. */
  because: string;
}

interface Manifest {
  layers?: { digest?: string }[];
  manifests?: { digest?: string; platform?: { architecture?: string; os?: string } }[];
}

/** Names of architectures in images: Go's. */
const goArch: Record<string, string> = { x64: "amd64", arm64: "arm64" };

/** Files that podman takes from the environment; of these skopeo takes only the login from there. */
const registriesConf = "CONTAINERS_REGISTRIES_CONF";
const login = "REGISTRY_AUTH_FILE";

async function skopeo(args: string[], seen: string[] = []): Promise<Outcome> {
  const conf = process.env[registriesConf];
  const files = [...seen, conf ?? [], process.env[login] ?? []].flat();
  const mounts = [...new Set(files.map((file) => dirname(file)))].filter((path) => existsSync(path));
  const words = await tool("skopeo", { env: process.env[login] ? [login] : [], mounts });
  return run([...words, ...(conf ? ["--registries-conf", conf] : []), ...args]);
}

/** "docker://ghcr.io/a/b:t" without its tag or digest. */
export function repositoryOf(reference: string): string {
  return reference.replace(/@.*$/, "").replace(/:[^/:]*$/, "");
}

function lastWords({ said }: Outcome): string {
  const line = said.trim().split("\n").at(-1) ?? "";
  const words = /msg="((?:[^"\\]|\\.)*)"/.exec(line)?.[1]?.replaceAll('\\"', '"') ?? line;
  return words.replace(/^Error parsing image name "[^"]*": /, "");
}

function unreachable(reference: string, outcome: Outcome): Failure {
  const because = lastWords(outcome);
  const next = /manifest unknown|name unknown|not found/i.test(because)
    ? "push it first, or take another target (bun run list)"
    : /unauthorized|denied|authentication/i.test(because)
      ? `log in: skopeo login ${reference.split("/")[0]}`
      : "check the network and the registry, then run this again";
  return new Failure(exit.failed, `${reference} is not to be had from its registry`, { tried: [because], next });
}

async function fetchManifest(reference: string): Promise<{ digest: string; manifest: Manifest }> {
  const outcome = await skopeo(["inspect", "--raw", `docker://${reference}`]);
  if (outcome.code !== 0) throw unreachable(reference, outcome);
  const digest = `sha256:${new Bun.CryptoHasher("sha256").update(outcome.stdout).digest("hex")}`;
  try {
    return { digest, manifest: JSON.parse(outcome.stdout) as Manifest };
  } catch {
    throw new Failure(exit.failed, `${reference}: what the registry calls its manifest is no JSON`);
  }
}

/** The digest behind a tag, asked of the registry now. @throws Failure with the registry's words */
export async function resolve(reference: string): Promise<Resolved> {
  const { digest, manifest } = await fetchManifest(reference);
  const layersOf = (m: Manifest) => (m.layers ?? []).flatMap((layer) => layer.digest ?? []);
  if (!manifest.manifests) return { reference, digest, instance: digest, layers: layersOf(manifest) };
  const here = goArch[process.arch] ?? process.arch;
  const one = manifest.manifests.find(
    (m) => m.platform?.architecture === here && (m.platform.os ?? "linux") === "linux",
  );
  if (!one?.digest)
    throw new Failure(exit.failed, `${reference} has no image for ${here}`, {
      tried: [`it has: ${manifest.manifests.map((m) => m.platform?.architecture ?? "?").join(" ")}`],
    });
  const instance = await fetchManifest(`${repositoryOf(reference)}@${one.digest}`);
  return { reference, digest, instance: one.digest, layers: layersOf(instance.manifest) };
}

/**
 * The verdict on exactly this digest.
 * @param registriesD the folder that says where signatures lie; containers/image's own choice without it.
 * @throws Failure where there is no verdict, such as without a network
 */
export async function peek(image: Resolved, policy: Policy, registriesD?: string): Promise<Verdict> {
  const folder = statePath("run", `verdict-${process.pid}-${image.digest.slice(7, 19)}`);
  const remove = () => rmSync(folder, { recursive: true, force: true });
  const forget = onInterrupt(remove);
  try {
    for (const layer of image.layers) {
      const [kind = "sha256", hex = ""] = layer.split(":");
      mkdirSync(join(folder, "blobs", kind), { recursive: true });
      writeFileSync(join(folder, "blobs", kind, hex), "");
    }
    const seen = [policy.path, ...policyKeys(policy), ...(registriesD ? [join(registriesD, "x")] : [])];
    const outcome = await skopeo(
      [
        ...["--policy", policy.path, ...(registriesD ? ["--registries.d", registriesD] : [])],
        ...["copy", "--remove-signatures", `docker://${repositoryOf(image.reference)}@${image.digest}`],
        `oci:${folder}:verdict`,
      ],
      seen,
    );
    if (outcome.code === 0) return { accepted: true, because: "" };
    const refused = /Source image rejected: (.*)/.exec(lastWords(outcome))?.[1];
    if (refused === undefined)
      throw new Failure(exit.failed, `no verdict on ${image.reference}`, {
        tried: [lastWords(outcome)],
        next: "run this again; if it stays so, see that the policy's files are whole",
      });
    return { accepted: false, because: refused };
  } finally {
    forget();
    remove();
  }
}
