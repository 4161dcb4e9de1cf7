// needs: debian
// unshared: podman does not mount so many layers over two stores
// reaches: build flavors/ overlays/ containerfiles/ tests/stand-in/
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { parseDocument, type YAMLSeq } from "yaml";
import { type Flavor, lineage } from "../../lib/family/family.ts";
import { displayManagers } from "../../lib/family/rules.ts";
import { allTargets } from "../../lib/family/target.ts";
import { pacmanGroups, sameVersion } from "../stand-in/catalogue.ts";
import { type StandIn, settings, startStandIn } from "../stand-in/stand-in.ts";
import { BuiltImage } from "../support/built-image.ts";
import { installedNames } from "../support/machine-program.ts";
import { Project, testStorage } from "../support/sandbox.ts";
import { family } from "../support/small-family.ts";

// This file is about GuaraOS: all its targets on CachyOS, whatever they are, built from their real Containerfiles on a
// stand-in for CachyOS, and then opened.

const project = new Project();
const guaraos = family(project.root);

/** Arch and flavor of every target that is made with pacman, a base before the flavors that are based on it. */
const every = allTargets(guaraos)
  .filter(({ arch }) => arch.base && !("debian" in arch.base))
  .map(({ arch, flavor }): [string, string] => [arch.name, flavor.name]);

/** Each flavor is built for one arch, its first. For the others it differs only in the base image and the repositories (a test says so). */
const targets = every.filter(([, flavor], i) => every.findIndex(([, name]) => name === flavor) === i);

let standIn: StandIn;
const images = new Map<string, BuiltImage>();

const reference = (arch: string, flavor: string) => `ghcr.io/guara92/guaraos-${flavor}:${arch}`;
const flavorFile = (name: string) => join(project.root, "flavors", `${name}.yaml`);

function flavorNamed(name: string): Flavor {
  const found = guaraos.flavors.get(name);
  if (!found) throw new Error(`there is no flavor ${name}`);
  return found;
}

/** Files of an image that tests look into. */
const looked = [
  ...["/etc/pacman.conf", "/etc/passwd", "/etc/group", "/etc/locale.conf", "/usr/lib/locale/locale-archive"],
  ...["/usr/lib/bootc/kargs.d/*", "/usr/lib/sysctl.d/90-guaraos-*", "/usr/lib/tmpfiles.d/slipway-var.conf"],
  ...sameVersion.map((name) => `/usr/share/stand-in/packages/${name}`),
  ...["/usr/lib/slipway/groups.json", "/usr/lib/modules/*/initramfs.img"],
  ...["/usr/share/gnome-shell/extensions/*/metadata.json", "/usr/share/glib-2.0/schemas/gschemas.compiled"],
];

// --force: this machine's CPU is not asked whether it could run the image.
const build = (...args: string[]) => project.slipway("build", ...args, "--yes", "--force", "--json");

function image(arch: string, flavor: string): BuiltImage {
  const found = images.get(reference(arch, flavor));
  if (!found) throw new Error(`${reference(arch, flavor)} was not built`);
  return found;
}

beforeAll(async () => {
  Object.assign(process.env, testStorage());
  // An image of an earlier run would say that it was refreshed; its layers stay, as podman's cache.
  for (const [arch, flavor] of targets) await project.podman("untag", reference(arch, flavor));
  standIn = await startStandIn(project.root, project.env);
  Object.assign(project.env, settings(standIn.buildArgs));
  project.write("containerfiles/pins", `aur:autofs ${await standIn.recipe("autofs")} 2026-01-01\n`);
  for (const [arch, all] of Map.groupBy(targets, ([one]) => one)) {
    const { code, stderr } = await build(arch, ...all.map(([, flavor]) => flavor));
    if (code !== 0) throw new Error(stderr);
  }
  for (const [arch, flavor] of targets) {
    const name = reference(arch, flavor);
    images.set(name, await BuiltImage.open(project, name, looked));
  }
}, targets.length * 900_000);

