import { describe, expect, test } from "bun:test";
import { readKeyForm } from "../../lib/trust/key-form.ts";
import { keyBlock } from "../support/key-block.ts";
import { checkout, exec } from "../support/sandbox.ts";

// What secret stores, editors and mails do to a key.

const pem = keyBlock("SIGSTORE");
const inner = pem.trim().split("\n").slice(1, -1);

const manglers: Record<string, (text: string) => string> = {
  nothing: (text) => text,
  CRLF: (text) => text.replaceAll("\n", "\r\n"),
  CR: (text) => text.replaceAll("\n", "\r"),
  indented: (text) => text.replaceAll(/^/gm, "    "),
  "indented by tabs": (text) => text.replaceAll(/^/gm, "\t"),
  "a literal \\n": (text) => text.replaceAll("\n", "\\n"),
  "a literal \\r\\n": (text) => text.replaceAll("\n", "\\r\\n"),
  "a literal \\n, escaped once more": (text) => text.replaceAll("\n", "\\\\n"),
  "one line with blanks": (text) => text.replaceAll("\n", " "),
  "one line": (text) => text.replaceAll("\n", ""),
  "blanks at line ends": (text) => text.replaceAll("\n", "  \n"),
  "blank lines": (text) => text.replaceAll("\n", "\n\n"),
  "no last line end": (text) => text.trimEnd(),
  "a byte order mark": (text) => `\ufeff${text}`,
  "double quotes": (text) => `"${text.trimEnd()}"`,
  "single quotes": (text) => `'${text}'`,
  "quotes at each line": (text) => text.trimEnd().replaceAll(/^(.*)$/gm, '"$1"'),
  JSON: (text) => JSON.stringify(text),
  "JSON of a file": (text) => JSON.stringify({ key: text }),
  "a line of .env": (text) => `export COSIGN_PRIVATE_KEY="${text}"`,
  YAML: (text) => `key: |\n${text.replaceAll(/^/gm, "  ")}`,
  "a quoted mail": (text) => text.replaceAll(/^/gm, "> "),
  "a shell's continued lines": (text) => text.trimEnd().replaceAll("\n", "\\\n"),
  "no-break spaces": (text) => text.replaceAll("\n", "\u00a0\n"),
  "UTF-16 read as bytes": (text) => [...text].map((c) => `${c}\0`).join(""),
  "wrapped at 40": (text) => text.replaceAll(/(?=(.{40})+$)/gm, "\n"),
};

describe("is repaired", () => {
  test.each(["SIGSTORE", "COSIGN"])("every mangling of a %s key, and every two of them", (label) => {
    const key = keyBlock(label);
    const all = Object.entries(manglers);
    const wrong = all.flatMap(([one, first]) =>
      all.flatMap(([two, second]) => {
        const form = readKeyForm(second(first(key)));
        return "pem" in form && form.pem === key ? [] : [`${one}, then ${two}: ${JSON.stringify(form).slice(0, 90)}`];
      }),
    );
    expect(wrong).toEqual([]);
    expect(all.length ** 2).toBeGreaterThan(600);
  });

  const base64 = (text: string) => Buffer.from(text).toString("base64");
  test.each<[string, string]>([
    ["base64 of the whole", base64(pem)],
    ["base64 of the whole, in lines", `${base64(pem).replaceAll(/(.{76})/g, "$1\n")}\n`],
    ["base64 of the whole, in quotes", `"${base64(pem)}"`],
    ["base64url of the whole", Buffer.from(pem).toString("base64url")],
    ["base64 of a file with CRLF", base64(pem.replaceAll("\n", "\r\n"))],
    ["without its first and last line", inner.join("\n")],
  ])("%s", (_, text) => expect(readKeyForm(text)).toEqual({ pem }));
});

describe("or the cause is reported", () => {
  const rows: [string, string, string][] = [
    ["an empty one", " \n", "it is empty"],
    ["a mask", "***", "it is the mask"],
    ["the first line alone", "-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----", "its last line is missing"],
    ["without its first line", pem.slice(pem.indexOf("\n")), "its first line is missing"],
    ["a line too few", pem.replace(`${inner[3]}\n`, ""), "is cut short or altered"],
    ["an empty block", pem.replace(inner.join("\n"), ""), "(0 characters) is cut short"],
    ["a character of another kind", pem.replace(inner[2] ?? "", "%0A"), "no key has (U+0025)"],
    ["a public key", "-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----\n", "it is a public key"],
    ["openssl's", "-----BEGIN EC PRIVATE KEY-----\nMHcC\n-----END EC PRIVATE KEY-----\n", "cosign import-key-pair"],
    ["its base64", Buffer.from("-----BEGIN PUBLIC KEY-----\nMFkw\n").toString("base64"), "it is a public key"],
    ["an address", "awskms:///alias/x", "it is the address of a key"],
    ["a file's name", "/run/secrets/cosign.key", "it is the name of a file"],
    ["words", "hello there", "its 10 characters do not have a line with BEGIN"],
    ["a long text", "x".repeat(20_000), "it has 20000 characters"],
  ];
  test.each(rows)("%s", (_, text, words) => expect(readKeyForm(text)).toEqual({ why: expect.stringContaining(words) }));

  test("cut anywhere: never another key, and no word shows any of it", () => {
    for (let length = 0; length < pem.trimEnd().length; length++) {
      const form = readKeyForm(pem.slice(0, length));
      // A whole block that only lacks the dashes at its end has all that a key is.
      if ("pem" in form) expect(form.pem).toBe(pem);
      else for (const line of inner) expect(form.why).not.toContain(line.slice(0, 12));
    }
  });

  const advise: [string, Record<string, string>, RegExp][] = [
    [
      "a broken key",
      { COSIGN_PRIVATE_KEY: pem.slice(0, 300) },
      /its last line is missing[\s\S]*gh secret set COSIGN_PRIVATE_KEY/,
    ],
    [
      "an empty secret",
      { COSIGN_PRIVATE_KEY: "" },
      /empty: the secret store gives it no value[\s\S]*bring the private half/,
    ],
    [
      "a password of two lines",
      { COSIGN_PRIVATE_KEY: pem, COSIGN_PASSWORD: "hunter22\nhunter23" },
      /has several lines/,
    ],
  ];
  test.each(advise)("%s: what to do, and never a new pair", async (_, env, words) => {
    const script = `import { signingKey } from "${checkout}/lib/trust/key.ts";
await signingKey({ root: "${checkout}", key: "guaraos.pub" }).then(console.log, (error) => console.log(error.lines().join("\\n")));`;
    const { stdout } = await exec([process.execPath, "-e", script], env);
    expect(stdout).toMatch(words);
    expect(stdout).not.toMatch(/new pair|run keys|hunter2/);
  });

  test("a line end behind the password is not part of it", async () => {
    const script = `import { givenPassword } from "${checkout}/lib/trust/key.ts"; console.log(JSON.stringify(givenPassword()));`;
    for (const [given, taken] of [
      ["a b\n", "a b"],
      ["a b\r\n", "a b"],
      [" a ", " a "],
      ["", ""],
    ] as const) {
      const { stdout } = await exec([process.execPath, "-e", script], { COSIGN_PASSWORD: given });
      expect(JSON.parse(stdout)).toBe(taken);
    }
  });
});
