// needs: registry tools tiny minimal
// reaches: release keys flavors/ overlays/ containerfiles/
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Acme, password } from "../support/acme.ts";
import { useTools } from "../support/host-tools.ts";
import { Registry } from "../support/registry.ts";
import { checkout, Project, type Said } from "../support/sandbox.ts";

// The whole line, against a real registry that answers as ghcr.io. The tests of this file follow each other.
setDefaultTimeout(300_000);

const acme = new Acme();
const unlocked = { COSIGN_PASSWORD: password };
let registry: Registry;

interface Row {
  stage: string;
  reference: string;
  state: string;
  said?: string;
  [fact: string]: unknown;
}

const release = (env: Record<string, string>, ...args: string[]) =>
  registry.slipway(acme, env, "release", "amd64", "--attempts", "1", ...args);

function steps({ code, stdout, stderr }: Said, expected = 0): Row[] {
  if (code !== expected) throw new Error(`exit code ${code}\n${stderr}\n${registry.log.slice(-1500)}`);
  return JSON.parse(stdout).steps;
}

const said = (rows: Row[], flavor: string) =>
  Object.fromEntries(
    rows.filter((r) => r.reference.includes(`os-${flavor}:`)).map((r) => [r.stage, r.said ?? r.state]),
  );

/** What flavor one says that it has: the list of a package database. */
const packages = (versions: Record<string, string>) =>
  acme.write(
    "overlays/one/usr/lib/sysimage/dpkg/status",
    Object.entries(versions)
      .map(([name, version]) => `Package: ${name}\nStatus: install ok installed\nVersion: ${version}\n`)
      .join("\n"),
  );

const unfinished = () => readdirSync(join(acme.root, ".slipway/state/release"));

beforeAll(async () => {
  useTools();
  await acme.prepare();
  packages({ bash: "5.2-1", curl: "8.1", old: "1" });
  registry = await Registry.start();
  const { code, stderr } = await acme.keys();
  if (code !== 0) throw new Error(stderr);
}, 900_000);

afterAll(async () => {
  await acme.removeImages("ghcr.io/acme/");
  acme.remove();
  await registry?.stop();
});

test("a key that does not open is reported before anything is built or pushed", async () => {
  const { code, stderr } = await release({ COSIGN_PASSWORD: "wrong" }, "one");
  expect(code).not.toBe(0);
  expect(stderr).toContain("password");
  expect(registry.tags("acme/os-one")).toEqual({});
  expect((await acme.podman("image", "exists", "ghcr.io/acme/os-one:amd64")).code).toBe(1);
});

test("--no-push builds and rechunks, needs no key, and nothing leaves the machine", async () => {
  const rows = steps(await release({}, "one", "--no-push", "--json"));
  expect(rows.map((r) => [r.stage, r.state])).toEqual([
    ["build", "done"],
    ["rechunk", "done"],
  ]);
  expect(registry.tags("acme/os-one")).toEqual({});
});

// Images that break their promises are booted in tests/vm/smoke.slow.test.ts. Here the boot fails before it begins.
test("--smoke: what does not boot goes no further", async () => {
  const said = await release({}, "one", "--no-push", "--smoke", "--json");
  expect(steps(said, 1).map((r) => [r.stage, r.state])).toEqual([
    ["build", "failed"],
    ["rechunk", "left"],
  ]);
  expect(said.stderr).toContain("os-one:amd64 cannot boot: it has no kernel");
});

test("an image that its machines could not check is not pushed, and the command that helps is named", async () => {
  acme.write("containerfiles/bare.Containerfile", "# @base\nFROM ${BASE}\nRUN echo bare >/etc/bare\n");
  acme.write("flavors/bare.yaml", "title: bare\nrecipe: bare\narches: [amd64]\n");
  const { code, stdout, stderr } = await release(unlocked, "bare", "--json");
  expect(steps({ code, stdout, stderr }, 1).map((r) => [r.stage, r.state])).toEqual([
    ...[
      ["build", "done"],
      ["rechunk", "done"],
      ["push", "failed"],
    ],
    ...[
      ["sign", "left"],
      ["verify", "left"],
      ["delta", "left"],
    ],
  ]);
  expect(stderr).toContain("the image has no policy.json");
  expect(stderr).toContain("next: bun run trust add amd64 bare");
  expect(registry.tags("acme/os-bare")).toEqual({});
  for (const file of ["containerfiles/bare.Containerfile", "flavors/bare.yaml"]) rmSync(join(acme.root, file));
});

