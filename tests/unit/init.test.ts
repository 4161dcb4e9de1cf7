// reaches: init .github/workflows/build.yml
// `slipway init`: what it finds in a repository, what it writes, and that it overwrites nothing.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { parse } from "yaml";
import { lintContainerfile } from "../../lib/builders/containerfile/lint.ts";
import { checkManifest } from "../../lib/family/check.ts";
import type { Family } from "../../lib/family/family.ts";
import { decideProject, type Given, type NewProject, splitName } from "../../lib/family/init/decide.ts";
import { envName, findWhatIsHere, justName, namesSlipway, plainName } from "../../lib/family/init/find.ts";
import { readRemote, registryOf } from "../../lib/family/init/remote.ts";
import { nextSteps, withIgnored, writeProject } from "../../lib/family/init/write.ts";
import { allTargets } from "../../lib/family/target.ts";
import { checkout, exec } from "../support/sandbox.ts";
import { family as familyOf, put, small } from "../support/small-family.ts";

let root: string;
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), "slipway-init-")));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const nothing: Given = { name: undefined, title: undefined, registry: undefined, arch: undefined, base: undefined };
const key = small["toy.pub"] ?? "";

async function decide(given: Partial<Given> = {}): Promise<NewProject> {
  return decideProject(await findWhatIsHere(root), { ...nothing, ...given }, true);
}

/** What lint finds in the recipes of all targets. */
const nothingToSay = (of: Family) => allTargets(of).flatMap((target) => lintContainerfile(target, of));

const read = (name: string) => readFileSync(join(root, name), "utf8");

async function git(...words: string[]): Promise<void> {
  expect((await exec(["git", "-C", root, ...words])).code).toBe(0);
}

describe("the git remote", () => {
  test.each([
    ["https://github.com/Some/My-Image.git", "github.com Some My-Image"],
    ["https://github.com/some/my.image", "github.com some my.image"],
    ["https://name:secret@github.com/some/image/", "github.com some image"],
    ["git@github.com:some/image.git", "github.com some image"],
    ["ssh://git@github.com:22/some/image.git", "github.com some image"],
    ["github.com:some/image", "github.com some image"],
    ["git@gitlab.com:group/team/image.git", "gitlab.com group/team image"],
  ])("%s", (address, said) => {
    const remote = readRemote(address);
    expect(`${remote?.host} ${remote?.owner} ${remote?.repository}`).toBe(said);
  });

  test.each([
    ["/srv/git/image.git"],
    ["file:///srv/git/image.git"],
    ["../image"],
    ["https://github.com/image"],
    ["https://github.com/some/../../etc"],
    ["https://github.com/so me/image"],
    ["https://github.com/some/image\nevil"],
    [""],
    [`https://github.com/${"a/".repeat(600)}x`],
  ])("%j names no repository", (address) => {
    expect(readRemote(address)).toBeUndefined();
  });

  test.each([
    ["git@github.com:Some/Image.git", "ghcr.io/some"],
    ["https://gitlab.com/Group/team/image", "registry.gitlab.com/group/team/image"],
    ["https://codeberg.org/some/image", "codeberg.org/some"],
    ["https://git.example.org/some/image", undefined],
  ])("%s publishes in %s", (address, registry) => {
    expect(registryOf(readRemote(address))).toBe(registry as string);
  });

  test("origin comes before others; without a repository or a remote there is none", async () => {
    expect((await findWhatIsHere(root)).remote).toBeUndefined();
    await git("init", "-q");
    expect((await findWhatIsHere(root)).remote).toBeUndefined();
    await git("remote", "add", "fork", "git@github.com:other/fork.git");
    expect((await findWhatIsHere(root)).remote?.owner).toBe("other");
    await git("remote", "add", "origin", "git@github.com:some/image.git");
    expect((await findWhatIsHere(root)).remote?.owner).toBe("some");
  });
});

