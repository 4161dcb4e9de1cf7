// needs: minimal
// reaches: build flavors/ containerfiles/
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { ensureLocalDebian } from "../../lib/tools/debian-image.ts";
import { Project, type Said, testStorage } from "../support/sandbox.ts";

// A Debian target is based on docker.io's image where a registry answers, and on one made by mmdebstrap where none does. docker.io's is
// made by debootstrap, and carries settings of Docker's; so is the one that is made here in its place.
setDefaultTimeout(600_000);

const ours = "localhost/slipway-debian:trixie";
const theirs = "localhost/slipway-bases-test/debootstrap:trixie";
const ground = "localhost/slipway-bases-test/ground";
const project = new Project();
Object.assign(process.env, testStorage());

async function podman(...words: string[]): Promise<Said> {
  const said = await project.podman(...words);
  if (said.code !== 0) throw new Error(`podman ${words.join(" ")}: ${said.stderr}`);
  return said;
}

const flags = ["--quiet", "--network=host", "--format=oci", "--timestamp=0", "--layers"];

/** Builds a Containerfile in the project. */
async function build(tag: string, text: string, ...more: string[]): Promise<void> {
  project.write("first.Containerfile", text);
  const file = join(project.root, "first.Containerfile");
  await podman("build", ...flags, ...more, "--tag", tag, "--file", file, project.root);
}

/** The recipe of the default flavor up to its first group, which has the most packages. On our base these layers are made already. */
async function firstGroup(): Promise<string> {
  const { stdout } = await project.slipway("build", "amd64", "minimal", "--print");
  const lines = stdout.split("\n");
  let end = lines.findIndex((line) => line.includes("slipway/group "));
  while (lines[end]?.endsWith("\\")) end++;
  return `${lines.slice(0, end + 1).join("\n")}\n`;
}

async function inside(name: string, script: string): Promise<string[]> {
  const { stdout } = await podman("run", "--rm", "--network=none", `${ground}:${name}`, "sh", "-c", script);
  return stdout.trim().split("\n").sort();
}

beforeAll(async () => {
  await project.removeImages("localhost/slipway-bases-test/");
  await ensureLocalDebian("trixie");
  const mirror = process.env.SLIPWAY_DEBIAN_MIRROR ?? "";
  const maker = `FROM ${ours} AS maker
RUN apt-get update -qq && apt-get install -y --no-install-recommends debootstrap
RUN debootstrap --variant=minbase --include=whiptail trixie /made ${mirror}
FROM scratch
COPY --from=maker /made/ /
# as in docker.io's: updates and security too
COPY --from=maker /etc/apt/sources.list /etc/apt/
RUN echo 'APT::Keep-Downloaded-Packages "false";' >/etc/apt/apt.conf.d/docker-clean
RUN echo force-unsafe-io >/etc/dpkg/dpkg.cfg.d/docker-apt-speedup
`;
  await build(theirs, maker, "--cap-add=SYS_ADMIN,MKNOD");
  const recipe = await firstGroup();
  await build(`${ground}:ours`, recipe, `--build-arg=BASE=${ours}`);
  await build(`${ground}:theirs`, recipe, `--build-arg=BASE=${theirs}`);
}, 1_800_000);

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