test("all flavors of an arch are built, rechunked, pushed, signed, verified; the summary is GitHub's too", async () => {
  const summary = join(acme.root, "summary.md");
  const rows = steps(await release({ ...unlocked, GITHUB_STEP_SUMMARY: summary }, "--json"));
  for (const flavor of ["one", "two"]) {
    expect(said(rows, flavor)).toMatchObject({ sign: "signed", verify: "6 checks", delta: "the first release" });
    const tags = registry.tags(`acme/os-${flavor}`);
    const digest = tags.amd64;
    expect(digest).toMatch(/^sha256:/);
    const dated = Object.keys(tags).filter((t) => /^amd64-\d{8}$/.test(t));
    expect(dated.map((t) => tags[t])).toEqual([digest]);
    expect(tags.latest).toBe(digest);
    expect(tags).toHaveProperty([`${digest?.replace(":", "-")}.sig`]);
  }
  // The workflow has the key in this step alone: what --no-push built and rechunked before is taken as it is.
  expect(said(rows, "one").build).toBe("skipped");
  expect(unfinished()).toEqual([]);
  const page = readFileSync(summary, "utf8");
  expect(page).toMatch(/^\| ghcr\.io\/acme\/os-one:amd64 \|.*signed/m);
  expect(page).toContain("## `ghcr.io/acme/os-one:amd64`\n");
  expect(page).toContain("- Download: all of it: this is the first version\n- Packages: 3\n");
});

test("once more: nothing is done twice, and the registry stays as it is", async () => {
  const before = registry.tags("acme/os-one");
  const rows = steps(await release(unlocked, "one", "--json"));
  expect(said(rows, "one")).toMatchObject({ build: "skipped", sign: "signed already", delta: "nothing new" });
  expect(said(rows, "one").push).toStartWith("there already");
  expect(registry.tags("acme/os-one")).toEqual(before);
});

describe("an update", () => {
  test("costs a machine what changed, and the budget is a gate", async () => {
    acme.write("overlays/one/etc/flavor", "one, updated\n");
    packages({ bash: "5.2-2", curl: "8.1", new: "0.1" });
    const tight = steps(await release(unlocked, "one", "--budget", "1B", "--json"), 1);
    expect(tight.find((r) => r.stage === "delta")).toMatchObject({ state: "failed" });
    const notes = join(acme.root, "notes.md");
    const released = await release(unlocked, "one", "--budget", "5MB", "--notes", notes, "--json");
    const rows = steps(released);
    const delta = rows.find((r) => r.stage === "delta");
    expect(delta?.said).toContain("from the previous");
    expect(delta?.download).toBeLessThan(5e6);
    expect(delta?.kept).toBeGreaterThan(0);
    expect(unfinished()).toEqual([]);
    const image = `ghcr.io/acme/os-one@${registry.tags("acme/os-one").amd64}`;
    expect(JSON.parse(released.stdout).images).toEqual([
      expect.objectContaining({
        image,
        ...{ reference: "ghcr.io/acme/os-one:amd64", key: "acme.pub", packages: 3 },
        since: expect.objectContaining({
          ...{ is: "update", download: delta?.download, kept: delta?.kept },
          packages: {
            known: true,
            updated: [{ name: "bash", from: "5.2-1", to: "5.2-2" }],
            added: [{ name: "new", version: "0.1" }],
            removed: [{ name: "old", version: "1" }],
          },
        }),
      }),
    ]);
    expect(readFileSync(notes, "utf8")).toContain(`- Image: \`${image}\`\n`);
    expect(readFileSync(notes, "utf8")).toContain("```text\nbash 5.2-1 → 5.2-2\n```\n");
  });

  test("that is none is one line for people", async () => {
    const { code, stdout } = await release(unlocked, "one");
    expect(code).toBe(0);
    const image = `ghcr.io/acme/os-one@${registry.tags("acme/os-one").amd64}`;
    expect(stdout).toEndWith(`\n\n${image}  the same as the last version\n`);
  });

  /** Kills a release as soon as it says that a stage began. */
  async function killAt(stage: string): Promise<void> {
    const argv = [process.execPath, join(checkout, "scripts/release.ts"), "amd64", "one"];
    const child = Bun.spawn(registry.within(argv), {
      env: { ...process.env, ...acme.env, ...unlocked },
      stdio: ["ignore", "ignore", "pipe"],
    });
    let heard = "";
    for await (const chunk of child.stderr) {
      heard += new TextDecoder().decode(chunk);
      if (heard.includes(`… ${stage} `)) break;
    }
    expect(heard).toContain(`… ${stage} `);
    child.kill("SIGKILL");
    await child.exited;
  }

  test("killed at one stage after the other: each run continues, and the result is that of an unbroken run", async () => {
    acme.write("overlays/one/etc/flavor", "killed at each stage\n");
    for (const stage of ["build", "rechunk", "push", "sign", "verify", "delta"]) await killAt(stage);
    const rows = steps(await release(unlocked, "one", "--json"));
    expect(rows.map((r) => r.state)).toEqual(rows.map(() => "done"));
    expect(said(rows, "one").sign).toMatch(/^signed/);
    const tags = registry.tags("acme/os-one");
    const pushed = JSON.parse(
      readFileSync(join(acme.root, ".slipway/state/pushed/ghcr.io+acme+os-one@amd64.json"), "utf8"),
    );
    expect(tags.amd64).toBe(pushed.digest);
    expect(tags).toHaveProperty([`${pushed.digest.replace(":", "-")}.sig`]);
    expect(unfinished()).toEqual([]);
  });
});

