import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ensureLocalDebian } from "../../lib/tools/debian-image.ts";
import { checkout, type Project } from "./sandbox.ts";
import { imageOf, imageWith, must, podman } from "./small-images.ts";

/** A base of Fedora's kind, made from Debian's own dnf5 and rpm (of sid: trixie has no dnf5) and packages made on the spot. */

const made = "localhost/slipway-tests/fedora:latest";
/** Where the made image keeps the repositories. */
const repositories = "/usr/share/repositories";
/** It is written in the base: another one would make every layer anew. */
const port = 47_013;

const packages = ["attr", "createrepo-c", "dnf5", "gpg", "gpg-agent", "kmod", "rpm", "systemd"];

const recipe = (tools: string) => `FROM ${tools} AS packages
COPY packages /work/
RUN /work/packages ${repositories}
FROM ${tools}
COPY bootc dracut record /usr/lib/stand-in/
COPY root /work/
COPY --from=packages ${repositories} ${repositories}
RUN /work/root ${repositories} && rm -r /work
`;

/** Makes the image where it is not there yet. @returns its name. */
export async function makeFedora(): Promise<string> {
  const read = (path: string) => readFileSync(join(checkout, "tests/stand-in", path), "utf8");
  const names = {
    packages: "fedora/packages",
    root: "fedora/root",
    bootc: "bin/bootc",
    dracut: "bin/dracut",
    record: "bin/record",
  };
  const files = Object.fromEntries(Object.entries(names).map(([name, path]) => [name, read(path)]));
  const tools = await imageWith("dnf", await ensureLocalDebian("sid"), packages);
  await must(podman("tag", await imageOf("fedora", recipe(tools), tools, files), made));
  return made;
}

/** A base in a project's storage, and its repositories on this machine. */
export interface Fedora {
  /** The base's name. */
  base: string;
  /** What builds find from now on: the first state of the repository, or the second, some weeks later. */
  state: "first" | "second";
  stop: () => Promise<void>;
}

/** @param base the name that the base gets in the project's storage. */
export async function startFedora(project: Project, base: string): Promise<Fedora> {
  const image = await makeFedora();
  // A layer of its own: podman 4.3 cannot mount an image when its top layer is in a read-only store.
  project.write("fedora/Containerfile", `FROM ${image}\nRUN true\n`);
  await must(project.podman("build", "--quiet", "--tag", base, join(project.root, "fedora")));
  const folder = join(project.root, "fedora");
  const container = await must(project.podman("create", base, "true"));
  await must(project.podman("cp", `${container}:${repositories}`, folder));
  await must(project.podman("rm", container));
  const fedora: Fedora = { base, state: "first", stop: () => server.stop(true) };
  const server = Bun.serve({
    port,
    hostname: "127.0.0.1",
    async fetch(request) {
      const [, which = "", ...rest] = new URL(request.url).pathname.split("/");
      const file = Bun.file(join(folder, "repositories", which === "toy" ? fedora.state : which, ...rest));
      return (await file.exists()) ? new Response(file) : new Response("not found\n", { status: 404 });
    },
  });
  return fedora;
}
