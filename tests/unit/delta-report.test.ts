import { expect, test } from "bun:test";
import type { Delta } from "../../lib/ship/delta.ts";
import { checkout, exec } from "../support/sandbox.ts";

// What `delta` prints: the answer, and with --all what is behind it.

const layer = (digit: string, size: number, contents: string) => ({
  ...{ digest: `sha256:${digit.repeat(64)}`, size, contents, was: undefined, files: ["usr/bin/bash"] },
  reasons: { content: 5000, owner: 0, times: 0, moved: 0, beside: 700, left: 1 },
});
const delta: Delta = {
  ...{ a: "A", b: "B", kept: 60, changed: [layer("1", 1000, "dpkg/bash"), layer("2", 4_000_000, "dpkg/curl")] },
  ...{ download: 4_001_000, requests: 4, unpacked: false, floor: 2_000_000, efficiency: 0.4998 },
  packages: {
    known: true,
    updated: [{ name: "bash", from: "5.2-1", to: "5.2-2" }],
    ...{ added: [], removed: [{ name: "old", version: "1" }] },
  },
};
const answer = `4.0 MB to download in 4 requests; 60 of 62 layers are there already
2.0 MB really differ: efficiency 50 %
budget 5.0 MB: kept
packages: 1 updated, 1 removed
`;

async function shown(of: Delta, all: boolean) {
  const code = `import { showDelta } from "./lib/ship/delta-report.ts";
    showDelta(${JSON.stringify(of)}, 5_000_000, ${all});`;
  return exec([process.execPath, "-e", code], {}, checkout);
}

test("the answer comes first, and nothing else without --all", async () => {
  const { stdout, stderr } = await shown(delta, false);
  expect(stdout).toBe(answer);
  expect(stderr).toContain("--all");
});

test("--all shows each changed layer, the largest first, and each package", async () => {
  const { stdout, stderr } = await shown(delta, true);
  expect(stdout).toBe(`${answer}
size    layer         contents   why
4.0 MB  222222222222  dpkg/curl  content 5.0 kB, 1 files are no longer in it, unchanged files in the same layer 700 B
1.0 kB  111111111111  dpkg/bash  content 5.0 kB, 1 files are no longer in it, unchanged files in the same layer 700 B

updated     bash 5.2-1 → 5.2-2

removed     old 1
`);
  expect(stderr).toBe("");
});

test("what is not known of the packages is said, and of which image", async () => {
  const said = async (missing: "before" | "after") =>
    (await shown({ ...delta, changed: [], packages: { known: false, missing } }, false)).stdout;
  expect(await said("before")).toEndWith("packages: not known of A\n");
  expect(await said("after")).toEndWith("packages: not known of B\n");
});
