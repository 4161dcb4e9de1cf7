import type { Family, Target } from "../../family/family.ts";
import { print, printJson } from "../../system/output.ts";
import { commandLine } from "../../system/shell.ts";
import { signWords, verifyWords } from "../../trust/cosign.ts";
import type { PushOptions } from "../push/push.ts";
import { repositoryOf } from "../push/pushed.ts";
import { pushCommands } from "../push/words.ts";
import { dryLines, imageFolder } from "../rechunk/target.ts";
import type { BuildStep, Stage } from "./release.ts";

interface Shown {
  stage: Stage;
  reference: string;
  commands: string[];
}

const words = ({ arch, flavor }: Target) => `${arch.name} ${flavor.name}`;

function shipping(target: Target, family: Family, push: PushOptions): Shown[] {
  const { reference } = target;
  const image = `${repositoryOf(target)}@DIGEST`;
  return [
    { stage: "push", reference, commands: pushCommands(target, family, { ...push, folder: imageFolder(reference) }) },
    { stage: "sign", reference, commands: [commandLine(["cosign", ...signWords(image, [], family.rekor)])] },
    {
      stage: "verify",
      reference,
      commands: [
        commandLine(["cosign", ...verifyWords(image, family.key, family.rekor)]),
        `bun run verify ${words(target)}`,
      ],
    },
    { stage: "delta", reference, commands: [`bun run delta ${repositoryOf(target)}@PREVIOUS ${reference}`] },
  ];
}

/** What a release would run, stage by stage; nothing of it is run. */
export function showRelease(
  named: Target[],
  builds: BuildStep[],
  family: Family,
  push: PushOptions,
  ship: boolean,
  json: boolean,
): void {
  const making = builds.flatMap(({ target }): Shown[] => [
    { stage: "build", reference: target.reference, commands: [`bun run build ${words(target)}`] },
    { stage: "rechunk", reference: target.reference, commands: dryLines(target) },
  ]);
  const steps = [...making, ...(ship ? named.flatMap((target) => shipping(target, family, push)) : [])];
  if (json) printJson({ steps });
  else for (const { stage, reference, commands } of steps) print([`# ${stage} ${reference}`, ...commands].join("\n"));
}
