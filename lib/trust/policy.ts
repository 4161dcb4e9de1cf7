import type { Family } from "../family/family.ts";

/**
 * What containers/image on a machine of the family accepts.
 * Formats: containers-policy.json(5), containers-registries.d(5).
 */

/** Where the family's public key lies in an image. */
export function keyPath(family: Family): string {
  return `/etc/pki/containers/${family.prefix}.pub`;
}

/**
 * policy.json: the family's own namespace needs the family's key, named public registries and local storage are open,
 * everything else is refused. There is no `""` entry for registries: it would open all of them.
 */
export function policyJson(family: Family): object {
  const open = [{ type: "insecureAcceptAnything" }];
  const local = ["containers-storage", "oci", "oci-archive", "dir", "docker-archive", "docker-daemon", "tarball"];
  return {
    default: [{ type: "reject" }],
    transports: {
      docker: {
        [family.registry]: [
          { type: "sigstoreSigned", keyPath: keyPath(family), signedIdentity: { type: "matchRepository" } },
        ],
        ...Object.fromEntries(family.openRegistries.map((r) => [r, open])),
      },
      ...Object.fromEntries(local.map((transport) => [transport, { "": open }])),
    },
  };
}

/** registries.d: signatures of the family's images lie beside them in the registry. */
export function registriesYaml(family: Family): string[] {
  return ["docker:", `  ${family.registry}:`, "    use-sigstore-attachments: true"];
}
