/** Repositories that a build clones: the AUR's, with recipes that makepkg really runs, and those of GNOME's extensions. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "../../lib/system/shell.ts";

type Recipe = {
  /** Packages of this base; the base's own name where there is one only. */
  packages?: readonly string[];
  version?: string;
  depends?: readonly string[];
  makedepends?: readonly string[];
  keys?: readonly string[];
  opt?: boolean;
};

/** By base. Those not named here make one package that needs nothing. */
const recipes: Record<string, Recipe> = {
  // Needs another package of the AUR to run, one of the repositories, and one of the AUR only to be built.
  "scopebuddy-git": { depends: ["scopebuddy-data", "jq"], makedepends: ["scopebuddy-tools"] },
  "scopebuddy-data": {},
  "scopebuddy-tools": {},
  autofs: { depends: ["libxml2-stub"], keys: ["CD0A6E3CBB6768800B0736A8E7677380F54FD8A9"] },
  // One base, several packages.
  "docker-credential-helpers-bin": {
    packages: ["docker-credential-pass-bin", "docker-credential-secretservice-bin"],
  },
  "hellfire-browser-bin": { opt: true },
};

/** What a repository must have for these recipes. */
export const neededFromRepositories = ["libxml2-stub"];

/** base → its packages. */
export function aurBases(wanted: readonly string[]): Map<string, readonly string[]> {
  const bases = new Map(Object.entries(recipes).map(([base, { packages }]) => [base, packages ?? [base]] as const));
  const made = new Set([...bases.values()].flat());
  for (const name of wanted) if (!made.has(name)) bases.set(name, [name]);
  return bases;
}

export const firstVersion = "2.0-1";

/** @param stale its sources are not those of the recipe. */
function files(base: string, names: readonly string[], full: string, stale = false): Record<string, string> {
  const { depends = [], makedepends = [], keys = [], opt = false } = recipes[base] ?? {};
  const list = (values: readonly string[]) => `(${values.map((value) => `'${value}'`).join(" ")})`;
  const [version, release] = full.split("-");
  const sum = stale ? "0".repeat(64) : "SKIP";
  const body = (name: string) =>
    [
      '    [ "$(id -un)" = slipway-build ] || [ -n "$FAKEROOTKEY" ]',
      `    install -D -m 0755 "$srcdir/program" "$pkgdir/usr/bin/${name}"`,
      ...(opt ? [`    install -D -m 0644 "$srcdir/program" "$pkgdir/opt/${name}/${name}"`] : []),
    ].join("\n");
  const split = names.length > 1;
  const pkgbuild = [
    ...(split ? [`pkgbase=${base}`] : []),
    `pkgname=${list(names)}`,
    `pkgver=${version}`,
    `pkgrel=${release}`,
    `pkgdesc='stand-in for ${base}'`,
    "arch=('any')",
    "url='http://localhost/'",
    "license=('MIT')",
    `depends=${list(depends)}`,
    `makedepends=${list(makedepends)}`,
    `validpgpkeys=${list(keys)}`,
    "source=('program')",
    `sha256sums=('${sum}')`,
    ...(split ? names.map((name) => `package_${name}() {\n${body(name)}\n}`) : [`package() {\n${body(base)}\n}`]),
    "",
  ].join("\n");
  const line = (key: string, values: readonly string[]) => values.map((value) => `\t${key} = ${value}\n`).join("");
  const srcinfo = [
    `pkgbase = ${base}\n\tpkgver = ${version}\n\tpkgrel = ${release}\n\tarch = any\n`,
    line("source", ["program"]),
    line("sha256sums", [sum]),
    line("makedepends", makedepends),
    line("depends", depends),
    line("validpgpkeys", keys),
    ...names.map((name) => `\npkgname = ${name}\n`),
  ].join("");
  return { PKGBUILD: pkgbuild, ".SRCINFO": srcinfo, program: "#!/bin/sh\n" };
}

/** Like the real one's: transpiles with tsc, and installs below DESTDIR. */
const popShell = {
  "metadata.json": JSON.stringify({ uuid: "pop-shell@system76.com", "shell-version": ["42"] }, null, 2),
  "src/extension.ts": "export {};\n",
  "src/plugins/calc/main.js": "\n",
  "src/scripts/configure.sh": "\n",
  "schemas/org.gnome.shell.extensions.pop-shell.gschema.xml": "<schemalist/>\n",
  Makefile: [
    "DIR = $(DESTDIR)/usr/share/gnome-shell/extensions/pop-shell@system76.com",
    "all:",
    "\tcommand -v tsc",
    "\ttsc",
    "install:",
    "\tmkdir -p $(DIR) $(DESTDIR)/usr/lib/pop-shell",
    "\tcp -r metadata.json schemas target/* $(DIR)/",
    "\tcp -r src/plugins src/scripts $(DESTDIR)/usr/lib/pop-shell/",
    "",
  ].join("\n"),
};

/** Like the real one's: `build` packs a zip as extensions.gnome.org takes it. */
const blurMyShell = {
  "metadata.json": JSON.stringify({ uuid: "blur-my-shell@aunetx", "shell-version": ["49", "50"] }),
  "src/extension.js": "\n",
  "src/schemas/org.gnome.shell.extensions.blur-my-shell.gschema.xml": "<schemalist/>\n",
  Makefile: [
    "build:",
    "\tmkdir -p build",
    "\tcp metadata.json src/",
    "\tbsdtar -a -cf build/blur-my-shell@aunetx.shell-extension.zip -C src .",
    "",
  ].join("\n"),
};

async function repository(path: string, content: Record<string, string>): Promise<void> {
  for (const [name, text] of Object.entries(content)) {
    mkdirSync(join(path, name, ".."), { recursive: true });
    writeFileSync(join(path, name), text);
  }
  const identity = ["-c", "user.name=stand-in", "-c", "user.email=stand-in@localhost", "-c", "init.defaultBranch=main"];
  for (const args of [
    ["init", "--quiet"],
    ["add", "."],
    ["commit", "--quiet", "--message=stand-in"],
  ]) {
    const { code, said } = await run(["git", ...identity, ...args], { cwd: path });
    if (code !== 0) throw new Error(`stand-in: git ${args[0]} in ${path}: ${said}`);
  }
}

/** Makes every repository below a folder, at the paths at which they are asked for. */
export async function repositories(folder: string, aur: readonly string[]): Promise<void> {
  const bases = [...aurBases(aur)];
  await Promise.all([
    ...bases.map(([base, names]) => release(folder, base, names, firstVersion)),
    repository(join(folder, "pop-os/shell.git"), popShell),
    repository(join(folder, "aunetx/blur-my-shell.git"), blurMyShell),
  ]);
}

/** Puts a version of a base into the AUR. @param stale its sources are not those of the recipe */
export async function release(
  folder: string,
  base: string,
  names: readonly string[],
  version: string,
  stale = false,
): Promise<void> {
  await repository(join(folder, `aur/${base}.git`), files(base, names, version, stale));
}

/** The commit that a repository is at. */
export async function head(path: string): Promise<string> {
  return (await run(["git", "rev-parse", "HEAD"], { cwd: path })).stdout.trim();
}
