import { asWritten } from "../../cli/invocation.ts";
import { bootcLine, flavorYaml, inline, recipeOfBase } from "../starter.ts";
import { isInside } from "../usual-registries.ts";
import type { NewProject } from "./decide.ts";
import { webAddress } from "./remote.ts";

/** The files that a new project begins with. */

/** Open to a machine of the family beside its own namespace: where people's containers come from. */
const openRegistries = ["docker.io", "quay.io", "ghcr.io", "registry.fedoraproject.org", "registry.gitlab.com"];

/** flavors/family.yaml. */
export function familyText({
  name,
  prefix,
  flavor,
  title,
  registry,
  arch,
  base: given,
  key,
  found,
}: NewProject): string {
  const open = openRegistries.filter((one) => !isInside(one, registry));
  const source = found.remote ? `source: ${inline(webAddress(found.remote))}\n` : "";
  // the Containerfile of a flavor says itself what it is based on
  const written = "debian" in given ? `{ debian: ${inline(given.debian)} }` : inline(given.image);
  const base = found.containerfile === undefined ? ` { base: ${written} }` : " {}";
  return asWritten(`# The family: one registry namespace, one key, one set of arches. Every flavor is a YAML file beside this one.
name: ${inline(name)}
title: ${inline(title)}
${source}
registry: ${inline(registry)} # images are {registry}/{prefix}-{flavor}:{arch}
prefix: ${inline(prefix)}
key: ${inline(key)} # the public half of the signing key; \`bun run keys\` makes the pair
# Machines of the family pull unsigned images from these only; from {registry} only what the key has signed.
openRegistries: ${inline(open)}

default: { arch: ${inline(arch)}, flavor: ${inline(flavor)} } # what \`bun run build\` makes without words
refreshAfter: 2d # packages older than this are upgraded by the next build
staleAfter: 4w # machines refuse an image with older packages, unless an option allows it

arches:
  ${inline(arch)}:${base}
`);
}

/** flavors/NAME.yaml: of the Containerfile that is here, else a small one on the base. */
export function flavorText({ flavor, title, arch, base, found }: NewProject): string {
  const { containerfile, bootc } = found;
  const begin = { title, recipe: recipeOfBase(base), from: undefined, arches: [arch], displayManager: undefined };
  if (containerfile === undefined) return asWritten(flavorYaml(flavor, begin, []));
  return asWritten(`# ${title}: what it is for, in a line or two.
#
# \`bun run lint\` checks this file, \`bun run build ${arch} ${flavor}\` makes the image.
title: ${inline(title)}
builder: containerfile
containerfile: ${inline(containerfile)} # it is built as it stands
arches: ${inline([arch])}
${bootc ? `${bootcLine}\n` : ""}
# What must be in the finished image; tests and the virtual machine look.
smoke:
  files: [/usr/lib/os-release]
`);
}

/** Lines of .gitignore. */
export const ignoredByGit = [".slipway/", "node_modules/", "cosign.key", "*.key"];

/** Lines of .containerignore: Slipway's own files, but for those that builds take, and what is secret. */
export const ignoredByPodman = [".git", "node_modules", ".slipway/*", "!.slipway/context", "**/*.key"];

/** .containerignore of a project that has none. Without it each build would have another context. */
export const containerignoreText = `# not for the build context: Slipway's own files, but for what builds take, and what is secret
${ignoredByPodman.join("\n")}
`;
