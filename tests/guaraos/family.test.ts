// reaches: disk flavors/ overlays/ containerfiles/ guaraos.pub
// This file is about GuaraOS: its manifest as a whole, whatever flavors there are.
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { expand } from "../../lib/builders/containerfile/expand.ts";
import { lintContainerfile } from "../../lib/builders/containerfile/lint.ts";
import { builtAt } from "../../lib/family/arch.ts";
import { allTargets } from "../../lib/family/target.ts";
import { packingOf } from "../../lib/ship/packing.ts";
import { readPins } from "../../lib/tools/pins.ts";
import { policyJson } from "../../lib/trust/policy.ts";
import { policyHoles } from "../../lib/trust/policy-lint.ts";
import { checkout, exec } from "../support/sandbox.ts";
import { family, target } from "../support/small-family.ts";

const guaraos = () => family(checkout);

test("the manifest has no mistake", () => {
  expect(guaraos).not.toThrow();
});

test("the Containerfiles of all targets are clean, but for what the file of pins says is not pinned yet", () => {
  const of = guaraos();
  const findings = allTargets(of).flatMap((target) => lintContainerfile(target, of));
  expect(findings.filter(({ check }) => check !== "not-pinned")).toEqual([]);
  const open = (readPins(checkout) ?? []).filter(({ pin }) => !pin).map(({ address }) => address);
  expect([...new Set(findings.map(({ message }) => message.split(" ")[0] ?? ""))].sort()).toEqual(open.sort());
});

test("what GNOME's extensions and Homebrew's image are made of is pinned", () => {
  const of = guaraos();
  const args = (flavor: string) => expand(target(of, "znver4", flavor), of).match(/^ARG .*$/gm) ?? [];
  expect(args("gnome").filter((line) => /_REPO=/.test(line))).toEqual([
    expect.stringMatching(/^ARG POP_SHELL_REPO=https:\/\/github\.com\/pop-os\/shell#[0-9a-f]{40}$/),
    expect.stringMatching(/^ARG BLUR_MY_SHELL_REPO=https:\/\/github\.com\/aunetx\/blur-my-shell#[0-9a-f]{40}$/),
  ]);
  expect(args("base")).toContainEqual(
    expect.stringMatching(/^ARG BREW_IMAGE=ghcr\.io\/ublue-os\/brew@sha256:[0-9a-f]{64}$/),
  );
});

test("arches: the best first, what each needs of a CPU, and where its base comes from", () => {
  expect([...guaraos().arches.values()].map(({ name, needs, base }) => [name, needs, base])).toEqual([
    ["znver4", ["avx512_vnni"], { image: "docker.io/cachyos/cachyos-v4" }],
    ["v3", ["avx2"], { image: "docker.io/cachyos/cachyos-v3" }],
    ["amd64", [], { debian: "trixie" }],
  ]);
});

test("each arch is built at a time of its own, and the workflow starts at exactly these", async () => {
  const { on } = parse(readFileSync(join(checkout, ".github/workflows/build.yml"), "utf8"));
  const starts: string[] = on.schedule.map(({ cron }: { cron: string }) => cron);
  const times = [...guaraos().arches.values()].map(({ schedule }) => schedule ?? "");
  expect(times.toSorted()).toEqual(starts.toSorted());
  expect(new Set(times.map((time) => time.split(" ")[1])).size).toBe(times.length);
  const at = async (time: string) => {
    const words = ["--arches", `--schedule=${time}`, "--json"];
    const { stdout } = await exec([process.execPath, join(checkout, "scripts/matrix.ts"), ...words]);
    return JSON.parse(stdout).include.map(({ arch }: { arch: string }) => arch);
  };
  const names = [...guaraos().arches.keys()];
  const [none, ...each] = await Promise.all(["any", ...times].map(at));
  expect([none, ...each.flat()]).toEqual([names, ...names]);
  expect(() => builtAt([...guaraos().arches.values()], "0 0 * * *")).toThrow("no arch is built at `0 0 * * *`");
}, 60_000);

// The options of bootc-install-to-disk(8), 1.16, and which values of ours it knows: install.rs and spec.rs of 1.16.9.
const bootcOptions: Record<string, RegExp> = {
  "--via-loopback": /^$/,
  "--generic-image": /^$/,
  "--skip-fetch-check": /^$/,
  "--composefs-backend": /^$/,
  "--target-imgref": /^=[a-z0-9./-]+:[a-z0-9]+$/,
  "--filesystem": /^=(xfs|ext4|btrfs)$/,
  "--bootloader": /^=(grub|systemd|none)$/,
  "--karg": /^=\S+$/,
};

test("bootc 1.16 takes the words that `disk --dry-run` shows for each flavor, and it needs no bootupd", async () => {
  const targets = allTargets(guaraos()).filter(({ flavor }) => flavor.bootc);
  expect(targets.length).toBeGreaterThan(3);
  const script = join(checkout, "scripts/disk.ts");
  const shown = await Promise.all(
    targets.map(({ arch, flavor }) => exec([process.execPath, script, arch.name, flavor.name, "--dry-run"])),
  );
  for (const [i, { code, stdout }] of shown.entries()) {
    const { reference, flavor } = targets[i] ?? expect.unreachable();
    const [, asked = ""] = / bootc install to-disk (.*) \/slipway\/disk\.raw$/m.exec(stdout) ?? [];
    const words = asked.split(" ");
    const unknown = words.filter((word) => {
      const [name = ""] = word.split("=");
      return !bootcOptions[name]?.test(word.slice(name.length));
    });
    expect([reference, code, unknown]).toEqual([reference, 0, []]);
    expect(words).toEqual(expect.arrayContaining(["--composefs-backend", "--bootloader=systemd"]));
    expect(words).toContain(`--target-imgref=${reference}`);
    expect(packingOf(flavor, guaraos()).compression).toBe("zstd");
  }
}, 120_000);

test("machines take what is signed with the family's key, and nothing else of its namespace", () => {
  const namespace = "ghcr.io/guara92";
  const key = "/etc/pki/containers/guaraos.pub";
  const policy = JSON.parse(JSON.stringify(policyJson(guaraos())));
  expect(policy.transports.docker[namespace]).toEqual([
    { type: "sigstoreSigned", keyPath: key, signedIdentity: { type: "matchRepository" } },
  ]);
  expect(policyHoles(policy, { namespace, keys: [key] })).toEqual([]);
});
