// reaches: flavors/ overlays/ containerfiles/ guaraos.pub
// What a system must have and must not do, planted in GuaraOS' own files: each rule three times, in different ways.
import { afterAll, describe, expect, test } from "bun:test";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { lintContainerfile } from "../../lib/builders/containerfile/lint.ts";
import { checkManifest } from "../../lib/family/check.ts";
import { ManifestFailure } from "../../lib/family/mistakes.ts";
import { checkout } from "../support/sandbox.ts";
import { family, target } from "../support/small-family.ts";

const roots: string[] = [];
afterAll(() => {
  for (const root of roots) rmSync(root, { recursive: true, force: true });
});

/** A copy of GuaraOS' files. */
function copy(): string {
  const root = mkdtempSync(join(tmpdir(), "slipway-required-"));
  roots.push(root);
  for (const name of ["flavors", "overlays", "containerfiles", "guaraos.pub"])
    cpSync(join(checkout, name), join(root, name), { recursive: true });
  return root;
}

/** A change of a file: a text for another, or with no `from`, a new file. Without `to` the file goes. */
type Plant = [file: string, from: string, to?: string];

function plant(root: string, [file, from, to]: Plant): void {
  const path = join(root, file);
  if (to === undefined) rmSync(path);
  else if (from === "") {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, to);
  } else {
    const text = readFileSync(path, "utf8");
    if (!text.includes(from)) throw new Error(`${file} has no ${from}`);
    writeFileSync(path, text.replace(from, to));
  }
}

const base = "flavors/base.yaml";
const game = "flavors/gamestation.yaml";
const libexec = (name: string) => `overlays/base/usr/libexec/guaraos/${name}`;
const unit = (name: string) => `overlays/base/usr/lib/systemd/system/${name}`;
const swapSetup = libexec("swap-setup");
const helper = (name: string) => `containerfiles/helpers/${name}`;
const zram = "overlays/base/etc/systemd/zram-generator.conf";
const line = (name: string, text: string): Plant => [libexec(name), "", `#!/bin/sh\n${text}\n`];
const service = (name: string, text: string): Plant => [unit(`${name}.service`), "", `[Service]\n${text}\n`];

