import { describe, expect, test } from "bun:test";
import { nearest } from "../../lib/system/nearest.ts";
import { bytes, seconds, table, visible } from "../../lib/system/output.ts";
import { commandLine, quote, run } from "../../lib/system/shell.ts";
import { checkout, exec } from "../support/sandbox.ts";

// How things are written down: tables, sizes, times, command lines.

test("what reaches a terminal has its control characters escaped, whoever prints it", async () => {
  const bad = "a\u001b[2J\u0007\r\u009b\u202e\u2028\u0000b\tc\r\nd";
  const good = "a\\u001b[2J\\u0007\\u000d\\u009b\\u202e\\u2028\\u0000b\tc\nd";
  expect(visible(bad)).toBe(good);
  expect(visible(good)).toBe(good);
  const code = `import { print, printJson, say } from "./lib/system/output.ts"; const bad = ${JSON.stringify(bad)};
    print(bad); printJson({ bad }); say(bad)`;
  const { stdout, stderr } = await exec([process.execPath, "-e", code], {}, checkout);
  expect(stderr).toBe(`${good}\n`);
  expect(stdout).toStartWith(`${good}\n{`);
  expect(stdout).not.toMatch(/[\u0080-\u009f\u202e]/);
  expect(JSON.parse(stdout.slice(good.length))).toEqual({ bad });
});

describe("a table", () => {
  test("pads to the widest cell of each column, not the last one", () => {
    expect(
      table([
        ["a", "bbb", "c"],
        ["aaa", "b", "cc"],
        ["", "x", ""],
      ]),
    ).toBe("a    bbb  c\naaa  b    cc\n     x");
  });

  test("colours do not count", () => {
    const red = (cell: string, column: number) => (column === 0 ? `<${cell}>` : cell);
    expect(
      table(
        [
          ["a", "b"],
          ["aaa", "b"],
        ],
        red,
      ),
    ).toBe("<a>    b\n<aaa>  b");
  });

  test("of nothing is nothing", () => {
    expect(table([])).toBe("");
  });
});

test.each<[number, string]>([
  [0, "0 B"],
  [999, "999 B"],
  [1000, "1.0 kB"],
  [1_234_567, "1.2 MB"],
  [123_456_789, "123 MB"],
  [999_499, "999 kB"],
  [999_950, "1.0 MB"],
  [27_000_000_000, "27.0 GB"],
  [5e15, "5000 TB"],
])("%d bytes are %s", (n, text) => {
  expect(bytes(n)).toBe(text);
});

test.each<[number, string]>([
  [0, "0.0s"],
  [4.21, "4.2s"],
  [59.94, "59.9s"],
  [59.96, "1m00s"],
  [83.2, "1m23s"],
  [119.7, "2m00s"],
  [3661, "61m01s"],
])("%d seconds are %s", (n, text) => {
  expect(seconds(n)).toBe(text);
});

describe("a word of a command line", () => {
  const odd = [
    "",
    " ",
    "a b",
    "it's",
    '"',
    "$HOME",
    "`id`",
    "a;b",
    "*",
    "ü",
    "\\",
    "-x",
    "a=b",
    "'",
    "a\nb",
    "~",
    "#x",
    "!",
  ];

  test("is quoted only where it must be", () => {
    expect(["abc", "--a=b/c:d,e@f%g+h.i-j_k", "", "a b", "it's"].map(quote)).toEqual([
      "abc",
      "--a=b/c:d,e@f%g+h.i-j_k",
      "''",
      "'a b'",
      "'it'\\''s'",
    ]);
  });

  test("is read back by a shell as it was", async () => {
    const { stdout } = await run(["sh", "-c", `printf '%s\\0' ${odd.map(quote).join(" ")}`]);
    expect(stdout.split("\0").slice(0, -1)).toEqual(odd);
  });

  test("reaches a program as it is", async () => {
    const { stdout } = await run(["printf", "%s\\0", ...odd]);
    expect(stdout.split("\0").slice(0, -1)).toEqual(odd);
  });

  test("settings stand before the command", () => {
    expect(commandLine(["a", "b c"], { X: "1 2", Y: undefined })).toBe("X='1 2' a 'b c'");
  });
});

test.each<[string, string | undefined]>([
  ["buld", "build"],
  ["comic", "cosmic"],
  ["gno", "gnome"],
  ["xyzzy", undefined],
])("the nearest word to %s is %s", (word, found) => {
  expect(nearest(word, ["build", "cosmic", "gnome"])).toBe(found);
});
