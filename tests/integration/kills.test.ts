// needs: tiny toolbox
// reaches: build lint disk rechunk clean
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { podmanEnv } from "../../lib/tools/podman.ts";
import { type Kill, Killing } from "../support/kills.ts";
import { checkout, exec } from "../support/sandbox.ts";
import { tiny } from "../support/small-images.ts";

// Commands are killed in their middle, and nothing is left. `bun tests/kills.ts` does the same hundreds of times.
setDefaultTimeout(600_000);

const killing = new Killing();
beforeAll(() => killing.prepare());
afterAll(() => killing.remove());

test.each<[string, Kill, number]>([
  ["build", "SIGINT", 0.3],
  ["build", "SIGINT", 0.7],
  ["build", "SIGKILL", 0.5],
  ["build", "SIGKILL", 0.8],
  ["lint", "SIGINT", 0.6],
  ["lint", "SIGKILL", 0.6],
  ["disk", "SIGINT", 0.5],
  ["disk", "SIGKILL", 0.6],
  ["rechunk", "SIGKILL", 0.7],
  ["clean", "SIGKILL", 0.7],
])("%s, %s: nothing is left, the store is whole, the next one works", async (command, signal, at) => {
  expect((await killing.kill(command, signal, at)).left).toEqual([]);
});

test("podman killed while it makes a container: the process that it could not note down goes too", async () => {
  const { project } = killing;
  const info = await project.podman("info", "--format", "{{.Host.OCIRuntime.Name}} {{.Host.OCIRuntime.Path}}");
  const [name = "", runtime = ""] = info.stdout.trim().split(" ");
  const wrapper = join(project.root, name);
  const mine = `SLIPWAY_PROJECT=${project.root}`;
  // conmon gives the runtime an environment without ours, so it does not kill itself
  project.write(
    name,
    `#!/bin/bash
${runtime} "$@"; code=$?
for p in /proc/[0-9]*; do
    [[ " $* " != *" create "* ]] || ! grep -aqs "${mine}" $p/environ || kill -9 \${p#/proc/}
done
exit $code
`,
  );
  chmodSync(wrapper, 0o755);
  const known = (await podmanEnv()).CONTAINERS_CONF;
  const text = known ? readFileSync(known, "utf8") : '[engine]\nruntime = ""\n';
  project.write("containers.conf", text.replace(/^runtime = .*$/m, `runtime = "${wrapper}"`));
  project.write(
    "script.ts",
    `import { command } from "${checkout}/lib/cli/command.ts";
import { podman } from "${checkout}/lib/tools/podman.ts";
await command("list", () => podman(["run", "--rm", "${tiny}", "sleep", "1000"]), []);
`,
  );
  const env = { ...project.env, CONTAINERS_CONF: join(project.root, "containers.conf") };
  expect((await exec([process.execPath, join(project.root, "script.ts")], env)).code).toBe(137);
  expect((await killing.leftovers()).join("\n")).toMatch(/container [\s\S]*process [\s\S]*conmon/);
  expect((await project.slipway("list")).code).toBe(0);
  expect(await killing.leftovers()).toEqual([]);
});
