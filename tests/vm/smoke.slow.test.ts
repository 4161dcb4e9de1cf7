// needs: toolbox minimal
// reaches: build smoke flavors/ overlays/ containerfiles/
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Checked } from "../../lib/vm/smoke/smoke.ts";
import { MachineProject, minimal, patience } from "../support/machines.ts";

// One command boots two images side by side: the real default, whose promises hold, and one that breaks a promise of each kind.

const project = new MachineProject();
const broken = minimal.replace("minimal", "broken");
const junit = join(project.root, "junit.xml");

interface Row {
  reference: string;
  state: string;
  wrong: number;
  checks: Checked[];
  phases: Record<string, number>;
  journal: string;
}
let said: { code: number; stdout: string; stderr: string };
let rows: Map<string, Row>;

const promises = `
  units: [failing.service, sleeping.socket]
  files: [/etc/no-such-file]
  absent: [/etc/broken]
  packages: [no-such-package]
  commands:
    - { run: "exit 3" }
    - { run: "echo this", output: "^that$" }
    - { run: "cat /etc/broken", output: "^yes$" }
  kargs: [no-such-argument, rw]
  sysctl: { kernel.ostype: Hurd }
  mounts: [/etc]
  users: [nobody-of-that-name]
`;

beforeAll(async () => {
  project.write(
    "flavors/broken.yaml",
    `title: Broken\nrecipe: thin\nfrom: minimal\narches: [amd64]\nunits: {enable: [failing.service], disable: [sleeping.socket]}\nsmoke:${promises}`,
  );
  project.write("overlays/broken/etc/broken", "yes\n");
  project.write(
    "overlays/broken/usr/lib/systemd/system/failing.service",
    "[Unit]\nDescription=Fails on purpose\n[Service]\nType=oneshot\nExecStart=/bin/sh -c 'echo words of the failure; exit 7'\n[Install]\nWantedBy=multi-user.target\n",
  );
  project.write(
    "overlays/broken/usr/lib/systemd/system/sleeping.socket",
    "[Socket]\nListenStream=/run/sleeping\n[Install]\nWantedBy=sockets.target\n",
  );
  await project.takeMinimal();
  await project.must("build", "amd64", "minimal", "broken");
  said = await project.slipway(
    ...["smoke", "amd64", "minimal", "broken", "--jobs", "2", "--json", "--junit", junit],
    ...patience,
  );
  if (!said.stdout) throw new Error(said.stderr);
  if (said.stderr.includes("✗")) throw new Error(said.stderr);
  rows = new Map((JSON.parse(said.stdout).targets as Row[]).map((row) => [row.reference, row]));
}, 1_800_000);

afterAll(() => project.end(), 120_000);

describe("the default image", () => {
  test("keeps every promise, of which there are many", () => {
    const row = rows.get(minimal);
    expect(row?.checks.filter((check) => check.wrong !== undefined)).toEqual([]);
    expect(row?.state).toBe("good");
    const kinds = new Set(row?.checks.map((check) => check.kind));
    for (const kind of ["system", "unit", "file", "absent", "package", "command", "sysctl", "mount", "user"])
      expect(kinds).toContain(kind);
  });

  test("boots through every phase", () => {
    const phases = rows.get(minimal)?.phases ?? {};
    expect(Object.keys(phases).sort()).toEqual(["firmware", "initrd", "kernel", "ssh", "system", "target"].sort());
    const { firmware = 0, kernel = 0, initrd = 0, system = 0 } = phases;
    expect([firmware, kernel, initrd, system].sort((a, b) => a - b)).toEqual([firmware, kernel, initrd, system]);
  });
});

describe("an image that breaks its promises", () => {
  const wrong = () => (rows.get(broken)?.checks ?? []).filter((check) => check.wrong !== undefined);

  test("fails the command, and each broken promise is reported, and no other", () => {
    expect(said.code).toBe(1);
    expect(rows.get(broken)?.state).toBe("broken");
    expect(
      wrong()
        .map(({ kind, subject }) => `${kind} ${subject}`)
        .sort(),
    ).toEqual(
      [
        "absent /etc/broken",
        "command echo this",
        "command exit 3",
        "command systemctl is-system-running", // promised by minimal, on which it stands
        "file /etc/no-such-file",
        "kernel argument no-such-argument",
        "mount /etc",
        "package no-such-package",
        "sysctl kernel.ostype",
        "system no unit failed",
        "unit failing.service",
        "unit sleeping.socket",
        "user nobody-of-that-name",
      ].sort(),
    );
  });

  test("a failed unit comes with its own lines of the journal, and the whole journal is kept", () => {
    const unit = wrong().find((check) => check.subject === "failing.service");
    expect(unit?.wrong).toBe("it is failed, not active");
    expect(unit?.journal.join("\n")).toContain("words of the failure");
    expect(wrong().find((check) => check.kind === "system")?.wrong).toBe("failed: failing.service");
    expect(readFileSync(rows.get(broken)?.journal ?? "", "utf8")).toContain("words of the failure");
  });

  test("JUnit says the same", () => {
    const xml = readFileSync(junit, "utf8");
    expect([...xml.matchAll(/<failure /g)]).toHaveLength(wrong().length);
    expect(xml).toContain(`<testsuite name="${minimal}"`);
    expect(xml).toContain("words of the failure");
  });
});

test("two machines side by side leave nothing behind", () => {
  expect(project.processes()).toEqual([]);
  const folder = join(project.root, ".slipway/run");
  expect(existsSync(folder) ? [...new Bun.Glob("**/*.sock").scanSync({ cwd: folder, dot: true })] : []).toEqual([]);
});
