import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { parse } from "yaml";
import { checkout, Project, type Said } from "../support/sandbox.ts";

// A Debian target stands on docker.io's image where a registry answers, and on one made by mmdebstrap where none does. docker.io's is
// made by debootstrap, and carries settings of Docker's; so is the one that is made here in its place.
setDefaultTimeout(600_000);

const ours = "localhost/slipway-debian:trixie";
const theirs = "localhost/slipway-bases-test/debootstrap:trixie";
const ground = "localhost/slipway-bases-test/ground";
const project = new Project();

async function podman(...words: string[]): Promise<Said> {
  const said = await project.podman(...words);
  if (said.code !== 0) throw new Error(`podman ${words.join(" ")}: ${said.stderr}`);
  return said;
}

/** Builds a Containerfile in the project. */
async function build(tag: string, lines: string[], ...flags: string[]): Promise<void> {
  project.write("Containerfile", lines.join("\n"));
  const file = join(project.root, "Containerfile");
  await podman("build", "--quiet", "--network=host", ...flags, "--tag", tag, "--file", file, project.root);
}

/** What the recipe makes of a base up to its first group. */
async function lay(base: string, name: string): Promise<void> {
  const { groups } = parse(await Bun.file(join(checkout, "flavors/minimal.yaml")).text());
  await build(`${ground}:${name}`, [
    `FROM ${base}`,
    "COPY containerfiles/helpers/ /usr/libexec/slipway/",
    "RUN chmod -R u=rwX,go=rX /usr/libexec/slipway",
    "RUN /usr/libexec/slipway/debian-setup",
    `RUN /usr/libexec/slipway/group system weekly -- ${groups.system.packages.join(" ")}`,
  ]);
}

async function inside(name: string, script: string): Promise<string[]> {
  const { stdout } = await podman("run", "--rm", "--network=none", `${ground}:${name}`, "sh", "-c", script);
  return stdout.trim().split("\n").sort();
}

beforeAll(async () => {
  await project.removeImages("localhost/slipway-bases-test/");
  // makes our own base, if the tests' storage has none yet
  const made = await project.slipway("build", "amd64", "minimal");
  if (made.code !== 0) throw new Error(made.stderr);
  const mirror = process.env.SLIPWAY_DEBIAN_MIRROR ?? "";
  await build(
    theirs,
    [
      `FROM ${ours} AS maker`,
      "RUN apt-get update -qq && apt-get install -y --no-install-recommends debootstrap",
      `RUN debootstrap --variant=minbase --include=whiptail trixie /made ${mirror}`,
      "FROM scratch",
      "COPY --from=maker /made/ /",
      // as in docker.io's: updates and security too
      "COPY --from=maker /etc/apt/sources.list /etc/apt/",
      `RUN echo 'APT::Keep-Downloaded-Packages "false";' >/etc/apt/apt.conf.d/docker-clean`,
      "RUN echo force-unsafe-io >/etc/dpkg/dpkg.cfg.d/docker-apt-speedup",
    ],
    "--cap-add=SYS_ADMIN,MKNOD",
  );
  await lay(ours, "ours");
  await lay(theirs, "theirs");
}, 900_000);

afterAll(async () => {
  await project.removeImages("localhost/slipway-bases-test/");
  project.remove();
});

test.each([
  ["packages, in the same versions", "dpkg-query -W -f '${Package} ${Version} ${Architecture} ${db:Status-Abbrev}\\n'"],
  ["of these asked for by name", "apt-mark showmanual"],
  ["settings of apt and dpkg", "find /etc/apt /etc/dpkg -type f ! -name '*.sources' ! -name sources.list"],
])("both bases give the same %s", async (what, script) => {
  const [one, other] = [await inside("ours", script), await inside("theirs", script)];
  expect(one.length).toBeGreaterThan(what.startsWith("settings") ? 3 : 20);
  expect(other.filter((line) => !one.includes(line))).toEqual([]);
  expect(one.filter((line) => !other.includes(line))).toEqual([]);
});
