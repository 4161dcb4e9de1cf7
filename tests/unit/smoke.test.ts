import { expect, test } from "bun:test";
import type { Flavor } from "../../lib/family/family.ts";
import { type Smoke, smokeOf } from "../../lib/family/smoke.ts";
import type { StepResult } from "../../lib/system/steps.ts";
import { checksOf, readAnswers, scriptOf } from "../../lib/vm/smoke/checks.ts";
import { junit } from "../../lib/vm/smoke/junit.ts";
import type { Smoked } from "../../lib/vm/smoke/smoke.ts";

const nothing: Smoke = {
  ...{ units: [], files: [], absent: [], packages: [], commands: [], kargs: [], sysctl: {}, mounts: [], users: [] },
};

/** The checks of a shell on this machine, which has what they ask for, or not. */
async function here(smoke: Partial<Smoke>): Promise<Record<string, string>> {
  const [, ...checks] = checksOf({ ...nothing, ...smoke });
  const shell = Bun.spawn(["sh", "-s"], {
    stdin: new Blob([scriptOf(checks, "MARK")]),
    stdout: "pipe",
    stderr: "ignore",
  });
  const answers = readAnswers(await new Response(shell.stdout).text(), "MARK", checks.length);
  return Object.fromEntries(
    checks.map((check, i) => {
      const answer = answers[i];
      return [check.subject, answer ? (check.judge(answer.code, answer.said) ?? "holds") : "unanswered"];
    }),
  );
}

test("files, links and their absence", async () => {
  expect(await here({ files: ["/etc/passwd", "/proc/self/exe", "/no/such file's"] })).toEqual({
    ...{ "/etc/passwd": "holds", "/proc/self/exe": "holds", "/no/such file's": "it is not there" },
  });
  expect(await here({ absent: ["/no/such", "/etc/passwd"] })).toEqual({
    "/no/such": "holds",
    "/etc/passwd": "it is there",
  });
});

test("commands by exit code and output; they cannot eat what comes after them, or wait for ever for input", async () => {
  const commands = [
    { run: "cat", output: "^$" },
    { run: "printf 'one\\ntwo\\n'", output: "^two$" },
    { run: "echo a; echo b", output: "^a$.*^b$" },
    { run: "echo no; exit 3" },
    { run: "echo other", output: "^this$" },
    { run: "printf unfinished" },
    { run: "kill -9 $$" },
  ];
  expect(Object.values(await here({ commands }))).toEqual([
    ...["holds", "holds", "holds", "it ended with 3: no", 'it said "other", not /^this$/', "holds"],
    expect.stringMatching(/^it ended with 137/),
  ]);
});

test("kernel arguments whole, sysctls by value, mounts and users by name", async () => {
  const line = (await Bun.file("/proc/cmdline").text()).trim();
  const first = line.split(" ")[0] ?? "";
  const kargs = await here({ kargs: [first, `${first}x`] });
  expect([kargs[first], kargs[`${first}x`]]).toEqual([
    "holds",
    `the kernel was given: ${line.replaceAll(/\s+/g, " ")}`,
  ]);
  const range = (await Bun.file("/proc/sys/net/ipv4/ip_local_port_range").text()).trim().replaceAll(/\s+/g, " ");
  expect(
    await here({ sysctl: { "net.ipv4.ip_local_port_range": range, "kernel.ostype": "Other", "no.such": 1 } }),
  ).toEqual({
    "net.ipv4.ip_local_port_range": "holds",
    "kernel.ostype": "it is Linux, not Other",
    "no.such": expect.stringContaining("not 1"),
  });
  expect(await here({ mounts: ["/proc", "/usr/bin"] })).toEqual({
    "/proc": "holds",
    "/usr/bin": "nothing is mounted there",
  });
  expect(await here({ users: ["root", "nobody-of-that-name"] })).toEqual({
    ...{ root: "holds", "nobody-of-that-name": "there is no such user" },
  });
});

test("what a check says is not taken for the end of another, and a shell that dies leaves checks unanswered", () => {
  const out = "words\nMARKER 1 0\n\nMARK 0 1\nlate\nMARK 1 0\n";
  expect(readAnswers(out, "MARK", 3)).toEqual([
    { code: 1, said: "words\nMARKER 1 0\n" },
    { code: 0, said: "late" },
    undefined,
  ]);
});

test("a failed unit is a failed check, which names it", () => {
  const [failed] = checksOf(nothing);
  expect(failed?.judge(0, "")).toBeUndefined();
  expect(failed?.judge(0, "a.service\nb.mount\n")).toBe("failed: a.service b.mount");
  expect(failed?.judge(1, "")).toBeDefined();
});

test("a flavor promises what it is based on does, each thing once, and may set a value anew", () => {
  const flavor = (smoke: Partial<Smoke>, from?: Flavor) =>
    ({ smoke: { ...nothing, ...smoke }, from }) as unknown as Flavor;
  const base = flavor({ units: ["a.service"], files: ["/a"], sysctl: { "vm.a": 1, "vm.b": 2 } });
  const smoke = smokeOf(flavor({ units: ["b.service", "a.service"], sysctl: { "vm.b": 3 } }, base));
  expect(smoke.units).toEqual(["a.service", "b.service"]);
  expect(smoke.files).toEqual(["/a"]);
  expect(smoke.sysctl).toEqual({ "vm.a": 1, "vm.b": 3 });
});

test("JUnit counts and escapes", () => {
  const done: StepResult<Smoked> = {
    ...{ id: "r:1", title: "", seconds: 1.5, state: "done" },
    value: {
      ...{ reference: "r:1", phases: {}, journal: "" },
      checks: [
        { kind: "file", subject: "/a", wrong: undefined, journal: [] },
        { kind: "command", subject: 'x <"&>', wrong: "\x1b[1mno\x00", journal: ["<line>"] },
      ],
    },
  };
  const xml = junit([done]);
  expect(xml).toContain('<testsuite name="r:1" tests="3" failures="1" time="1.500">');
  expect(xml).toContain('name="x &lt;&quot;&amp;&gt;">');
  expect(xml).toContain('<failure message="[1mno">&lt;line&gt;</failure>');
});