afterAll(async () => {
  await standIn?.stop();
  project.remove();
});

test("everything that a build asks the outside for is answered", () => {
  expect(standIn.missed).toEqual([]);
});

test("for another arch a flavor differs only in the base image and the repositories", async () => {
  const lines = async (arch: string, flavor: string) => {
    const { code, stdout } = await project.slipway("build", arch, flavor, "--print");
    expect(code).toBe(0);
    // the digest of a mounted stage counts the base image too
    const all = stdout.replaceAll(/consistency=sha256:\w+/g, "consistency=…").split("\n");
    const own = all.filter((line) => /^ARG BASE=|\/arch-setup\b/.test(line));
    return { own, rest: all.filter((line) => !own.includes(line)) };
  };
  const others = every.filter((one) => !targets.includes(one));
  expect(others.length).toBeGreaterThan(0);
  for (const [arch, flavor] of others) {
    const first = await lines(targets.find(([, name]) => name === flavor)?.[0] ?? "", flavor);
    const other = await lines(arch, flavor);
    expect(other.rest).toEqual(first.rest);
    expect(other.own[0]).not.toEqual(first.own[0]);
    const repos = guaraos.arches.get(arch)?.repos ?? [];
    for (const line of other.own.filter((one) => one.includes("arch-setup")))
      expect(line.split(" ").slice(2)).toEqual(repos);
  }
}, 300_000);

