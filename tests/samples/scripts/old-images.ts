// list the images of podman's storage that are older than 30 days
import { $, print, script } from "slipway";

await script(async () => {
  const shown = "{{.Repository}}:{{.Tag}}";
  print(await $.read`podman image ls --filter until=${30 * 24}h --format ${shown}`);
});
