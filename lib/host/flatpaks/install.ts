import { run } from "../../system/shell.ts";
import type { Progress } from "../../system/steps.ts";
import { available, because, installed, installWords, type RemoteState, remote } from "./flatpak.ts";
import type { App } from "./list.ts";
import { type FullRef, idOf, isThere } from "./refs.ts";

export interface Outcomes {
  /** As they were named. */
  installed: string[];
  failed: { ref: string; because: string }[];
}

/** An entry, and what flatpak gets for it. */
interface Wanted {
  app: App;
  ref: FullRef;
}

/** Why the remote has nothing for an entry. */
function lacking({ isFiltered }: RemoteState): string {
  return isFiltered ? `${remote} is filtered on this machine, and shows no such app` : `${remote} has no such app`;
}

/** One transaction. @returns flatpak's reasons by ID, and the reason for all of it */
async function attempt(some: Wanted[], progress: Progress): Promise<{ reasons: Map<string, string>; whole: string }> {
  const reasons = new Map<string, string>();
  const begun = new Set<string>();
  const outcome = await run(installWords([...new Set(some.map(({ ref }) => ref))]), {
    log: progress.log,
    onLine: (line) => {
      const what = /^(?:Installing|Updating) ((?:app|runtime)\/\S+)/.exec(line.trim())?.[1];
      if (some.some(({ ref }) => ref === what)) begun.add(what ?? "");
      if (what) progress.now(`${begun.size} of ${some.length}, ${idOf(what)}`);
      const failed = /^(?:Error: )?Failed to install ([^:\s]+): (.*)$/.exec(line.trim());
      if (failed) reasons.set(failed[1] ?? "", failed[2] ?? "");
    },
  });
  return { reasons, whole: outcome.code === 0 ? "" : because(outcome) };
}

/**
 * Installs apps in one transaction. flatpak gives all of it up where one is missing in the remote or can mean several refs, so these
 * are set aside first. What a transaction left out is tried by itself, which installs it or tells the reason.
 * @throws Failure where the remote does not answer
 */
export async function install(apps: App[], state: RemoteState, ownArch: string, progress: Progress): Promise<Outcomes> {
  progress.now(`what ${remote} has`);
  const refsOf = await available(apps);
  const reasons = new Map<App, string>();
  const wanted: Wanted[] = [];
  const unclear: Wanted[] = [];
  for (const app of apps) {
    const [ref, ...others] = refsOf(app);
    if (ref === undefined) reasons.set(app, lacking(state));
    // the remote may have a default branch, which flatpak knows
    else if (others.length) unclear.push({ app, ref: app.ref });
    else wanted.push({ app, ref });
  }
  const first = wanted.length ? await attempt(wanted, progress) : undefined;
  let there = await installed();
  const missing = wanted.filter(({ ref }) => !there.has(ref));
  for (const { app } of missing) {
    const why = first?.reasons.get(app.id);
    // flatpak's reason names the ID only, which several of them may have
    const isOnly = wanted.filter((other) => other.app.id === app.id).length === 1;
    if (why !== undefined && isOnly) reasons.set(app, why);
  }
  const left = missing.filter(({ app }) => !reasons.has(app));
  for (const one of [...left, ...unclear]) {
    const { reasons: said, whole } = await attempt([one], progress);
    const several = `more than one fits, name one of them: ${refsOf(one.app).join(", ")}`;
    reasons.set(one.app, said.get(one.app.id) ?? (unclear.includes(one) ? several : whole));
  }
  if (left.length + unclear.length) there = await installed();
  const isIn = (app: App) =>
    wanted.some((one) => one.app === app && there.has(one.ref)) ||
    (unclear.some((one) => one.app === app) && isThere(app, there, ownArch));
  return {
    installed: apps.filter(isIn).map(({ ref }) => ref),
    failed: apps
      .filter((app) => !isIn(app))
      .map((app) => ({
        ref: app.ref,
        because: reasons.get(app) || "flatpak says that all went well, and it is not there",
      })),
  };
}
