import { cpSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { inToolbox } from "../../lib/tools/toolbox.ts";
import { writeEsp } from "../../lib/vm/disk/esp.ts";
import { layout, partitionScript } from "../../lib/vm/disk/partitions.ts";
import type { TestMachine } from "./guests.ts";
import type { Registry } from "./registry.ts";
import { checkout, exec, Project, type Said } from "./sandbox.ts";

const files = join(checkout, "tests/vm/ostree");
const versionFolder = "version";

async function must(said: Promise<Said>): Promise<void> {
  const { code, stdout, stderr } = await said;
  if (code !== 0) throw new Error(`${stdout}\n${stderr}`);
}

/** Files of other flavors that the machine's image ships too, unchanged. */
const shipped = {
  minimal: [
    "etc/ssh/sshd_config.d/50-guaraos.conf",
    "etc/locale.conf",
    "etc/hosts",
    "etc/resolv.conf",
    "etc/hostname",
    "usr/lib/systemd/network/80-guaraos-wired.network",
    "usr/lib/systemd/system/sshd-keygen.service.d/50-guaraos.conf",
    "usr/lib/tmpfiles.d/guaraos-minimal.conf",
  ],
  base: [
    "usr/libexec/guaraos/snapper-setup",
    "usr/lib/systemd/system/guaraos-snapper-setup.service",
    "usr/share/snapper/config-templates/guaraos",
    "usr/libexec/guaraos/swap-setup",
    "usr/lib/systemd/system/guaraos-swap-setup.service",
    "usr/lib/systemd/system/var-swap-swapfile.swap.d",
    "usr/lib/systemd/system/opt.mount",
    "usr/lib/tmpfiles.d/guaraos.conf",
    "usr/lib/opt/README",
  ],
};

/** The family with one more flavor: a small Debian that lies on its disk as a bootc machine does, in ostree deployments. */
export class OstreeFamily extends Project {
  readonly flavor = "minimal-ostree";
  readonly reference = `ghcr.io/guara92/guaraos-${this.flavor}:amd64`;
  private readonly password = "a password of the tests";

  constructor() {
    super();
    const copy = (from: string, to: string) => cpSync(join(checkout, from), join(this.root, to), { recursive: true });
    const overlay = `overlays/${this.flavor}`;
    copy("tests/vm/ostree/flavor.yaml", `flavors/${this.flavor}.yaml`);
    copy("tests/vm/ostree/overlay", overlay);
    // What differs between versions comes last, so that the initramfs is made once.
    const recipe = readFileSync(join(checkout, "containerfiles/debian.Containerfile"), "utf8");
    const late = recipe.replace("# @finish", `COPY ${versionFolder}/ /\n# @finish`);
    this.write("containerfiles/debian-versions.Containerfile", late);
    this.write(".containerignore", `${readFileSync(join(checkout, ".containerignore"), "utf8")}!${versionFolder}\n`);
    for (const [flavor, files] of Object.entries(shipped))
      for (const file of files) copy(`overlays/${flavor}/${file}`, `${overlay}/${file}`);
    this.version(1);
  }

  /** Makes the next build another version of the system. */
  version(number: number): void {
    this.write(`${versionFolder}/usr/lib/version`, `${number}\n`);
    this.write(`${versionFolder}/etc/default.conf`, `default of version ${number}\n`);
  }

  /** A key pair of its own: images of this family are signed by nobody else. */
  async keys(): Promise<Said> {
    rmSync(join(this.root, "guaraos.pub"));
    const argv = [process.execPath, join(checkout, "scripts/keys.ts"), "--stdin"];
    return exec(["sh", "-c", 'printf "%s\\n" "$WORD" | "$@"', "sh", ...argv], { ...this.env, WORD: this.password });
  }

  /** Builds, signs and pushes it as a maintainer does. */
  async release(registry: Registry): Promise<void> {
    const password = { COSIGN_PASSWORD: this.password };
    await must(registry.slipway(this, password, "release", "amd64", this.flavor));
  }

  /**
   * Puts the released image onto a machine's disk, with GRUB in its boot partition. The image brings all that this takes, as
   * `bootc install` wants it; it is pulled from the registry.
   */
  async install(registry: Registry, machine: TestMachine): Promise<void> {
    const root = join(machine.folder, "root");
    mkdirSync(root, { recursive: true });
    const kargs = ["root=LABEL=root", "rw", "console=ttyS0"].flatMap((karg) => ["--karg", karg]);
    const script = `bootc install to-filesystem --target-imgref ${this.reference} ${kargs.join(" ")} /machine/root
grub-mkstandalone --format=x86_64-efi --output=/machine/grub.efi --locales= --fonts= --themes= --modules="part_gpt ext2 btrfs" \\
  --install-modules="part_gpt ext2 btrfs search search_label syslinuxcfg linux normal configfile serial terminal test echo ls" \\
  boot/grub/grub.cfg=/files/grub.cfg
# a deployment is immutable, and is to be removed here
chattr -i /machine/root/ostree/deploy/default/deploy/*.0`;
    await must(
      registry.inContainer(
        this.reference,
        [`--volume=${machine.folder}:/machine`, `--volume=${files}:/files:ro`],
        ["sh", "-ec", script],
      ),
    );
    const plan = layout(6 * 2 ** 30);
    writeFileSync(machine.disk, "");
    truncateSync(machine.disk, plan.size);
    const log = join(machine.folder, "log");
    const grub = Buffer.from(await Bun.file(join(machine.folder, "grub.efi")).arrayBuffer());
    await writeEsp(machine.disk, plan, { "EFI/BOOT/BOOTX64.EFI": grub }, machine.folder, log);
    const make = `printf '%s' "$1" | sfdisk --quiet "$2"
mkfs.ext4 -q -F -L root -E "offset=$3,lazy_itable_init=1,lazy_journal_init=1,nodiscard" -d "$4" "$2" "$5"`;
    const words = await inToolbox([], { mounts: [machine.folder] });
    const args = [partitionScript(plan), machine.disk, String(plan.root.at), root, `${plan.root.size / 1024}k`];
    await must(exec([...words, "sh", "-ec", make, "sh", ...args]));
    rmSync(root, { recursive: true });
  }
}