describe("the name of an image", () => {
  test.each([
    ['export image_name := env("IMAGE_NAME", "my-os") # output', "my-os"],
    ["image_name := env('IMAGE_NAME', 'my-os')", "my-os"],
    ['export image_name := env_var_or_default("IMAGE_NAME", "my-os")', "my-os"],
    ['export repo := "x"\nexport image_name := "my-os"\n', "my-os"],
    ['build $target_image=image_name:\n  echo "x"', undefined],
    ['export image_name := env("IMAGE_NAME")', undefined],
  ])("of a Justfile: %j", (text, name) => {
    expect(justName(text)).toBe(name as string);
  });

  test.each([
    ["# x\nIMAGE_NAME=my-os\n", "my-os"],
    ['IMAGE_NAME="my-os"', "my-os"],
    ["OTHER_IMAGE_NAME=x", undefined],
  ])("of image-template.env: %j", (text, name) => {
    expect(envName(text)).toBe(name as string);
  });

  test.each([
    ["My_Image.OS", "my-image-os"],
    ["--x--", "x"],
    ["Ünï", "n"],
    ["\u0000$(rm)", "rm"],
    ["!", ""],
  ])("as a plain name: %j", (text, name) => {
    expect(plainName(text)).toBe(name);
  });

  test.each([
    ["my-image", "my", "image"],
    ["my-own-image", "my-own", "image"],
    ["bluefin", "bluefin", "main"],
    ["my-all", "my-all", "main"],
    ["my-amd64", "my-amd64", "main"],
  ])("%s is flavor %s-%s, and keeps its name where it has two words", (name, prefix, flavor) => {
    expect(splitName(name, "amd64")).toEqual({ prefix, flavor });
  });

  test("what the template says before it got a name does not count", async () => {
    put(root, "Justfile", 'export image_name := env("IMAGE_NAME", "image-template")\n');
    await git("init", "-q");
    await git("remote", "add", "origin", "https://github.com/some/Real-Name");
    expect((await findWhatIsHere(root)).name).toBe("real-name");
    put(root, "Justfile", 'export image_name := env("IMAGE_NAME", "given-os")\n');
    expect((await findWhatIsHere(root)).name).toBe("given-os");
  });
});

/** A repository in the form of image-template. */
function template(): void {
  put(root, "Containerfile", "FROM scratch AS ctx\nCOPY build_files /\nFROM x\nRUN bootc container lint\n");
  put(root, "build_files/build.sh", "#!/bin/bash\n");
  put(root, "disk_config/disk.toml", "\n");
  put(root, "cosign.pub", key);
  put(root, "Justfile", 'export image_name := env("IMAGE_NAME", "my-os")\n');
  put(root, ".gitignore", "cosign.key\n_build*");
  put(root, ".github/workflows/build.yml", "name: theirs\n");
}

describe("in an empty folder", () => {
  test("makes a good project of one Debian flavor", async () => {
    const project = await decide({ name: "web-server", title: 'Web: "main" #1', registry: "registry.test/me" });
    expect(writeProject(root, project, false)).toEqual({
      files: [
        ...["flavors/family.yaml", "flavors/server.yaml", ".containerignore", ".github/workflows/slipway.yml"],
        ".gitignore",
      ],
      kept: [],
      notes: [],
    });
    put(root, "web-server.pub", key);
    const { head, flavors } = checkManifest(root);
    expect(head).toMatchObject({ prefix: "web", registry: "registry.test/me", title: 'Web: "main" #1' });
    expect(flavors.server).toMatchObject({ recipe: "debian", arches: ["amd64"], title: 'Web: "main" #1' });
    expect(nextSteps(project)).toEqual([
      "bun run keys    (it makes web-server.pub)",
      "bun add -d ./slipway-VERSION.tgz    (commit it too: the workflow runs the one of package.json)",
      "bun run lint",
      "bun run build amd64 server",
    ]);
  });

  test("makes one that starts from a bootc image of Fedora's kind", async () => {
    const project = await decide({ name: "web-server", base: "quay.io/fedora/fedora-bootc:43" });
    writeProject(root, project, false);
    put(root, "web-server.pub", key);
    const of = familyOf(root);
    expect(of.arches.get("amd64")?.base).toEqual({ image: "quay.io/fedora/fedora-bootc:43" });
    expect(of.flavors.get("server")).toMatchObject({ recipe: "fedora", bootc: true });
    expect(nothingToSay(of)).toEqual([]);
  });

  test("takes names from the folder, and a registry that is no real one", async () => {
    const project = await decide();
    expect(project.name).toBe(plainName(basename(root)));
    expect(project.registry).toBe(`localhost/${project.name}`);
    expect(nextSteps(project)[0]).toBe("name your registry in flavors/family.yaml");
    writeProject(root, project, false);
    put(root, project.key, key);
    expect(() => checkManifest(root)).not.toThrow();
  });

  test.each(["243757", "1e10", "0x1f", "true", "null"])("takes %s, which YAML reads as no text", async (flavor) => {
    const project = await decide({ name: `8-${flavor}`, arch: "7" });
    writeProject(root, project, false);
    put(root, project.key, key);
    const { head, flavors } = checkManifest(root);
    expect(head).toMatchObject({ name: `8-${flavor}`, prefix: "8", default: { arch: "7", flavor } });
    expect(flavors[flavor]).toMatchObject({ arches: ["7"] });
  });

  test.each([
    [{ name: "Bad Name" }, "--name `Bad Name` is not a name"],
    [{ name: "a--b" }, "--name `a--b` is not a name"],
    [{ title: "a\nb" }, "is not one line"],
    [{ registry: "https://ghcr.io/x" }, "--registry `https://ghcr.io/x` is not a registry"],
    [{ registry: "ghcr.io/x\nkey: y" }, "is not a registry"],
    [{ arch: "AMD" }, "--arch `AMD` is not a name"],
    [{ base: "NOT AN IMAGE" }, "--base `NOT AN IMAGE` is not an image reference"],
    [
      { base: "docker.io/library/archlinux" },
      "--base `docker.io/library/archlinux` is not a base that a recipe can build on",
    ],
  ])("refuses %j", async (given, words) => {
    expect(decide(given)).rejects.toThrow(words);
  });

  test("a dry run writes nothing, and says the same", async () => {
    const project = await decide();
    const dry = writeProject(root, project, true);
    expect(readdirSync(root)).toEqual([]);
    expect(writeProject(root, project, false)).toEqual(dry);
  });
});

