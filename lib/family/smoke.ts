import { type Flavor, lineage } from "./family.ts";

export type Smoke = Flavor["smoke"];

/** What a system of this flavor must show: its own promises and those of what it is based on, each once. */
export function smokeOf(flavor: Flavor): Smoke {
  const all = lineage(flavor)
    .reverse()
    .map((f) => f.smoke);
  const lists = <K extends "units" | "files" | "absent" | "packages" | "kargs" | "mounts" | "users">(key: K) => [
    ...new Set(all.flatMap((smoke) => smoke[key])),
  ];
  return {
    units: lists("units"),
    files: lists("files"),
    absent: lists("absent"),
    packages: lists("packages"),
    kargs: lists("kargs"),
    mounts: lists("mounts"),
    users: lists("users"),
    commands: all.flatMap((smoke) => smoke.commands),
    sysctl: Object.assign({}, ...all.map((smoke) => smoke.sysctl)) as Smoke["sysctl"],
  };
}
