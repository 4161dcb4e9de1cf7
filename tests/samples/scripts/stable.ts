// tag yesterday's build as `stable`
import { askForTargets, dayOf, loadFamily, print, repositoryOf, retag, script, tagsOf } from "slipway";

await script(async (args) => {
  const yesterday = dayOf(new Date(Date.now() - 24 * 3600 * 1000));
  for (const target of await askForTargets(await loadFamily(), args.words, args.has("yes"), "stable")) {
    const [dated] = tagsOf(target, yesterday);
    print(`${target.reference} ${await retag(`${repositoryOf(target)}:${dated}`, "stable")}`);
  }
});
