#!/usr/bin/env bun
import { command } from "../lib/cli/command.ts";
import { askRegistries, podmanHealth, reportCheckup } from "../lib/cli/doctor.ts";
import { toolHealth } from "../lib/cli/health.ts";
import { memory, spaceAt } from "../lib/cli/machine.ts";
import { statePath } from "../lib/cli/project.ts";
import { toolboxHealth } from "../lib/cli/toolbox-health.ts";
import { checkTools } from "../lib/cli/tools.ts";
import { missingFlags, thisCpu } from "../lib/family/arch.ts";
import { familyIfGood } from "../lib/family/if-good.ts";
import { allTargets } from "../lib/family/target.ts";
import { brokenAndMends } from "../lib/image/broken.ts";
import { unreadableImages } from "../lib/ship/verify-current.ts";
import { probeKvm } from "../lib/vm/accelerator.ts";

await command("doctor", async (args) => {
  const family = await familyIfGood();
  const arches = [...(family?.arches.values() ?? [])];
  const bases = arches.map(({ base }) => ("image" in base ? base.image : "docker.io/library/debian"));
  const asked = askRegistries([...bases, family?.registry ?? "docker.io"]);
  const [podman, registries] = await Promise.all([podmanHealth(), asked]);
  const at = { offline: registries.some((a) => a.registry === "docker.io" && !a.answers) };
  const tools = (await checkTools()).map(({ found, mend }) => toolHealth(found, mend, at));
  const broken = podman.works ? await brokenAndMends(family ? [`${family.registry}/${family.prefix}-`] : []) : [];
  const unreadable = family ? await unreadableImages(allTargets(family)) : [];
  const cpu = thisCpu();
  const checkup = {
    good: podman.works && broken.length + unreadable.length === 0 && tools.every((t) => t.state !== "missing"),
    family: family?.name ?? null,
    tools,
    toolboxes: await toolboxHealth(),
    podman,
    broken,
    unreadable,
    registries,
    cpu: cpu.model,
    arches: arches.map((arch) => ({ name: arch.name, missing: missingFlags(arch, cpu.flags) })),
    kvm: await probeKvm({ build: false }),
    disk: [...(podman.graphRoot ? [podman.graphRoot] : []), statePath()].map(spaceAt),
    memory: memory(),
  };
  return reportCheckup(checkup, args.has("json"));
});
