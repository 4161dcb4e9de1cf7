import type { Family } from "../family/family.ts";
import { needProjectFile } from "../family/project-file.ts";

/**
 * What containers/image on a machine of the family accepts.
 * Formats: containers-policy.json(5), containers-registries.d(5).
 */

const open = [{ type: "insecureAcceptAnything" }];

/** Where the family's public key lies in an image. */
export function keyPath(family: Family): string {
  return `/etc/pki/containers/${family.prefix}.pub`;
}

/**
 * policy.json: the family's own namespace needs the family's key, named public registries and local storage are open,
 * everything else is refused. There is no `""` entry for registries: it would open all of them.
 */
export function policyJson(family: Family): object {
  const local = ["containers-storage", "oci", "oci-archive", "dir", "docker-archive", "docker-daemon", "tarball"];
  return {
    default: [{ type: "reject" }],
    transports: {
      docker: {
        ...ownScope(family),
        ...Object.fromEntries(family.openRegistries.map((r) => [r, open])),
      },
      ...Object.fromEntries(local.map((transport) => [transport, { "": open }])),
    },
  };
}

/**
 * The part of policy.json, in `transports.docker`, that asks for the family's signature, and for the word of its transparency log.
 * @throws Failure without the log's key
 */
export function ownScope(family: Family): Record<string, object[]> {
  const identity = { signedIdentity: { type: "matchRepository" } };
  return { [family.registry]: [{ type: "sigstoreSigned", keyPath: keyPath(family), ...logKey(family), ...identity }] };
}

/** The log's key, in the policy itself: machines need no other file. Nothing for a family without a log. */
export function logKey({ rekor, root }: Family): { rekorPublicKeyData?: string } {
  return rekor ? { rekorPublicKeyData: Buffer.from(needProjectFile(root, rekor.key)).toString("base64") } : {};
}

/** registries.d: signatures of the family's images lie beside them in the registry. */
export function registriesYaml(family: Family): string[] {
  return ["docker:", `  ${family.registry}:`, "    use-sigstore-attachments: true"];
}
