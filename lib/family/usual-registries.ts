/**
 * The registries that a machine pulls unsigned images from where family.yaml has no `openRegistries`: those that developers and their
 * containers (Distrobox, Toolbox, Kubernetes) take images from, and a registry on the machine itself. A name opens one port only, and
 * without a port that of https. Source: containers-policy.json(5); DockerReferenceNamespaces in containers/image.
 */
const usual = [
  ...["docker.io", "quay.io", "ghcr.io", "gcr.io", "registry.k8s.io", "public.ecr.aws", "cgr.dev", "mcr.microsoft.com"],
  ...["registry.fedoraproject.org", "registry.opensuse.org", "registry.access.redhat.com", "registry.gitlab.com"],
  ...["lscr.io", "localhost", "localhost:5000"],
];

/** Other names of the same registry: docker.io's older ones, and the port that https has anyway. */
function usualName(registry: string): string {
  return registry.replace(/^(index|registry-1)\.docker\.io\b/, "docker.io").replace(/^([^/]*):443(?=\/|$)/, "$1");
}

/** Whether an open registry is the signed namespace itself, or in it. */
export function isInside(open: string, signed: string): boolean {
  return `${usualName(open)}/`.startsWith(`${usualName(signed)}/`);
}

/** @param signed the family's namespace, which stays closed */
export function usualRegistries(signed: string): string[] {
  return usual.filter((registry) => !isInside(registry, signed));
}
