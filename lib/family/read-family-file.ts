import { existsSync } from "node:fs";
import { join } from "node:path";
import { exit, Failure } from "../system/errors.ts";
import { ManifestFailure } from "./mistakes.ts";
import { type FamilyFile, familySchema } from "./schema.ts";
import { YamlFile } from "./yaml-file.ts";

/**
 * What family.yaml says by itself, for a command that makes something which the rest of the manifest needs (the public key).
 * @throws ManifestFailure for mistakes in its own shape
 */
export function readHead(root: string): FamilyFile {
  const path = join(root, "flavors/family.yaml");
  if (!existsSync(path))
    throw new Failure(exit.usage, "there is no flavors/family.yaml here", {
      tried: [path],
      next: "`bun run init` makes a project here; or go to the folder of one, or name it in SLIPWAY_PROJECT",
    });
  const yaml = YamlFile.open(root, "flavors/family.yaml");
  const read = yaml.read(familySchema, {} as never);
  if (yaml.mistakes.length || !read?.whole) throw new ManifestFailure(yaml.mistakes);
  return read.data;
}
