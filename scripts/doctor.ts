#!/usr/bin/env bun
import { baseImages } from "../lib/builders/obstacle.ts";
import { command } from "../lib/cli/command.ts";
import { missingFlags, thisCpu } from "../lib/family/arch.ts";
import { familyIfGood } from "../lib/family/manifest.ts";
import { brokenAndFixes } from "../lib/oci/broken.ts";
import { unreadableImages } from "../lib/ship/verify-current.ts";
import { memory, spaceAt } from "../lib/system/machine.ts";
import { statePath } from "../lib/system/project.ts";
import { reportCheckup } from "../lib/tools/checkup-text.ts";
import { askRegistries, podmanHealth } from "../lib/tools/doctor.ts";
import { toolHealth } from "../lib/tools/health.ts";
import { toolboxHealth } from "../lib/tools/toolbox-health.ts";
import { checkTools } from "../lib/tools/tools.ts";
import { probeKvm } from "../lib/vm/accelerator.ts";

await command("doctor", async (args) => {
  const family = await familyIfGood();
  const arches = [...(family?.arches.values() ?? [])];
  const asked = askRegistries([...(family ? baseImages(family) : []), family?.registry ?? "docker.io"]);
  const [podman, registries] = await Promise.all([podmanHealth(), asked]);
  const offline = registries.some((a) => a.registry === "docker.io" && !a.answers);
  const tools = (await checkTools()).map(({ found, fix }) => toolHealth(found, fix, { offline }));
  const broken = podman.works ? await brokenAndFixes(family ? [`${family.registry}/${family.prefix}-`] : []) : [];
  const unreadable = family && podman.works ? await unreadableImages(family) : [];
  const checkup = {
    good: podman.works && broken.length + unreadable.length === 0 && tools.every((t) => t.state !== "missing"),
    family: family?.name ?? null,
    ...{ tools, podman, toolboxes: await toolboxHealth() },
    broken,
    unreadable,
    registries,
    cpu: thisCpu().model,
    arches: arches.map((arch) => ({ name: arch.name, missing: missingFlags(arch, thisCpu().flags) })),
    kvm: await probeKvm({ build: false }),
    disk: [...(podman.graphRoot ? [podman.graphRoot] : []), statePath()].map(spaceAt),
    memory: memory(),
  };
  return reportCheckup(checkup, args.has("json"));
});
