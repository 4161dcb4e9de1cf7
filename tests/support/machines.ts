/** A project whose default image is built, for tests that boot it. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { minimal, Project, type Said } from "./sandbox.ts";

export { minimal };

/** A guest on an emulated processor of a busy machine: nothing shall fail for being slow. */
export const patience = ["--patience", "900"];

/** A recipe that adds an overlay and units to an image, and nothing else: an image for a test in seconds. */
const thin = `# @base
FROM \${BASE} AS overlay
# @overlay
RUN chmod -R u=rwX,go=rX /overlay
FROM \${BASE}
COPY --from=overlay /overlay/ /
# @units
`;

export class MachineProject extends Project {
  constructor() {
    super();
    this.write("containerfiles/thin.Containerfile", thin);
  }

  /** Runs a command that must succeed. */
  async must(name: string, ...args: string[]): Promise<Said> {
    const said = await this.slipway(name, ...args);
    if (said.code !== 0) throw new Error(`${name} ${args.join(" ")}: ${said.code}\n${said.stdout}\n${said.stderr}`);
    return said;
  }

  /** Processes that were started for this project's machines and still run. */
  processes(): string[] {
    return readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
      .flatMap((pid) => {
        try {
          const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
          const ofIt = words.includes(this.root) && /qemu-system|swtpm|virtiofsd|conmon|ssh /.test(words);
          return ofIt ? [`${pid} ${words}`] : [];
        } catch {
          return [];
        }
      });
  }

  /** The same, once those that are just ending (podman's own words on a container) have had their time. */
  async lingering(): Promise<string[]> {
    for (let left = 50; left > 0 && this.processes().length; left--) await Bun.sleep(200);
    return this.processes();
  }

  /** What is left of a machine that ended: nothing but logs and a kept disk. */
  left(name: string): string[] {
    const folder = join(this.root, ".slipway/vm", name);
    return existsSync(folder) ? readdirSync(folder).sort() : [];
  }

  /** Ends what still runs: after a test that failed, for the next one's sake. */
  async endMachines(): Promise<void> {
    const { stdout } = await this.slipway("vm", "list", "--json");
    for (const { name } of JSON.parse(stdout || "[]") as { name: string }[])
      await this.slipway("vm", "stop", name, "--force");
  }

  /** Ends whatever still runs, and removes everything. */
  async end(): Promise<void> {
    await this.endMachines();
    this.remove();
  }
}
