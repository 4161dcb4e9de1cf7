/** What a family calls its things on its machines: `machine:` in family.yaml, with all defaults filled in. */
export interface MachineNames {
  /** `GuaraOS` */
  title: string;
  /** The family's folder below /usr/libexec, /usr/share and /var/lib. */
  folder: string;
  /** By which names people call a command of the program; the usual one first. */
  commands: Record<string, string[]>;
  /** Apps that `install-flatpaks` offers: a file of the image, and an address. Empty: none. */
  flatpaks: { list: string; upstream: string };
  /** What a migrated account has, unless its owner asks for something else. */
  account: { shell: string; groups: string[] };
}

/** The parts of family.yaml that decide it. */
export interface NamesFile {
  name: string;
  title: string;
  machine?:
    | {
        folder?: string | undefined;
        commands?: Record<string, string[] | undefined> | undefined;
        flatpaks?: { list?: string | undefined; upstream?: string | undefined } | undefined;
        account?: { shell?: string | undefined; groups?: string[] | undefined } | undefined;
      }
    | undefined;
}

/** The commands of the program on people's machines. */
export const machineCommandNames = ["update", "install-flatpaks", "migrate"] as const;

/** Pure: a family's names, with a default for each that family.yaml does not give. */
export function namesOf({ name, title, machine = {} }: NamesFile): MachineNames {
  const { folder = name, commands = {}, flatpaks = {}, account = {} } = machine;
  return {
    title,
    folder,
    commands: Object.fromEntries(machineCommandNames.map((one) => [one, commands[one] ?? [`${name}-${one}`]])),
    flatpaks: { list: flatpaks.list ?? `/usr/share/${folder}/flatpaks.txt`, upstream: flatpaks.upstream ?? "" },
    account: { shell: account.shell ?? "/bin/bash", groups: account.groups ?? ["wheel"] },
  };
}

/** The names are part of the compiled program: nothing on a machine can change them. */
declare const MACHINE_NAMES: MachineNames;

/** Those of the compiled program; undefined in a checkout, where the project's family.yaml has them. */
export const compiledNames: MachineNames | undefined = typeof MACHINE_NAMES === "undefined" ? undefined : MACHINE_NAMES;

/** The compiler's words that put a family's names into what it compiles. */
export function defineNames(names: MachineNames): string[] {
  return ["--define", `MACHINE_NAMES=${JSON.stringify(names)}`];
}