describe.each(targets)("%s %s", (arch, name) => {
  const flavor = flavorNamed(name);
  /** The flavor and what it is based on, the base first. */
  const flavors = lineage(flavor).reverse();
  const all = <T>(pick: (flavor: Flavor) => T[]) => flavors.flatMap(pick);
  /** The group that brings a package, of this flavor or of one below it. */
  const groupWith = (wanted: string) =>
    all((one) => Object.entries(one.groups)).find(([, { packages }]) => packages.includes(wanted))?.[0];
  const here = () => image(arch, name);

  test("its units are on, and the others' are not", () => {
    const { units } = here();
    const states = all((one) => one.units.enable).map((unit) => [unit, units.get(unit)]);
    expect(states).toEqual(states.map(([unit]) => [unit, "enabled"]));
    const off = all((one) => [...one.units.disable, ...one.units.mask]);
    expect(off.filter((unit) => units.get(unit) === "enabled")).toEqual([]);
  });

  test("there is one display manager, or none on the base", () => {
    const known = displayManagers.map((one) => `${one}.service`);
    const wanted = all((one) => (one.displayManager ? [`${one.displayManager}.service`] : []));
    expect(known.filter((unit) => here().units.has(unit))).toEqual(wanted);
    const link = here().tree.get("/etc/systemd/system/display-manager.service")?.link;
    expect(link).toBe(wanted.map((unit) => `/usr/lib/systemd/system/${unit}`)[0]);
  });

  test("people's commands are names of one program, for everybody to run", () => {
    const { tree } = here();
    expect(tree.get("/usr/libexec/guaraos/program")).toMatchObject({ type: "f", mode: 0o755 });
    const links = installedNames.map((command) => tree.get(`/usr/bin/${command}`)?.link);
    expect(links).toEqual(installedNames.map(() => "../libexec/guaraos/program"));
  });

  test("kernel arguments and sysctls are those of the manifest", () => {
    const kargs = "/usr/lib/bootc/kargs.d/90-guaraos-optimizations.toml";
    const withSysctls = flavors.filter(({ sysctl }) => Object.keys(sysctl).length > 0);
    expect((Bun.TOML.parse(here().read(kargs)) as { kargs: string[] }).kargs).toEqual(flavors[0]?.kargs ?? []);
    for (const one of withSysctls) {
      const lines = Object.entries(one.sysctl).map(([key, value]) => `${key} = ${value}`);
      expect(here().read(`/usr/lib/sysctl.d/90-guaraos-${one.name}.conf`).trim().split("\n")).toEqual(lines);
    }
  });

  test("programs of the suid list have the bit, and modes are as written", () => {
    const { tree } = here();
    const there = all((one) => one.suid).filter((path) => tree.get(path)?.type === "f");
    expect(there).toEqual(
      expect.arrayContaining(["/usr/bin/sudo", "/usr/bin/pkexec", "/usr/bin/su", "/usr/bin/fusermount3"]),
    );
    expect(there.filter((path) => ((tree.get(path)?.mode ?? 0) & 0o4000) === 0)).toEqual([]);
    for (const [path, mode] of all((one) => Object.entries(one.modes))) {
      expect([path, tree.get(path)?.mode.toString(8).padStart(4, "0")]).toEqual([path, mode]);
    }
  });

  test("labels say what it is", () => {
    const labels = here().inspected.Labels;
    expect(labels).toMatchObject({
      "containers.bootc": "1",
      "org.opencontainers.image.base.name": flavor.from
        ? reference(arch, flavor.from.name)
        : `docker.io/cachyos/cachyos-${arch === "v3" ? "v3" : "v4"}:latest`,
    });
    expect(labels["org.opencontainers.image.title"]).toContain("GuaraOS");
    for (const key of ["description", "documentation", "url", "vendor"])
      expect([key, labels[`org.opencontainers.image.${key}`]]).toEqual([key, expect.stringMatching(/\S/)]);
    expect(labels["org.opencontainers.image.version"]).toStartWith(`${arch}-`);
  });

  test("the files of its overlays are in it, with their modes", () => {
    const { hashes, tree } = here();
    for (const one of flavors) {
      const folder = join(project.root, "overlays", one.name);
      if (!existsSync(folder)) continue;
      for (const path of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
        const stat = statSync(join(folder, path));
        if (!stat.isFile()) continue;
        const hash = new Bun.CryptoHasher("sha256").update(readFileSync(join(folder, path))).digest("hex");
        expect([path, hashes.get(`/${path}`)]).toEqual([path, hash]);
        const mode = stat.mode & 0o100 ? 0o755 : 0o644;
        expect([path, (tree.get(`/${path}`)?.mode ?? 0) & 0o777]).toEqual([path, mode]);
      }
    }
    expect(tree.get("/etc/pki/containers/guaraos.pub")?.type).toBe("f");
    expect(tree.get("/etc/containers/policy.json")?.type).toBe("f");
    // by sysusers.d, so that a machine gets it too whose /etc is older
    expect(here().read("/etc/group")).toMatch(/^sambashare:/m);
  });

  test("it is laid out as bootc wants it", () => {
    const { tree } = here();
    const below = (folder: string) => [...tree.keys()].filter((path) => path.startsWith(`${folder}/`));
    expect(tree.has("/usr/etc")).toBe(false);
    expect(below("/opt")).toEqual([]);
    expect(below("/var")).toEqual([]);
    expect(below("/boot")).toEqual([]);
    for (const [path, link] of [
      ["/home", "var/home"],
      ["/root", "var/roothome"],
      ["/srv", "var/srv"],
      ["/mnt", "var/mnt"],
      ["/usr/local", "../var/usrlocal"],
      ["/ostree", "sysroot/ostree"],
    ] as const) {
      expect([path, tree.get(path)?.link]).toEqual([path, link]);
    }
    expect(tree.get("/sysroot")?.mode).toBe(0o755);
    expect(tree.has("/usr/libexec/slipway")).toBe(false);
  });

  test("what packages put below /usr/etc, /opt and /var is where a machine finds it", () => {
    const { tree } = here();
    expect(tree.has("/etc/stand-in/settings.conf")).toBe(true);
    expect(tree.has("/etc/stand-in/cosmic.conf")).toBe(groupWith("cosmic-settings") !== undefined);
    expect(tree.get("/usr/lib/opt/warp/bin/warp-cli")?.mode).toBe(0o755);
    expect(tree.has("/usr/lib/opt/hellfire-browser-bin/hellfire-browser-bin")).toBe(true);
    expect(tree.has("/usr/lib/opt/plasma/data")).toBe(groupWith("plasma-desktop") !== undefined);
    const conf = "/usr/lib/tmpfiles.d/slipway-var.conf";
    expect(here().read(conf)).toContain("d /var/lib/libvirt/images 0755 root root");
  });

  test("groups.json has every group, in order, and what came along", () => {
    const path = "/usr/lib/slipway/groups.json";
    type Recorded = { name: string; interval: string; packages: string[]; also: string[] };
    const { groups } = JSON.parse(here().read(path)) as { groups: Recorded[] };
    const expected = flavors.flatMap((one) => [
      ...Object.entries(one.groups).map(([group, { interval, packages, replace }]) => ({
        name: group,
        interval,
        packages: [...Object.values(replace), ...packages],
      })),
      ...(one.aur ? [{ name: "aur", interval: one.aur.interval, packages: one.aur.packages }] : []),
    ]);
    expect(groups.map(({ also: _, ...rest }) => rest)).toEqual(expected);
    const also = (group: string) => groups.find((one) => one.name === group)?.also;
    expect(also("schedulers")).toEqual(["scx-loader"]);
    expect(also("desktop-integration")).toEqual(expect.arrayContaining(["mesa", "lib32-mesa"]));
    expect(also("aur")).toContain("scopebuddy-data");
    if (name === "gnome") expect(also("gnome-core")).toEqual(["geoclue", "gnome-calendar", "gnome-clocks"]);
    const installed = here().packages;
    const absent = expected
      .flatMap(({ packages }) => packages)
      .filter((one) => !installed.has(one) && !pacmanGroups.has(one));
    expect(absent).toEqual([]);
  });

  test("only files that no package owns are tagged", () => {
    const { tags, owned } = here();
    const moved = (path: string) => path.replace(/^\/usr\/lib\/opt\//, "/opt/");
    expect([...tags.keys()].filter((path) => owned.has(path) || owned.has(moved(path)))).toEqual([]);
    expect(tags.get("/usr/share/fonts/ms/fonts.dir")).toBe("fonts");
    expect(tags.get("/usr/share/fonts/ms/arial.ttf")).toBeUndefined();
    expect(tags.get("/usr/lib/opt/warp/share/data")).toBeUndefined();
    expect(tags.get("/usr/share/gnome-shell-made")).toBe(groupWith("gnome-shell"));
  });

  test("mesa goes in two steps, its successors come alone, then the other graphics packages", () => {
    const { log } = here();
    const steps = log
      .filter((line) => /^\[PACMAN\] Running .*mesa/.test(line))
      .map((line) => line.replace(/.*never (--disable-sandbox )?|'$/g, ""));
    const { packages = [] } = flavorNamed("base").groups["graphics-drivers"] ?? {};
    expect(steps.slice(0, 4)).toEqual([
      "-Rdd -- mesa",
      "-Rdd -- lib32-mesa",
      "-S --needed -- mesa-git lib32-mesa-git",
      `-S --needed -- ${packages.join(" ")}`,
    ]);
    expect(here().packages.has("mesa")).toBe(false);
  });

  test("the initramfs is made once and no hook made another; lint comes last", () => {
    const { calls, inspected, tree } = here();
    const version = "/usr/lib/modules/6.18.1-1-cachyos";
    const made = calls.filter((call) => call.startsWith("dracut"));
    expect(made).toHaveLength(flavors.length);
    expect(calls.filter((call) => call.includes("-hook"))).toEqual([]);
    expect(tree.has(`${version}/vmlinuz`)).toBe(true);
    expect(tree.has("/usr/lib/modules/6.17.9-1-cachyos")).toBe(false);
    const initramfs = here().read(`${version}/initramfs.img`);
    for (const word of [
      "systemdsystemconfdir=/",
      "systemdsystemunitdir=/",
      "ostree bootc",
      "virtio_blk",
      "nvme composefs",
      "zstd",
      "--no-hostonly",
      "--reproducible",
    ]) {
      expect(initramfs).toContain(word);
    }
    expect(calls.at(-1)).toBe("bootc container lint");
    const steps = inspected.History.map((step) => step.created_by ?? "").filter((step) => !/\bLABEL\b/.test(step));
    expect(steps.at(-1)).toContain("bootc container lint");
  });

  test("pristine copies, English, no documentation", () => {
    const { hashes, tree } = here();
    const pristine = "/usr/share/guaraos/pristine";
    const pam = [...hashes.keys()].filter((path) => path.startsWith("/etc/pam.d/"));
    expect(pam.length).toBeGreaterThan(2);
    for (const path of [...pam, "/etc/nsswitch.conf"])
      expect([path, hashes.get(pristine + path)]).toEqual([path, hashes.get(path)]);
    expect(here().read("/etc/locale.conf")).toContain("LANG=en_US.UTF-8");
    expect(here().read("/usr/lib/locale/locale-archive")).toBe("en_US.UTF-8 UTF-8\n");
    expect(tree.has("/usr/share/man/man1/intro.1")).toBe(true);
    expect(tree.has("/usr/share/locale/en_GB/LC_MESSAGES/man.mo")).toBe(true);
    for (const path of ["/usr/share/man/de", "/usr/share/doc/man-pages/README", "/usr/share/locale/de"]) {
      expect([path, tree.has(path)]).toEqual([path, false]);
    }
  });

  test("pacman's state is in /usr, its repositories in order, its keys trusted", () => {
    const { tree, packages, calls } = here();
    expect(tree.has("/usr/lib/sysimage/lib/pacman/local")).toBe(true);
    expect(tree.has("/usr/lib/sysimage/lib/pacman/sync")).toBe(false);
    const conf = here().read("/etc/pacman.conf");
    expect(conf).not.toMatch(/^[^#\n]*=\s*\/var\//m);
    const repositories = [...conf.matchAll(/^\[(.*)\]$/gm)].map((match) => match[1]);
    const level = arch === "v3" ? "v3" : "v4";
    expect(repositories).toEqual([
      "options",
      ...(arch === "znver4" ? ["cachyos-znver4", "cachyos-core-znver4", "cachyos-extra-znver4"] : []),
      ...[`cachyos-${level}`, `cachyos-core-${level}`, `cachyos-extra-${level}`],
      ...["cachyos", "core", "extra", "multilib", "chaotic-aur"],
    ]);
    expect(conf).not.toContain("DownloadUser");
    // the folder of the base's image, with its secret key, is not what is trusted
    expect(calls).toContain("pacman-key --populate");
    expect(tree.has("/etc/pacman.d/gnupg/trustdb.gpg")).toBe(false);
    expect(tree.has("/etc/pacman.d/gnupg/private-keys-v1.d")).toBe(false);
    // of the very same version, and all the same the arch's own build
    for (const one of sameVersion) {
      const text = here().read(`/usr/share/stand-in/packages/${one}`);
      expect(text).toBe(arch === "znver4" ? `${one} for zen 4\n` : `${one}\n`);
    }
    expect(packages.get("linux-cachyos")).toBe(arch === "znver4" ? "6.18.1-1.1" : "6.18.1-1");
    for (const key of [
      "882DCFE48E2051D48E2562ABF3B607488DB35A47",
      "5DE6BF3EBC86402E7A5C5D241FA48C960F9604CB",
      "EF925EA60F33D0CB85C44AD13056513887B78AEB",
    ]) {
      expect(calls.filter((call) => call.startsWith("pacman-key --recv-keys") && call.includes(key))).toHaveLength(1);
      expect(calls).toContain(`pacman-key --lsign-key ${key}`);
    }
    for (const hook of ["90-mkinitcpio-install.hook", "90-dracut-install.hook"]) {
      expect(tree.get(`/etc/pacman.d/hooks/${hook}`)?.link).toBe("/dev/null");
    }
  });

  test("packages of the AUR and Homebrew are in it, their builder and compilers' leftovers are not", () => {
    const { packages, dependencies, tree, units } = here();
    for (const one of flavorNamed("base").aur?.packages ?? []) expect([one, packages.get(one)]).toEqual([one, "2.0-1"]);
    expect(dependencies.has("scopebuddy-data")).toBe(true);
    expect(packages.has("scopebuddy-tools")).toBe(false);
    expect(packages.has("docker-credential-pass-bin")).toBe(false);
    expect(tree.has("/aur")).toBe(false);
    expect(here().read("/etc/passwd")).not.toContain("slipway-build");
    expect(tree.has("/usr/share/homebrew.tar.zst")).toBe(true);
    expect(units.get("brew-setup.service")).toBe("enabled");
  });
});

test("gnome: extensions are built from their sources for its version, schemas compiled once and last", () => {
  const gnome = image("znver4", "gnome");
  const extensions = "/usr/share/gnome-shell/extensions";
  const metadata = (uuid: string) => `${extensions}/${uuid}/metadata.json`;
  const compiled = "/usr/share/glib-2.0/schemas/gschemas.compiled";
  const about = (uuid: string) => JSON.parse(gnome.read(metadata(uuid))) as { "shell-version": string[] };
  expect(about("pop-shell@system76.com")["shell-version"]).toEqual([
    "40",
    "41",
    "42",
    "43",
    "44",
    "45",
    "46",
    "47",
    "48",
    "49",
    "50",
  ]);
  expect(gnome.tree.has(`${extensions}/pop-shell@system76.com/extension.js`)).toBe(true);
  expect(gnome.tree.has("/usr/lib/pop-shell/scripts/configure.sh")).toBe(true);
  expect(about("blur-my-shell@aunetx")["shell-version"]).toEqual(["49", "50"]);
  expect(gnome.packages.has("typescript")).toBe(false);
  for (const schema of [
    "zz_guaraos-gnome-defaults.gschema.override",
    "org.gnome.shell.extensions.pop-shell.gschema.xml",
  ]) {
    expect(gnome.read(compiled)).toContain(schema);
  }
  const calls = gnome.calls.filter((call) => call === "glib-compile-schemas /usr/share/glib-2.0/schemas");
  expect(calls).toHaveLength(1);
});

/** What a build did, step by step, by its log: from the cache or anew. */
function steps(arch: string, flavor: string): { cached: string[]; made: string[] } {
  const log = readFileSync(
    join(project.root, ".slipway/logs", `ghcr.io_guara92_guaraos-${flavor}_${arch}.log`),
    "utf8",
  );
  const last = log.split(/^\[1\/\d+\] STEP 1\//m).at(-1) ?? "";
  const result = { cached: [] as string[], made: [] as string[] };
  for (const part of last.split(/^(?=\[\d+\/\d+\] STEP )/m)) {
    const what = /^\[\d+\/\d+\] STEP \d+\/\d+: (.*)/.exec(part)?.[1];
    if (what && /^(RUN|COPY)/.test(what)) result[part.includes("\n--> Using cache") ? "cached" : "made"].push(what);
  }
  return result;
}

/** Writes the flavor with another list of packages for one group; gives back what undoes it. */
async function regroup(
  name: string,
  group: string,
  change: (packages: string[]) => string[],
): Promise<() => Promise<number>> {
  const old = readFileSync(flavorFile(name), "utf8");
  const document = parseDocument(old);
  const path = ["groups", group, "packages"];
  document.setIn(path, change((document.getIn(path) as YAMLSeq).toJSON() as string[]));
  await Bun.write(flavorFile(name), document.toString());
  return () => Bun.write(flavorFile(name), old);
}

test("a package less in one group: that group's layer and what follows are made anew, nothing before", async () => {
  const before = image("znver4", "base").inspected;
  const groups = Object.keys(flavorNamed("base").groups);
  // In an order that no earlier run had: podman's cache outlives a run.
  const undo = await regroup("base", "language-servers", (packages) =>
    packages.filter((one) => one !== "bash-language-server").sort(() => Math.random() - 0.5),
  );
  const { code, stderr } = await build("znver4", "base");
  await undo();
  expect([code, stderr]).toEqual([0, expect.anything()]);

  const { cached, made } = steps("znver4", "base");
  const named = (list: string[]) => list.flatMap((step) => /slipway\/group (\S+)/.exec(step)?.[1] ?? []);
  const at = groups.indexOf("language-servers");
  expect(named(cached)).toEqual(groups.slice(0, at));
  expect(named(made)).toEqual([...groups.slice(at), "aur"]);
  expect(made.filter((step) => step.includes("aur-build"))).toEqual([]);
  expect(made[0]).toContain("group language-servers");

  const { packages, inspected: after } = await BuiltImage.open(project, reference("znver4", "base"));
  expect(packages.has("bash-language-server")).toBe(false);
  const layered = after.History.filter((step) => !step.empty_layer).map((step) => step.created_by ?? "");
  const changed = layered.findIndex((step) => step.includes("group language-servers"));
  expect(changed).toBeGreaterThan(at);
  expect(after.RootFS.Layers.slice(0, changed)).toEqual(before.RootFS.Layers.slice(0, changed));
  expect(after.RootFS.Layers[changed]).not.toBe(before.RootFS.Layers[changed]);
}, 1_200_000);

test("a package that does not exist: group, package and pacman's words, and the tag stays where it was", async () => {
  const id = async () =>
    (await project.podman("image", "inspect", "--format", "{{.Id}}", reference("znver4", "cosmic"))).stdout;
  const containers = async () => {
    const { stdout } = await project.podman("ps", "--all", "--external", "--format", "{{.Names}}");
    return stdout.split("\n").filter((name) => name.startsWith("guaraos-"));
  };
  const before = await id();
  const undo = await regroup("cosmic", "cosmic-apps", (packages) => [...packages, "cosmic-nonsense"]);
  const { code, stderr } = await build("znver4", "cosmic");
  await undo();
  expect(code).toBe(1);
  expect(stderr).toContain("group cosmic-apps: there is no package cosmic-nonsense");
  expect(stderr).toContain("error: target not found: cosmic-nonsense");
  expect(stderr).toContain("ghcr.io_guara92_guaraos-cosmic_znver4.log");
  expect(await id()).toBe(before);
  expect(await containers()).toEqual([]);
}, 1_200_000);

test("newer in the AUR: a refresh builds it anew in a desktop, unless it is pinned, and starts at the upgrade", async () => {
  for (const base of ["oxlint-bin", "autofs"]) await standIn.release(base, "3.0-1");
  await standIn.release("heroic-games-launcher-bin", "3.0-1", true);
  const { code, stderr } = await build("znver4", "cosmic", "--refresh");
  expect([code, stderr]).toEqual([0, expect.anything()]);
  const cosmic = await BuiltImage.open(project, reference("znver4", "cosmic"));
  expect(cosmic.packages.get("oxlint-bin")).toBe("3.0-1");
  expect(cosmic.packages.get("autofs")).toBe("2.0-1");
  // its sources are not what its recipe says: it stays as it was, and the log says how they differ
  expect(cosmic.packages.get("heroic-games-launcher-bin")).toBe("2.0-1");
  const log = readFileSync(join(project.root, ".slipway/logs/ghcr.io_guara92_guaraos-cosmic_znver4.log"), "utf8");
  expect(log).toContain("heroic-games-launcher-bin: program is not what its recipe says");
  expect(log).toContain(`the recipe: sha256sums ${"0".repeat(64)}`);
  expect(log).toContain("heroic-games-launcher-bin could not be built: it stays as it is installed");
  expect(cosmic.packages.has("scopebuddy-tools")).toBe(false);
  const { cached, made } = steps("znver4", "cosmic");
  expect(made[0]).toContain("slipway/upgrade");
  expect(cached.filter((step) => step.includes("slipway/group "))).toHaveLength(2);
}, 1_200_000);
