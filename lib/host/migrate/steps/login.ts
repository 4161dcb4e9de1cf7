import { existsSync, lstatSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pristineFolder } from "../facts.ts";
import { copyTree } from "../files/copy.ts";
import { at, type Machine, readBytes } from "../machine.ts";
import { withSystemd } from "../nss.ts";
import type { Step } from "./step.ts";

/** PAM and NSS as the image has them. What another distribution left in /etc names modules and stacks that are not here. */

const moduleFolders = ["/usr/lib/security", "/usr/lib64/security", "/usr/lib/x86_64-linux-gnu/security"];

/** What a service of PAM needs and the system lacks. Source: pam.conf(5). */
export function lacks(machine: Machine, text: string, services: Set<string>): string[] {
  const lines = text.replaceAll("\\\n", " ").split("\n");
  return lines.flatMap((line) => {
    const at = line.trim().replace(/^-/, "");
    if (at === "" || at.startsWith("#") || line.trim().startsWith("-")) return [];
    const included = /^@include\s+(\S+)/.exec(at) ?? /^\w+\s+(?:include|substack)\s+(\S+)/.exec(at);
    if (included) return services.has(included[1] ?? "") ? [] : [included[1] ?? ""];
    const module = /^\w+\s+(?:\[[^\]]*\]|\w+)\s+(\S+)/.exec(at)?.[1] ?? "";
    const found = module.startsWith("/")
      ? existsSync(`${machine.root}${module}`)
      : moduleFolders.some((folder) => existsSync(`${machine.root}${folder}/${module}`));
    return found ? [] : [module];
  });
}

/** Files of /etc/pam.d that the image does not have: those that can work here stay. */
export function foreignServices(machine: Machine): { stay: string[]; go: string[] } {
  const folder = at(machine, "/etc/pam.d");
  const pristine = new Set(readdirSync(at(machine, `${pristineFolder}/pam.d`)));
  const foreign = existsSync(folder)
    ? readdirSync(folder)
        .filter((name) => !pristine.has(name))
        .sort()
    : [];
  // What includes a file that goes has to go too.
  let stay = foreign.filter((name) => lstatSync(join(folder, name)).isFile());
  for (;;) {
    const services = new Set([...pristine, ...stay]);
    const good = stay.filter((name) => !lacks(machine, readFileSync(join(folder, name), "latin1"), services).length);
    if (good.length === stay.length) break;
    stay = good;
  }
  return { stay, go: foreign.filter((name) => !stay.includes(name)) };
}

export const pam: Step = {
  id: "pam",
  phase: "Logging in",
  title: "/etc/pam.d as the image has it",
  async run({ machine, changes }) {
    const { stay, go } = foreignServices(machine);
    const pristine = at(machine, `${pristineFolder}/pam.d`);
    const old = at(machine, "/etc/pam.d");
    await changes.replaceFolder("/etc/pam.d", async (folder) => {
      for (const name of readdirSync(pristine)) await copyTree(join(pristine, name), join(folder, name));
      for (const name of stay) await copyTree(join(old, name), join(folder, name));
    });
    if (!go.length) return undefined;
    return `services of another distribution's PAM that cannot work here left /etc/pam.d: ${go.join(" ")}`;
  },
};

export const nss: Step = {
  id: "nss",
  phase: "Logging in",
  title: "/etc/nsswitch.conf as the image has it, with systemd's accounts",
  async run({ machine, changes }) {
    const text =
      readBytes(machine, `${pristineFolder}/nsswitch.conf`) ?? readBytes(machine, "/etc/nsswitch.conf") ?? "";
    await changes.write("/etc/nsswitch.conf", withSystemd(text));
    return undefined;
  },
};
