import { expect, test } from "bun:test";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { checkout } from "../support/sandbox.ts";

// Workflows say when, where and with which rights; what is done stands in commands that a person can run too.

interface Step {
  uses?: string;
  run?: string;
  env?: Record<string, string>;
  with?: Record<string, unknown>;
}

interface Job {
  if?: string;
  "runs-on": string;
  permissions?: Record<string, string>;
  env?: unknown;
  needs?: string;
  strategy?: { matrix: string };
  steps: Step[];
}

interface Workflow {
  on: Record<string, unknown>;
  permissions: unknown;
  env?: unknown;
  jobs: Record<string, Job>;
}

const files = globSync(".github/workflows/*", { cwd: checkout });
const workflows = files.map((file) => [file, parse(readFileSync(join(checkout, file), "utf8")) as Workflow] as const);
const jobs = workflows.flatMap(([file, { jobs: all }]) =>
  Object.entries(all).map(([name, job]) => [`${file} ${name}`, job] as const),
);
const steps = jobs.flatMap(([name, job]) => job.steps.map((step, i) => [`${name} step ${i + 1}`, step] as const));
const build = parse(readFileSync(join(checkout, ".github/workflows/build.yml"), "utf8")) as Workflow;

test("there is something to look at", () => {
  expect(steps.length).toBeGreaterThan(3);
});

test("every action is pinned by its commit, with its version beside it", () => {
  for (const [name, { uses }] of steps)
    if (uses !== undefined)
      expect([name, uses]).toEqual([name, expect.stringMatching(/^[\w-]+\/[\w-]+@[0-9a-f]{40}$/)]);
  for (const file of files) {
    const lines = readFileSync(join(checkout, file), "utf8").split("\n");
    for (const line of lines.filter((l) => /\buses:/.test(l))) expect(line).toMatch(/@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
  }
});

test("no right by default, and only a release may write packages", () => {
  for (const [, workflow] of workflows) expect(workflow.permissions).toEqual({});
  const writing = jobs.filter(([, { permissions = {} }]) => Object.values(permissions).includes("write"));
  expect(writing.map(([name, { permissions }]) => [name, permissions])).toEqual([
    [".github/workflows/build.yml release", { contents: "read", packages: "write" }],
  ]);
  for (const [, { permissions }] of jobs) expect(permissions).toBeDefined();
});

test("the key is in the step that signs, and nowhere else: after set-up and build, which run others' code", () => {
  const withKey = steps.filter(([, step]) => /secrets\.|COSIGN/.test(JSON.stringify(step)));
  expect(withKey.map(([name]) => name)).toEqual([".github/workflows/build.yml release step 5"]);
  const { steps: all = [] } = build.jobs.release ?? {};
  const calls = all.map((step) => /\.\/run .*|podman login/.exec(step.run ?? "")?.[0]);
  expect(calls).toEqual([
    undefined,
    "./run setup",
    "podman login",
    './run release "$ARCH" --no-push --skip-unable $FLAGS',
    './run release "$ARCH" --skip-unable',
  ]);
  for (const [, { env }] of workflows) expect(env).toBeUndefined();
  for (const [, { env }] of jobs) expect(env).toBeUndefined();
  for (const [name, step] of steps)
    if (step.uses?.startsWith("actions/checkout@"))
      expect([name, step.with]).toEqual([name, { "persist-credentials": false }]);
});

test("on a schedule, by hand with switches, and on pull requests without pushing", () => {
  expect(build.on).toMatchObject({
    schedule: expect.arrayContaining([{ cron: expect.stringContaining(" */2 * *") }]),
    workflow_dispatch: { inputs: { refresh: { type: "boolean" }, "no-cache": { type: "boolean" } } },
  });
  expect(build.on).toHaveProperty("pull_request");
  expect(build.on).not.toHaveProperty("pull_request_target");
  const { try: trying, release } = build.jobs;
  expect(trying?.if).toBe("github.event_name == 'pull_request'");
  expect(trying?.steps.at(-1)?.run).toContain("--no-push");
  expect(release?.if).toStartWith("github.event_name != 'pull_request' && ");
});

test("arches and runners come from the manifest; nothing from outside is pasted into a script", () => {
  for (const [name, job] of Object.entries(build.jobs).filter(([, { strategy }]) => strategy)) {
    expect([name, job["runs-on"], job.strategy?.matrix]).toEqual([
      name,
      "${{ matrix.runner }}",
      "${{ fromJSON(needs.matrix.outputs.matrix) }}",
    ]);
  }
  for (const [name, { run }] of steps) expect([name, run ?? ""]).toEqual([name, expect.not.stringContaining("${{")]);
});

test("Dependabot looks after actions and packages, one pull request a week for each", () => {
  const { version, updates } = parse(readFileSync(join(checkout, ".github/dependabot.yml"), "utf8"));
  expect(version).toBe(2);
  const all = updates.map((update: Record<string, unknown>) => [update["package-ecosystem"], update.directory]);
  expect(all).toEqual([
    ["github-actions", "/"],
    ["bun", "/"],
  ]);
  for (const update of updates)
    expect(update).toMatchObject({ schedule: { interval: "weekly" }, groups: expect.any(Object) });
});

test("no logic: a step is one command", () => {
  for (const [name, { run }] of steps)
    expect([name, /\b(if|for|while|case|until)\b|&&|\|\|/.test(run ?? "")]).toEqual([name, false]);
});
