import { podmanFacts, podmanFloor, podmanPackages } from "./podman.ts";
import { idMapPackages } from "./rootless.ts";
import { lacksSigstore } from "./sigstore.ts";
import { everywhere, type Tool } from "./tool.ts";
import { vmTools } from "./vm-tools.ts";

/** podman's OCI runtimes that run on this machine's cgroups: crun refuses a hybrid tree. */
function runtimes(): string[] {
  return podmanFacts().cgroups === "hybrid" ? ["runc"] : ["crun", "runc"];
}

/** What podman needs where this is not root; Debian's podman does not bring them by itself. */
export const rootlessTools: Tool[] = ["newuidmap", "newgidmap"].map((name) => ({
  name,
  purpose: `gives containers ${name === "newuidmap" ? "users" : "groups"} of their own where podman runs without root`,
  need: "needed",
  range: "*",
  packages: idMapPackages,
}));

export const tools: Tool[] = [
  {
    name: "podman",
    purpose: "builds and keeps images",
    need: "needed",
    range: `>=${podmanFloor}`,
    packages: podmanPackages,
    ask: ["--version"],
  },
  {
    name: "oci-runtime",
    purpose: "runs podman's containers on this machine's cgroups",
    need: "needed",
    range: "*",
    packages: everywhere(runtimes()[0] ?? "runc"),
    programs: runtimes,
    ask: ["--version"],
  },
  ...(process.getuid?.() === 0 ? [] : rootlessTools),
  {
    name: "mmdebstrap",
    purpose: "makes Debian bases from packages where no registry answers",
    need: "offline",
    range: ">=1",
    packages: everywhere("mmdebstrap"),
    ask: ["--version"],
  },
  {
    name: "git",
    purpose: "gives images their revision and date",
    need: "optional",
    range: ">=2",
    packages: everywhere("git"),
    toolbox: "git",
    ask: ["--version"],
  },
  {
    name: "shellcheck",
    purpose: "checks the scripts that images ship",
    need: "optional",
    range: ">=0.9",
    packages: { apt: "shellcheck", dnf: "ShellCheck", pacman: "shellcheck" },
    toolbox: "shellcheck",
    ask: ["--version"],
  },
  {
    name: "skopeo",
    purpose: "copies, signs and inspects images",
    need: "optional",
    range: ">=1.14",
    packages: everywhere("skopeo"),
    toolbox: "skopeo",
    ask: ["--version"],
    trouble: lacksSigstore,
  },
  {
    name: "cosign",
    purpose: "signs images and verifies signatures",
    need: "optional",
    range: ">=2.4",
    packages: everywhere("cosign"),
    toolbox: "cosign",
    ask: ["version"],
    version: /GitVersion:\s*v?(\d+\.\d+\.\d+)/,
  },
  ...vmTools,
  {
    name: "ostree",
    purpose: "writes and reads the commits of bootable images",
    need: "optional",
    range: ">=2022.1",
    packages: { apt: "ostree", dnf: "ostree", pacman: "ostree" },
    toolbox: "ostree",
    ask: ["--version"],
  },
  {
    name: "bst",
    purpose: "builds flavors of the kind buildstream",
    need: "optional",
    range: ">=2.2",
    packages: {},
    toolbox: "buildstream",
    rolling: true,
    ask: ["--version"],
    // bubblewrap makes namespaces and mounts, buildbox-fuse its own file system
    container: () => ["--privileged", "--device=/dev/fuse"],
  },
  {
    name: "buildbox-casd",
    purpose: "keeps and runs what BuildStream builds",
    need: "optional",
    range: ">=1",
    packages: {},
    toolbox: "buildbox",
    rolling: true,
    ask: ["--version"],
    container: () => ["--privileged", "--device=/dev/fuse"],
  },
];