describe("in a repository of image-template", () => {
  test("names its Containerfile, key, image and secret, and leaves all files as they are", async () => {
    template();
    const before = ["Containerfile", "cosign.pub", "Justfile", ".github/workflows/build.yml"].map(read);
    const project = await decide({ registry: "ghcr.io/me" });
    expect(project).toMatchObject({ name: "my-os", prefix: "my", flavor: "os", key: "cosign.pub" });
    writeProject(root, project, false);
    expect(["Containerfile", "cosign.pub", "Justfile", ".github/workflows/build.yml"].map(read)).toEqual(before);
    expect(parse(read("flavors/os.yaml"))).toMatchObject({ containerfile: "Containerfile", bootc: true });
    expect(parse(read("flavors/family.yaml"))).toMatchObject({ key: "cosign.pub", arches: { amd64: {} } });
    expect(familyOf(root).flavors.get("os")?.containerfile).toMatchObject({ file: "Containerfile", context: "." });
    const workflow = read(".github/workflows/slipway.yml");
    expect(workflow).toContain("secrets.SIGNING_SECRET }}");
    // npm's package of that name may be anybody's: only the one of the lock file runs, with the key in its environment
    expect(workflow).toContain("bun install --frozen-lockfile --ignore-scripts");
    expect(
      workflow.match(/\S*slipway (?=setup|build|push|sign)/g)?.every((w) => w === "node_modules/.bin/slipway "),
    ).toBe(true);
    expect(read(".gitignore")).toBe("cosign.key\n_build*\n.slipway/\nnode_modules/\n*.key\n");
    expect(nextSteps(project).at(-1)).toStartWith("bun run trust add amd64 os");
  });

  test("a private key by the name of the public one is not taken", async () => {
    put(root, "cosign.pub", key.replaceAll("PUBLIC", "PRIVATE"));
    expect((await findWhatIsHere(root)).key).toBeUndefined();
  });
});

