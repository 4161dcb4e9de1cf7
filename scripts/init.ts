#!/usr/bin/env bun
import { command } from "../lib/cli/command.ts";
import { decideProject } from "../lib/family/init/decide.ts";
import { findWhatIsHere } from "../lib/family/init/find.ts";
import { nextSteps, refuseSecondProject, writeProject } from "../lib/family/init/write.ts";
import { print, printJson, say } from "../lib/system/output.ts";
import { projectRoot } from "../lib/system/project.ts";

await command("init", async (args) => {
  refuseSecondProject(projectRoot);
  const found = await findWhatIsHere(projectRoot);
  const given = {
    name: args.value("name"),
    title: args.value("title"),
    registry: args.value("registry"),
    arch: args.value("arch"),
    base: args.value("base"),
  };
  const project = await decideProject(found, given, args.has("yes"));
  const done = writeProject(projectRoot, project, args.has("dry-run"));
  const next = nextSteps(project);
  if (args.has("json")) {
    const { name, title, registry, arch, flavor } = project;
    return printJson({ name, title, registry, arch, flavor, ...done, next });
  }
  if (found.containerfile) say(`${found.containerfile} makes the image; it stays as it is`);
  for (const file of done.files) print(file);
  for (const file of done.kept) say(`kept: ${file}`);
  for (const note of done.notes) say(`note: ${note}`);
  for (const step of next) say(`next: ${step}`);
});
