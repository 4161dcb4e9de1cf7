import { existsSync, globSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { at, type Machine } from "../machine.ts";

/** What ran on this machine before, by what it left in /etc and /var: bootc keeps what was changed or added there. */

/** Files and folders that no image of the family has. */
const leftovers = [
  ...["/etc/fedora-release", "/etc/bazzite", "/etc/ublue-os", "/etc/authselect", "/etc/rpm-ostreed.conf", "/etc/dnf"],
  ...[
    "/etc/yum.repos.d/*",
    "/etc/ostree/remotes.d/*",
    "/etc/pki/rpm-gpg/*",
    "/var/lib/rpm-ostree",
    "/var/lib/authselect",
  ],
  ...["/var/lib/ublue-os", "/var/lib/bazzite*"],
];

/** Files that say it in words; the origin is that of a system to go back to. */
const telling = ["/etc/nsswitch.conf", "/etc/pam.d/system-auth", "/ostree/deploy/*/deploy/*.origin"];

/** The first that is found anywhere. */
const systems: { name: string; words: RegExp }[] = [
  { name: "Bazzite", words: /bazzite/i },
  { name: "Bluefin", words: /bluefin/i },
  { name: "Aurora", words: /ublue-os\/aurora|aurora/i },
  { name: "Universal Blue", words: /ublue/i },
  { name: "Fedora", words: /fedora|authselect|rpm-ostree|rpm-gpg|yum\.repos\.d|\/etc\/dnf|silverblue|kinoite/i },
];

export interface Source {
  name: string;
  /** What told, one line each. */
  traces: string[];
}

/** @returns undefined where nothing of a Fedora atomic system is left */
export function findSource(machine: Machine): Source | undefined {
  const find = (patterns: string[]) =>
    patterns.flatMap((pattern) =>
      pattern.includes("*")
        ? globSync(pattern.slice(1), { cwd: machine.root || "/" }).map((path) => `/${path}`)
        : existsSync(at(machine, pattern))
          ? [pattern]
          : [],
    );
  const traces = [
    ...find(leftovers).sort(),
    ...find(telling)
      .sort()
      .flatMap((path) => {
        const text = readFileSync(at(machine, path), "latin1");
        const line = text.split("\n").find((l) => systems.some(({ words }) => words.test(l)));
        return line === undefined ? [] : [`${path}: ${line.trim().slice(0, 100)}`];
      }),
  ];
  // The name of a folder alone may lie: a file of its own counts by its path.
  const said = traces.map((trace) => trace.replace(basename("/var/lib/ublue-os"), "ublue"));
  const system = systems.find(({ words }) => said.some((trace) => words.test(trace)));
  return system && { name: system.name, traces };
}
