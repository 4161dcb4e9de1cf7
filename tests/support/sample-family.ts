import { cpSync } from "node:fs";
import { join } from "node:path";
import { checkout, Project } from "./sandbox.ts";
import { family } from "./small-family.ts";

// The family of tests/samples/family/. Tests that list targets or flavors ask this one, so that a new flavor of the
// checkout's own family changes none of them.

const files = join(checkout, "tests/samples/family");

/** The sample family as the program sees it. */
export const sampleFamily = () => family(files);

/** A project of its own: a copy of the sample family, to be changed by a test. */
export class SampleProject extends Project {
  constructor() {
    super([]);
    cpSync(files, this.root, { recursive: true });
  }
}