describe("what is there already", () => {
  test("stays: files, a second init is refused", async () => {
    put(root, "flavors/server.yaml", "title: mine\n");
    put(root, ".dockerignore", "*\n");
    put(root, ".gitignore", "/.slipway\n/node_modules/\ncosign.key\n*.key\n");
    const project = await decide({ name: "web-server" });
    const { kept, notes } = writeProject(root, project, false);
    expect(kept).toEqual([".dockerignore", "flavors/server.yaml", ".gitignore"]);
    expect(notes.join()).toContain(
      ".dockerignore: add these lines, if it lacks them: .git node_modules .slipway/* !.slipway/context **/*.key",
    );
    expect(read("flavors/server.yaml")).toBe("title: mine\n");
    expect(existsSync(join(root, ".containerignore"))).toBe(false);
    expect(() => writeProject(root, project, false)).toThrow("a Slipway project already");
  });

  test("is never written through a link", async () => {
    const outside = realpathSync(mkdtempSync(join(tmpdir(), "slipway-outside-")));
    try {
      symlinkSync(join(outside, "ignore"), join(root, ".gitignore"));
      symlinkSync(join(outside, "workflow"), join(root, ".containerignore"));
      const project = await decide({ name: "web-server" });
      const { notes, kept } = writeProject(root, project, false);
      expect([notes.length, kept]).toEqual([2, [".containerignore"]]);
      expect(notes[1]).toStartWith(".gitignore is no regular file");
      rmSync(join(root, "flavors"), { recursive: true });
      symlinkSync(outside, join(root, "flavors"));
      expect(() => writeProject(root, project, false)).toThrow("flavors is a link");
      expect(readdirSync(outside)).toEqual([]);
    } finally {
      rmSync(outside, { recursive: true });
    }
  });

  test.each([
    ["", ".slipway/\nnode_modules/\ncosign.key\n*.key\n"],
    ["x", "x\n.slipway/\nnode_modules/\ncosign.key\n*.key\n"],
    ["*.key\r\n/node_modules\r\n", "*.key\r\n/node_modules\r\n.slipway/\ncosign.key\n"],
  ])("gets the lines that it lacks: %j", (text, wanted) => {
    expect(withIgnored(text)).toBe(wanted);
    expect(withIgnored(wanted)).toBe(wanted);
  });
});

describe("the workflow", () => {
  interface Job {
    permissions: Record<string, string>;
    steps: { uses?: string; run?: string; env?: Record<string, string> }[];
  }
  const workflow = async (registry: string) => {
    writeProject(root, await decide({ name: "web-server", registry }), false);
    return parse(read(".github/workflows/slipway.yml")) as { permissions: object; jobs: Record<string, Job> };
  };

  test("gives the key to its last step only, and a pull request no right to write", async () => {
    const { permissions, jobs } = await workflow("ghcr.io/me");
    expect(permissions).toEqual({});
    expect(jobs.try?.permissions).toEqual({ contents: "read" });
    const steps = Object.values(jobs).flatMap((job) => job.steps);
    const withKey = steps.filter((step) => JSON.stringify(step).includes("COSIGN"));
    expect(withKey).toEqual(jobs.release?.steps.slice(-1) ?? []);
    for (const { run } of steps) expect(run ?? "").not.toContain("${{");
    const commands = jobs.release?.steps.flatMap(({ run = "" }) => /slipway (?!@)\w+ ?.*$/.exec(run)?.[0] ?? []);
    expect(commands).toEqual([
      "slipway setup",
      "slipway build amd64 all",
      "slipway push amd64 all",
      "slipway sign amd64 all",
    ]);
  });

  test("pins the same checkout as Slipway's own", async () => {
    const { jobs } = await workflow("quay.io/me");
    const own = readFileSync(join(checkout, ".github/workflows/build.yml"), "utf8");
    expect(own).toContain(`uses: ${jobs.release?.steps[0]?.uses} # v`);
    expect(jobs.release?.steps.find(({ env }) => env?.ACTOR)?.env?.TOKEN).toContain("secrets.REGISTRY_PASSWORD");
  });

  test("is not written for another forge than GitHub", async () => {
    await git("init", "-q");
    await git("remote", "add", "origin", "https://gitlab.com/some/image");
    const project = await decide();
    expect(project.registry).toBe("registry.gitlab.com/some/image");
    const { files, notes } = writeProject(root, project, false);
    expect(files).not.toContain(".github/workflows/slipway.yml");
    expect(notes).toEqual(["no workflow was written: gitlab.com is not GitHub; its steps are build, push, sign"]);
  });
});

test.each([
  ['{"devDependencies": {"slipway": "file:x.tgz"}}', true],
  ['{"dependencies": {"slipway": "0.1.0"}}', true],
  ['{"devDependencies": {"slipways": "1"}}', false],
  ['{"devDependencies": null}', false],
  ["null", false],
  ["{", false],
])("package.json names Slipway: %s", (text, named) => {
  expect(namesSlipway(text)).toBe(named);
});
