import { exit } from "../../../system/errors.ts";
import { machineNames, sharedFolder, typed } from "../../names.ts";
import type { MachineLook } from "../look/machine-look.ts";
import type { Refusal } from "./refusal.ts";

const { title } = machineNames;

export const machineRefusals: Refusal<MachineLook>[] = [
  {
    name: "not root",
    code: exit.missing,
    holds: ({ root }) => !root,
    tell: () => ({ what: "only root can move accounts", next: `sudo ${typed("migrate")}` }),
  },
  {
    name: "tools",
    code: exit.missing,
    holds: ({ missingTools }) => missingTools.length > 0,
    tell: ({ missingTools }) => ({
      what: `the backup of /etc needs ${missingTools.join(" and ")}, which this machine lacks`,
      next: `install them, or run this on an image of ${title}, which has them`,
    }),
  },
  {
    name: "no pristine /etc",
    code: exit.missing,
    holds: ({ pristine }) => !pristine.pam || !pristine.nss,
    tell: () => ({
      what: `this system carries no pristine /etc: it is not ${title}, or an old one`,
      tried: [`${sharedFolder}/pristine/etc/pam.d, nsswitch.conf`],
      next: `move the machine to ${title} first, reboot, then run this there`,
    }),
  },
  {
    name: "pristine PAM without homed",
    code: exit.missing,
    holds: ({ pristine }) => !pristine.homed,
    tell: () => ({
      what: "the image's PAM does not know systemd-homed: nobody could log in to the new home",
      tried: [`pam_systemd_home.so in ${sharedFolder}/pristine/etc/pam.d`],
      next: "update the system, reboot, and run this again",
    }),
  },
  {
    name: "homed absent",
    code: exit.missing,
    holds: ({ homed }) => homed === "absent",
    tell: () => ({
      what: "this system has no systemd-homed",
      tried: ["homectl on the PATH, /usr/lib/systemd/systemd-homed"],
      next: `run this on an image of ${title}`,
    }),
  },
  {
    name: "homed silent",
    code: exit.failed,
    holds: ({ homed }) => homed === "silent",
    tell: ({ homedSaid }) => ({
      what: "systemd-homed does not answer",
      tried: [`homectl list: ${homedSaid}`],
      next: "sudo systemctl restart systemd-homed, see `journalctl -u systemd-homed`, then run this again",
    }),
  },
  {
    name: "/etc read-only",
    code: exit.failed,
    holds: ({ etc }) => etc === "read-only",
    tell: () => ({
      what: "/etc cannot be written: this system runs from a medium that cannot be changed, or its disk has a fault",
      next: "install it on a disk, or see `journalctl -b -p err` for the fault",
    }),
  },
  {
    name: "/etc transient",
    code: exit.failed,
    holds: ({ etc }) => etc === "transient",
    tell: () => ({
      what: "/etc does not outlive a reboot here: what is changed in it would be lost",
      tried: ["/usr/lib/ostree/prepare-root.conf: transient"],
      next: "migrate on a system whose /etc is kept",
    }),
  },
  {
    name: "homes of others",
    code: exit.failed,
    holds: ({ homesAreRoots }) => !homesAreRoots,
    tell: ({ homes }) => ({
      what: `users other than root can change ${homes}: somebody could swap a home while it is moved`,
      tried: [`stat ${homes}: owner and mode`],
      next: `sudo chown root ${homes}; sudo chmod go-w ${homes}; then run this again`,
    }),
  },
  {
    name: "no machine id",
    code: exit.failed,
    holds: ({ machineId }) => machineId === undefined,
    tell: () => ({
      what: "this system has no machine id, to which the account would belong",
      tried: ["/etc/machine-id"],
      next: "boot it once, then run this again",
    }),
  },
  {
    name: "unknown distribution",
    code: exit.failed,
    holds: ({ source }) => source === undefined,
    tell: () => ({
      what: "nothing here tells of Bazzite or another Fedora atomic system: what ran before is unknown",
      tried: ["/etc/fedora-release, yum.repos.d, authselect, ostree/remotes.d, pam.d, nsswitch.conf; /ostree/deploy"],
      next: "this machine needs no migration; new accounts are made with `homectl create`",
    }),
  },
  {
    name: "nobody",
    code: exit.failed,
    holds: ({ people }) => people.length === 0,
    tell: () => ({
      what: "there is no user to migrate: only root and accounts of the system",
      tried: ["/etc/passwd: users from 1000 on that can log in"],
      next: "new accounts are made with `homectl create`",
    }),
  },
];
