import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureLocalDebian } from "../../lib/tools/debian-image.ts";
import { podmanEnv } from "../../lib/tools/podman.ts";
import { installedNames, MachineProgram } from "./machine-program.ts";
import { checkout, exec, type Said, testStorage } from "./sandbox.ts";
import { imageWith } from "./small-images.ts";

/**
 * A repository of a runtime, four apps, an extension of two branches, one of them for another arch too, and a runtime with the ID of an app. A file of the app Broken is
 * gone, as on a server that lost it.
 */
export const repository = `set -eu
mkdir -p /srv/flatpak; cd /srv/flatpak
arch=$(flatpak --default-arch)
mkdir -p runtime/files runtime/usr/bin
cp /bin/true runtime/usr/bin/
printf '[Runtime]\\nname=org.test.Platform\\nruntime=org.test.Platform/%s/1\\nsdk=org.test.Platform/%s/1\\n' $arch $arch >runtime/metadata
flatpak build-export --runtime --disable-sandbox --files=usr --no-update-summary repo runtime 1
for app in Good Broken Other Both; do
    find repo/objects -name '*.filez' | sort >before
    mkdir -p $app/files/bin $app/var
    echo "content of $app" >$app/files/data
    printf '[Application]\\nname=org.test.%s\\nruntime=org.test.Platform/%s/1\\nsdk=org.test.Platform/%s/1\\n' $app $arch $arch >$app/metadata
    flatpak build-finish $app --command=true
    flatpak build-export --disable-sandbox --no-update-summary repo $app stable
    [ $app != Broken ] || find repo/objects -name '*.filez' | sort | comm -13 before - | xargs rm
done
for ref in Ext/23.08 Ext/25.08 Both/stable; do
    name=$(dirname $ref); mkdir -p $name-runtime/usr
    printf '[Runtime]\\nname=org.test.%s\\n' $name >$name-runtime/metadata
    flatpak build-export --runtime --disable-sandbox --files=usr --no-update-summary repo $name-runtime $(basename $ref)
done
flatpak build-export --runtime --arch=aarch64 --disable-sandbox --files=usr --no-update-summary repo Ext-runtime 25.08
flatpak build-update-repo repo
printf '[Flatpak Repo]\\nTitle=Test\\nUrl=file:///srv/flatpak/repo\\n' >test.flatpakrepo
chmod -R a+rX /srv/flatpak`;

const list = `# Apps for tests: one a line.

# first
org.test.Good

# second
org.test.Other
`;

/**
 * A machine with flatpak and a repository of its own in place of Flathub, without any network, Bun or Node: a container of Debian, in
 * which the compiled program lies as it does in the images. User `ann` (1000) is not root.
 */
export class FlatpakMachine {
  private readonly folder = realpathSync(mkdtempSync(join(tmpdir(), "slipway-flatpak-")));

  private constructor(
    private readonly program: MachineProgram,
    private readonly env: Record<string, string>,
    private readonly id: string,
  ) {}

  static async start(): Promise<FlatpakMachine> {
    Object.assign(process.env, testStorage());
    const env = { ...(await podmanEnv()), ...testStorage() };
    const image = await imageWith("flatpak", await ensureLocalDebian("trixie"), ["dbus", "flatpak", "nano"]);
    const program = await MachineProgram.compile();
    const volumes = [
      `--volume=${program.program}:/usr/libexec/guaraos/program:ro`,
      `--volume=${join(checkout, "overlays/base/usr/share/guaraos")}:/usr/share/guaraos:ro`,
    ];
    const run = ["podman", "run", "--detach", "--rm", "--privileged", "--network=none", ...volumes, image];
    const { code, stdout, stderr } = await exec([...run, "sleep", "infinity"], env);
    if (code !== 0) throw new Error(stderr);
    const machine = new FlatpakMachine(program, env, stdout.trim());
    await machine.must(repository);
    await machine.must("mkdir -p /run/dbus; dbus-daemon --system --fork"); // which flatpak asks whether a user may
    await machine.must(
      `useradd --create-home ann; for n in ${installedNames.join(" ")}; do ln -s ../libexec/guaraos/program /usr/bin/$n; done`,
    );
    machine.write("/root/list", list);
    await machine.must("cp /root/list /home/ann/list");
    return machine;
  }

  /** The words that run a program in it. */
  words(argv: string[], user = "root", terminal = false): string[] {
    const home = user === "root" ? "/root" : `/home/${user}`;
    const settings = ["SLIPWAY_FLATHUB=/srv/flatpak/test.flatpakrepo", `HOME=${home}`, "LANG=C.UTF-8", "TERM=xterm"];
    const flags = [`--user=${user}`, `--workdir=${home}`, ...settings.map((setting) => `--env=${setting}`)];
    return ["podman", "exec", ...flags, ...(terminal ? ["--interactive", "--tty"] : []), this.id, ...argv];
  }

  get podmanSettings(): Record<string, string> {
    return this.env;
  }

  run(argv: string[], user = "root"): Promise<Said> {
    return exec(this.words(argv, user), this.env);
  }

  async must(script: string): Promise<string> {
    const { code, stdout, stderr } = await this.run(["sh", "-ec", script]);
    if (code !== 0) throw new Error(`${script}\n${stdout}${stderr}`);
    return stdout;
  }

  write(path: string, text: string): void {
    const file = join(this.folder, "file");
    mkdirSync(this.folder, { recursive: true });
    writeFileSync(file, text);
    const { exitCode, stderr } = Bun.spawnSync(["podman", "cp", file, `${this.id}:${path}`], {
      env: { ...process.env, ...this.env },
    });
    if (exitCode !== 0) throw new Error(String(stderr));
  }

  /** Apps that are installed, as "org.test.Good system", sorted. */
  async apps(user = "root"): Promise<string[]> {
    const { stdout } = await this.run(["flatpak", "list", "--app", "--columns=application,installation"], user);
    return stdout
      .split("\n")
      .filter(Boolean)
      .map((line) => line.replace("\t", " "))
      .sort();
  }

  /** Everything that is installed, as "org.test.Ext/23.08", sorted. */
  async refs(user = "root"): Promise<string[]> {
    const { stdout } = await this.run(["flatpak", "list", "--columns=application,branch"], user);
    return stdout
      .split("\n")
      .filter(Boolean)
      .map((line) => line.replace("\t", "/"))
      .sort();
  }

  /** Nothing is installed any more, and no remote is known. */
  async reset(): Promise<void> {
    await this.must("rm -rf /var/lib/flatpak /home/ann/.local /root/.local /var/lib/guaraos; flatpak list");
  }

  async stop(): Promise<void> {
    await exec(["podman", "rm", "--force", "--time=0", this.id], this.env);
    rmSync(this.folder, { recursive: true, force: true });
    this.program.remove();
  }
}
