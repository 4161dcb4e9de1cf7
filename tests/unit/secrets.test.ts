import { describe, expect, test } from "bun:test";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Hider, hideFromNow, hideSecrets } from "../../lib/system/secrets.ts";
import { run } from "../../lib/system/shell.ts";
import { checkout, exec } from "../support/sandbox.ts";

// Where secrets of the environment must not get to.

/** The words of each call of `Bun.spawn` in a file. */
function spawns(text: string): string[] {
  return [...text.matchAll(/\bBun\.spawn(Sync)?\(/g)].map(({ index }) => {
    let depth = 0;
    for (let at = text.indexOf("(", index); at < text.length; at++) {
      depth += text[at] === "(" ? 1 : text[at] === ")" ? -1 : 0;
      if (depth === 0) return text.slice(index, at + 1);
    }
    return text.slice(index);
  });
}

test("Bun.spawn is handed the environment: left to itself it passes on what process.env no longer has", () => {
  const files = globSync(["lib/**/*.ts", "scripts/*.ts"], { cwd: checkout });
  const all = files.flatMap((file) =>
    spawns(readFileSync(join(checkout, file), "utf8")).map((call) => ({ file, call: call.replaceAll(/\s+/g, " ") })),
  );
  expect(all.length).toBeGreaterThan(5);
  expect(all.filter(({ call }) => !/\benv\b/.test(call))).toEqual([]);
});

const runners: [string, string][] = [
  ["run", 'console.log((await run(["env"])).stdout)'],
  ["question", 'console.log((await question(["env"])).stdout)'],
  ["foreground", 'await foreground(["env"])'],
];
test.each(runners)("%s starts programs without the secrets, and the command itself has them", async (_, line) => {
  const script = `import { run, foreground } from "${checkout}/lib/system/shell.ts";
import { question } from "${checkout}/lib/system/question.ts";
import { secret } from "${checkout}/lib/system/secrets.ts";
${line}
if (secret("COSIGN_PASSWORD") === "hunter22") console.log("the command has it");`;
  const { code, stdout, stderr } = await exec([process.execPath, "-e", script], {
    COSIGN_PASSWORD: "hunter22",
    COSIGN_PRIVATE_KEY: "the-key-itself",
  });
  expect(stdout).toContain("the command has it");
  const lines = `${stdout}${stderr}`.split("\n");
  expect(lines.filter((said) => /^PATH=|COSIGN_|hunter22|the-key-itself/.test(said))).toEqual([
    expect.stringMatching(/^PATH=/),
  ]);
  expect(code).toBe(0);
});

describe("secrets in what a program says", () => {
  const pem = "-----BEGIN X-----\nÄbcdefghij0123456789€\nklmnopqrst9876543210\n-----END X-----\n";
  const words = ["correct-horse", "correct-horse-battery", "horse-shoe-7", "naïve-€-pass"];
  for (const word of [pem, ...words]) hideFromNow(word);
  const secretParts = [...pem.trim().split("\n"), ...words];
  const said = [
    "pulling\n",
    `opened with correct-horse\n`,
    `correct-horse-battery and correct-horse-shoe-7 meet\n`,
    pem,
    "naïve-€-pass",
    " and corr",
  ].join("");
  const whole = hideSecrets(said);

  /** What is shown of a text that comes in these pieces. */
  function shown(bytes: Uint8Array, cuts: number[]): string {
    const hider = new Hider();
    const ends = [0, ...cuts, bytes.length];
    return (
      ends
        .slice(1)
        .map((to, i) => hider.next(bytes.subarray(ends[i], to)))
        .join("") + hider.end()
    );
  }

  test("are hidden whole, the longer of two, and two that overlap", () => {
    expect(whole).toBe("pulling\nopened with ***\n*** and *** meet\n***\n*** and corr");
  });

  test("are hidden wherever two cuts are, in the middle of a character too", () => {
    const bytes = new TextEncoder().encode(said);
    let tried = 0;
    for (let one = 0; one <= bytes.length; one++)
      for (let two = one; two <= Math.min(bytes.length, one + 24); two++) {
        tried++;
        if (shown(bytes, [one, two]) !== whole) expect([one, two, shown(bytes, [one, two])]).toEqual([one, two, whole]);
      }
    expect(tried).toBeGreaterThan(4000);
  });

  test("are hidden when every byte comes by itself, and at the end of the stream", () => {
    for (const part of [...secretParts, said]) {
      const bytes = new TextEncoder().encode(part);
      expect(shown(bytes, [...bytes.keys()].slice(1))).toBe(hideSecrets(part));
    }
  });

  test("hold nothing back but what may be one", () => {
    const hider = new Hider();
    const next = (text: string) => hider.next(new TextEncoder().encode(text));
    expect(next("Getting 1 of 3\n")).toBe("Getting 1 of 3\n");
    expect(next("Password: ")).toBe("Password: ");
    expect(next("the corr")).toBe("the ");
    expect(next("ection\n")).toBe("correction\n");
    expect(next("correct-horse")).toBe("");
    expect(next("\n")).toBe("***\n");
    expect(hider.end()).toBe("");
  });

  test("bytes that are no UTF-8 pass as the sign for that, and a byte order mark stays", () => {
    expect(shown(Uint8Array.of(0xef, 0xbb, 0xbf, 0x61, 0xff, 0xe2, 0x82), [])).toBe("\ufeffa\ufffd\ufffd");
  });

  test("do not reach the log, the lines or the outcome of a program that writes them in two pieces", async () => {
    const lines: string[] = [];
    const script =
      "printf 'is correct-'; sleep 0.3; printf 'horse\\n'; sleep 0.3; printf 'at the end: correct-horse' >&2";
    const { said: all, stderr } = await run(["sh", "-c", script], { onLine: (line) => lines.push(line) });
    expect([all, stderr, lines]).toEqual(["is ***\nat the end: ***", "at the end: ***", ["is ***", "at the end: ***"]]);
  });
});