test("a registry that is down: one clear end, nothing signed", async () => {
  acme.write("overlays/two/etc/flavor", "two, updated\n");
  const before = registry.tags("acme/os-two");
  registry.luck = { kind: "down" };
  try {
    const rows = steps(await release(unlocked, "two", "--json"), 1);
    expect(rows.map((r) => [r.stage, r.state])).toEqual([
      ["build", "done"],
      ["rechunk", "done"],
      ["push", "failed"],
      ["sign", "left"],
      ["verify", "left"],
      ["delta", "left"],
    ]);
  } finally {
    registry.luck = { kind: "good" };
  }
  expect(registry.tags("acme/os-two")).toEqual(before);
});

test("a dry run shows every stage and changes nothing", async () => {
  const before = registry.tags("acme/os-two");
  const { code, stdout } = await release({}, "two", "--dry-run");
  expect(code).toBe(0);
  for (const stage of ["build", "rechunk", "push", "sign", "verify", "delta"])
    expect(stdout).toContain(`# ${stage} ghcr.io/acme/os-two:amd64`);
  expect(registry.tags("acme/os-two")).toEqual(before);
});

test("the real minimal image goes through, and podman under its own policy takes it and refuses the unsigned copy", async () => {
  const real = new Project([...["flavors", "overlays", "containerfiles", ".containerignore", ".gitignore"]]);
  try {
    writeFileSync(join(real.root, "guaraos.pub"), readFileSync(join(acme.root, "acme.pub")));
    writeFileSync(join(real.root, "cosign.key"), readFileSync(join(acme.root, "cosign.key")), { mode: 0o600 });
    const rows = steps(await registry.slipway(real, unlocked, "release", "amd64", "minimal", "--json"));
    expect(rows.map((r) => r.state)).toEqual(rows.map(() => "done"));

    // The files by which the machine decides, taken from the image itself.
    const name = "ghcr.io/guara92/guaraos-minimal";
    const files = [
      "/etc/containers/policy.json",
      "/etc/containers/registries.d/guaraos.yaml",
      "/etc/pki/containers/guaraos.pub",
    ];
    const out = join(real.root, "machine");
    const copied = await real.podman(
      ...["run", "--rm", "--network=none", `--volume=${real.root}:${real.root}`, `${name}:amd64`],
      ...["sh", "-c", `mkdir -p ${out}; for f in ${files.join(" ")}; do cp --parents $f ${out}; done`],
    );
    expect(copied.stderr).toBe("");
    const pull = (reference: string) =>
      registry.tool(
        ...["sh", "-c"],
        `cp -r ${out}/etc/. /etc/ && podman --root ${real.root}/pulled --runroot /run/p --storage-driver overlay pull --quiet ${reference}`,
      );
    expect(existsSync(join(out, "etc/containers/policy.json"))).toBe(true);
    const accepted = await pull(`${name}:amd64`);
    expect([accepted.code, accepted.stderr]).toEqual([0, expect.any(String)]);
    const digest = registry.tags("guara92/guaraos-minimal").amd64 ?? "";
    const unsigned = await registry.tool(
      "skopeo",
      "copy",
      "--quiet",
      "--remove-signatures",
      `docker://${name}@${digest}`,
      `docker://ghcr.io/guara92/unsigned-copy:amd64`,
    );
    expect(unsigned.stderr).toBe("");
    const refused = await pull("ghcr.io/guara92/unsigned-copy:amd64");
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toMatch(/signature was required|no signature exists/);
  } finally {
    await real.podman("rmi", "--force", "ghcr.io/guara92/guaraos-minimal:amd64");
    real.remove();
    rmSync(join(real.root), { recursive: true, force: true });
  }
}, 900_000);
