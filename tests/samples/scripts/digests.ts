// the digest of each target's published image
import { allTargets, loadFamily, print, script, table, tagDigest } from "slipway";

await script(async () => {
  const targets = allTargets(await loadFamily());
  const rows = targets.map(async ({ reference }) => [reference, (await tagDigest(reference)) ?? "not published"]);
  print(table(await Promise.all(rows)));
});
