import type { Family, Target } from "../../family/family.ts";
import type { Severity } from "../lint/finding.ts";
import type { Containerfile, Instruction } from "./instructions.ts";

/** What a check looks at: one expanded Containerfile and what it was made from. */
export interface Subject extends Containerfile {
  target: Target;
  family: Family;
}

export interface Hit {
  at: Instruction | undefined;
  what: string;
}

export interface ContainerfileCheck {
  name: string;
  severity: Severity;
  /** The rule, as a sentence; it is what to do next. */
  sentence: string;
  /** It is about the way in which our recipes are written, and not about what is in an image. */
  ofRecipes?: boolean;
  find(subject: Subject): Hit[];
}

export const hits = (at: Instruction, found: readonly string[]): Hit[] => found.map((what) => ({ at, what }));