/** What is broken, and the words by which it is found; three ways. */
const rows: [what: string, found: string, ways: [Plant, Plant, Plant]][] = [
  [
    "paru",
    "packages installed at run time",
    [line("a1", "paru -Syu"), line("a2", "exec paru --noconfirm tree"), service("a3", "ExecStart=/usr/bin/paru -S x")],
  ],
  [
    "yay",
    "packages installed at run time",
    [
      line("g1", "[ -e /x ] || yay"),
      line("g2", "sudo -u x yay -S tree"),
      service("g3", "ExecStartPre=-/usr/bin/yay -Syu"),
    ],
  ],
  [
    "an encrypted root",
    "forbidden kernel argument",
    [
      [base, "  - nowatchdog\n", "  - nowatchdog\n  - rd.luks.uuid=x\n"],
      [base, "  - nowatchdog\n", "  - nowatchdog\n  - rd.luks.options=tpm2-device=auto\n"],
      [base, "  - nowatchdog\n", "  - nowatchdog\n  - cryptdevice=/dev/sda1:root\n"],
    ],
  ],
  [
    "a package for zram",
    "forbidden package",
    [
      [base, "btrfsmaintenance]", "btrfsmaintenance, zram-generator]"],
      [base, "btrfsmaintenance]", "btrfsmaintenance, zramswap]"],
      [base, "btrfsmaintenance]", "btrfsmaintenance, systemd-zram]"],
    ],
  ],
  [
    "cp into /usr",
    "a file put into /usr at run time",
    [
      line("b1", "cp /etc/x /usr/share/x"),
      line("b2", 'cp -a x "$root/usr/lib/x" || exit 1'),
      service("b3", "ExecStart=/usr/bin/cp -t /usr/share /etc/x"),
    ],
  ],
  [
    "mkdir in /usr",
    "a file changed in /usr at run time",
    [
      line("c1", "mkdir /usr/share/x"),
      line("c2", "mkdir -p /var/x '/usr/lib/x'"),
      service("c3", "ExecStartPre=/bin/mkdir -p /usr/lib/x"),
    ],
  ],
  [
    "ln into /usr",
    "a file put into /usr at run time",
    [
      line("d1", "ln -s /var/x /usr/lib/x"),
      line("d2", "ln -sfn /etc/x ${root}/usr/bin/x; true"),
      service("d3", "ExecStart=ln -s --target-directory=/usr/lib /etc/x"),
    ],
  ],
  [
    "sed in /usr",
    "a file changed in /usr at run time",
    [
      line("e1", "sed -i s/a/b/ /usr/lib/os-release"),
      line("e2", "sed -E -i.old -e s/a/b/ /usr/share/x"),
      service("e3", "ExecStart=sed --in-place s/a/b/ /usr/lib/x"),
    ],
  ],
  [
    "a unit of a person's",
    "whom no image makes",
    [
      service("f1", "User=joe\nExecStart=true"),
      [`${unit("f2.service.d")}/10-x.conf`, "", "[Service]\nUser = ana\n"],
      [unit("f3.socket"), "", '[Socket]\nSocketUser="guara"\n'],
    ],
  ],
  [
    "a null link of arch-setup",
    "an initramfs is made once",
    [
      [helper("arch-setup"), " 90-dracut-install.hook)", ")"],
      [helper("arch-setup"), "\nlink_hooks\n", "\n# link_hooks\n"],
      [helper("arch-setup"), "(90-mkinitcpio-install.hook ", "("],
    ],
  ],
  [
    "drop-sddm",
    "drop-sddm is missing",
    [
      [game, "finish: [drop-sddm]", "finish: []"],
      [game, "finish: [drop-sddm]", "# finish: [drop-sddm]"],
      [game, "finish: [drop-sddm]", "finish: [locale]"],
    ],
  ],
  [
    "bootc's lint",
    "`bootc container lint` does not decide how the step ends",
    [
      ["containerfiles/arch.Containerfile", "RUN bootc container lint", "RUN bootc container lint || true"],
      ["containerfiles/desktop.Containerfile", "RUN bootc container lint", "RUN bootc container lint; true"],
      ["containerfiles/arch.Containerfile", "RUN bootc container lint", "RUN bootc container lint | tee /dev/null"],
    ],
  ],
  [
    "the merge of /usr/etc",
    "a stray /usr/etc is not merged",
    [
      [helper("group"), '"$here/merge-etc"\n', ""],
      [helper("group"), '"$here/merge-etc"', '# "$here/merge-etc"'],
      [helper("upgrade"), '"$here/merge-etc"', ': "$here/merge-etc"'],
    ],
  ],
  [
    "systemd-homed",
    "systemd-homed.service is missing (homed)",
    [
      [base, "    - systemd-homed.service\n    - ufw", "    - ufw"],
      [base, "    - systemd-homed.service\n    - ufw", "    # - systemd-homed.service\n    - ufw"],
      [base, "    - systemd-homed.service\n    - ufw", "    - systemd-homed-activate.service\n    - ufw"],
    ],
  ],
  [
    "the swap file's folder",
    "the swap file is not in /var/swap",
    [
      [swapSetup, "dir=$root/var/swap\n", "dir=$root/var/lib/swap\n"],
      [swapSetup, "dir=$root/var/swap\n", "dir=$root/swap # /var/swap\n"],
      [swapSetup, "dir=$root/var/swap\n", "dir=$root/var/swapfiles\n"],
    ],
  ],
  [
    "zram's override",
    "zram",
    [
      [zram, ""],
      [zram, "", "[zram0]\n"],
      [zram, "", "# nothing\n[zram0]\nzram-size = ram\n"],
    ],
  ],
  [
    "the swap file's subvolume",
    "is not a subvolume of its own",
    [
      [swapSetup, 'btrfs subvolume create "$dir"', 'mkdir "$dir"'],
      [swapSetup, 'btrfs subvolume create "$dir"', 'install -d "$dir"'],
      [swapSetup, '[ -d "$dir" ] || btrfs subvolume create', ": # btrfs subvolume create"],
    ],
  ],
  [
    "the swap set-up",
    "guaraos-swap-setup.service is shipped with [Install], and no flavor starts it",
    [
      [base, "    - guaraos-swap-setup.service\n    - guaraos-snapper", "    - guaraos-snapper"],
      [
        base,
        "    - guaraos-swap-setup.service\n    - guaraos-snapper",
        "    # - guaraos-swap-setup.service\n    - guaraos-snapper",
      ],
      [
        base,
        "    - guaraos-swap-setup.service\n    - guaraos-snapper",
        "    - guaraos-swap.service\n    - guaraos-snapper",
      ],
    ],
  ],
  [
    "snapper's set-up",
    "snapper without its first-boot service",
    [
      [base, "    - guaraos-snapper-setup.service\n", ""],
      [base, "    - guaraos-snapper-setup.service\n", "    # - guaraos-snapper-setup.service\n"],
      [base, "    - guaraos-snapper-setup.service\n", "    - snapper-setup.service\n"],
    ],
  ],
  [
    "opt.mount",
    "opt.mount is shipped with [Install], and no flavor starts it",
    [
      [base, "    - opt.mount\n    - NetworkManager", "    - NetworkManager"],
      [base, "    - opt.mount\n    - NetworkManager", "    # - opt.mount\n    - NetworkManager"],
      [base, "    - opt.mount\n    - NetworkManager", "    - opt.automount\n    - NetworkManager"],
    ],
  ],
];

