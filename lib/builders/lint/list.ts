import { rules } from "../../family/rules.ts";
import { table } from "../../system/output.ts";
import { builders } from "../all.ts";

/** All checks with their names and what they look for: `lint --list`. */

export interface Listed {
  part: string;
  name: string;
  /** Absent where it depends on what is found. */
  severity?: string;
  sentence: string;
}

/** Checks of files and images, by the first word of their steps (lint.ts). */
const others: [part: string, name: string, sentence: string][] = [
  ["files", "shellcheck", "shellcheck finds nothing in scripts of sh and bash"],
  ["files", "early-reader", "with pipefail, no reader stops before the end of its pipe, as grep -q and head do"],
  ["files", "zsh-syntax", "zsh can parse files of zsh"],
  ["files", "fish-syntax", "fish can parse files of fish"],
  ["files", "data-syntax", "JSON and TOML files can be parsed"],
  ["files", "unit-file", "systemd-analyze verify finds nothing in shipped units"],
  ["files", "overlay", "programs can start, links lead somewhere, texts have no byte order mark"],
  ["files", "policy", "policy.json has no hole for images of the family"],
  ["files", "recipe", "the recipe can be read"],
  ["files", "readme", "the README's rows are those of the manifest"],
  ["image", "age", "the image is as a build would make it now"],
  ["image", "bootc", "bootc container lint finds nothing"],
  ["image", "contents", "the image has what its smoke section names"],
  ["image", "trust", "the image trusts the family's key, and nobody else for its images"],
];

/** @param smoke the checks of `smoke`, which this room does not know */
export function listChecks(smoke: { name: string; sentence: string }[]): Listed[] {
  return [
    ...rules.map(({ name, sentence }) => ({ part: "manifest", name, severity: "error", sentence })),
    ...[...builders.values()].flatMap(({ name: part, checks }) =>
      checks.map(({ name, severity, sentence }) => ({ part, name, severity, sentence })),
    ),
    ...others.map(([part, name, sentence]) => ({ part, name, sentence })),
    ...smoke.map(({ name, sentence }) => ({ part: "smoke", name, sentence })),
  ];
}

/** The same as a table for people. */
export function showChecks(all: Listed[]): string {
  const rows = all.map(({ part, name, severity, sentence }) => [part, name, severity ?? "", sentence]);
  return table([["part", "name", "severity", "what must hold"], ...rows], undefined, { spare: [2, 0], head: true });
}
