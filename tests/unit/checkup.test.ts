import { expect, test } from "bun:test";
import { checkupText } from "../../lib/tools/checkup-text.ts";
import type { Checkup } from "../../lib/tools/doctor.ts";

// What `doctor` shows of what it found.

const tool = { from: "missing", version: null, purpose: "is for it", range: "*", fix: null };
const box = { reference: "localhost/box:1", built: true, old: false, suite: "trixie", day: "2026-11-26", packages: {} };

const good: Checkup = {
  ...{ good: true, family: "sample", broken: [], unreadable: [], arches: [], disk: [], cpu: "Zen" },
  tools: [{ ...tool, name: "podman", state: "good", from: "/usr/bin/podman", version: "5.0.0" }],
  toolboxes: [{ ...box, name: "stable" }],
  podman: { works: true, graphRoot: "/var", because: "podman info answers", fix: null },
  registries: [{ registry: "docker.io", answers: true }],
  kvm: { state: "works", because: "a guest ran" },
  memory: { total: 2e9, available: 1e9 },
};

const lines = (checkup: Checkup) => checkupText(checkup).split("\n");

test("a machine that has everything", () => {
  expect(lines(good).at(-1)).toBe("Everything that is needed is here.");
  expect(checkupText(good)).not.toMatch(/[–✗]|How to fix it/);
});

test("what is built on first use is no ✓, and the summary names it and what does not work here", () => {
  const text = checkupText({
    ...good,
    tools: [{ ...tool, name: "bst", state: "later", from: "toolbox, on first use" }],
    toolboxes: [{ ...box, name: "rolling", built: false }],
    registries: [{ registry: "docker.io", answers: false, because: "no network" }],
  });
  expect(text).toMatch(/^ {2}– {2}bst /m);
  expect(text).toMatch(/^ {2}– {2}rolling {2}built on first use$/m);
  expect(text).not.toContain("How to fix it");
  expect(text.split("\n").at(-1)).toBe(
    "Everything that is needed is here. Built on first use: the toolbox rolling. To be aware of: docker.io.",
  );
});

test("each ✗ has its command, one that fixes several is shown once, and the summary names them all", () => {
  const uidmap = "sudo apt-get install uidmap";
  const text = checkupText({
    ...good,
    good: false,
    tools: [
      { ...tool, name: "podman", state: "missing", range: ">=4.3.1" },
      { ...tool, name: "newuidmap", state: "missing", fix: uidmap },
      { ...tool, name: "newgidmap", state: "missing", fix: uidmap },
    ],
    podman: { works: false, graphRoot: null, because: "it crashes", fix: "see that podman runs" },
    broken: [{ image: "a/b:c", fix: "bun run clean" }],
    unreadable: [{ image: "d/e:f", because: "no signature", fix: "bun run push d e" }],
  });
  expect(text.slice(text.indexOf("How to fix it"))).toBe(`How to fix it
  ✗  podman
       install podman >=4.3.1 with the system's package manager
  ✗  newuidmap, newgidmap
       ${uidmap}
  ✗  podman
       see that podman runs
  ✗  broken image
       bun run clean
  ✗  d/e:f
       bun run push d e

Missing or broken: podman, newuidmap, newgidmap, broken image, d/e:f. What fixes it is above.`);
});