/** All mistakes of a family's files, each in a line. */
function said(root: string): string[] {
  try {
    checkManifest(root);
    return [];
  } catch (error) {
    if (error instanceof ManifestFailure) return error.mistakes.map(({ file, message }) => `${file}: ${message}`);
    throw error;
  }
}

describe("what must be there, and what must not", () => {
  test("GuaraOS' own files have no mistake", () => expect(said(copy())).toEqual([]));

  test.each([0, 1, 2])("every rule finds what is planted, way %d", (way) => {
    const root = copy();
    for (const [, , ways] of rows) plant(root, ways[way] as Plant);
    const mistakes = said(root);
    const missed = rows.filter(([, found, ways]) => {
      const file = (ways[way] as Plant)[0];
      // what is missing in a flavor is reported at the flavor, whichever file it was in
      const near = found.includes("missing") || found === "zram" || found.includes("[Install]");
      return !mistakes.some((m) => m.includes(found) && (near || m.startsWith(`${file}:`)));
    });
    expect(missed.map(([what]) => what)).toEqual([]);
  });

  test("a RUN that touches a null hook is found in the recipe", () => {
    const root = copy();
    const upgrade = "# @upgrade";
    for (const file of ["arch", "desktop"])
      plant(root, [
        `containerfiles/${file}.Containerfile`,
        upgrade,
        `RUN rm -f /etc/pacman.d/hooks/90-dracut-install.hook\n${upgrade}`,
      ]);
    const of = family(root);
    for (const flavor of ["base", "cosmic"]) {
      const found = lintContainerfile(target(of, "znver4", flavor), of).filter(({ check }) => check === "hook-removed");
      expect(found).toHaveLength(1);
    }
  });

  test("what only looks like it is none", () => {
    const root = copy();
    plant(
      root,
      line(
        "fine",
        "cp /usr/share/x /etc/x; ln -s /usr/lib/x /etc/x\nsed -n p /usr/lib/os-release\nmkdir /usr/local/x\nrm -rf /var/x # /usr/lib",
      ),
    );
    plant(root, service("fine", "User=systemd-network\nExecStart=/usr/bin/install -d /var/lib/x"));
    plant(root, service("fine2", "DynamicUser=yes\nUser=fine\nExecStart=/usr/bin/true"));
    plant(root, ["overlays/base/usr/lib/sysusers.d/x.conf", "", 'u fine3 - "x"\n']);
    plant(root, service("fine3", "User=fine3\nExecStart=/usr/bin/true"));
    expect(said(root)).toEqual([]);
  });
});

test("helpers of a project's own may have the same names", () => {
  const root = copy();
  rmSync(join(root, "containerfiles/helpers/merge-etc"));
  writeFileSync(join(root, "containerfiles/helpers/upgrade"), "#!/bin/sh\ntrue\n");
  expect(() => checkManifest(root)).not.toThrow();
});
