/**
 * The text of a private key, as it comes out of a secret store, a mail or an editor. Stores mangle line ends and quotes; the key
 * itself is base64 in a PEM block, and whether that is whole can be seen without the password: it is JSON.
 *
 * Source of the form: cosign's pkg/cosign/keys.go (the two labels) and go-securesystemslib's `encrypted` (the JSON).
 */
export type KeyForm = { pem: string } | { why: string };

const usual = "SIGSTORE";
const block = /-{5}BEGINENCRYPTED(SIGSTORE|COSIGN)PRIVATEKEY-{5}(.*?)-{5}ENDENCRYPTED\1PRIVATEKEY-{5}/;

/** Longer than any key of cosign's (650 bytes) in any wrapping: what is longer is another file. */
const longest = 16_384;

/** What editors, UTF-16 and copying put between characters. */
const unseen = /[\0\ufeff\ufffd\u200b\u2060]/g;

function pemOf(label: string, base64: string): string {
  const lines = base64.match(/.{1,64}/g) ?? [];
  return [
    `-----BEGIN ENCRYPTED ${label} PRIVATE KEY-----`,
    ...lines,
    `-----END ENCRYPTED ${label} PRIVATE KEY-----`,
    "",
  ].join("\n");
}

/** Whether base64 is the whole of what cosign encrypts. */
function isWhole(base64: string): boolean {
  try {
    const { kdf, cipher, ciphertext } = JSON.parse(atob(base64));
    return Boolean(kdf?.name && cipher?.name) && typeof ciphertext === "string";
  } catch {
    return false;
  }
}

/**
 * A text without what may get between the characters of a key: white space, also written as `\n`, and the quotes and marks of
 * pasted lines. What is left of a key is its base64 and its first and last line.
 */
function bare(text: string): string {
  return text
    .replaceAll(unseen, "")
    .replaceAll(/\\+(u[\da-f]{4}|[rnt])/gi, "")
    .replaceAll(/[\s"'`\\,>|]/g, "");
}

function fromBlock(label: string, base64: string): KeyForm {
  const stranger = /[^\w+/=-]/u.exec(base64)?.[0];
  const sign = stranger?.codePointAt(0)?.toString(16).toUpperCase().padStart(4, "0");
  if (stranger !== undefined)
    return { why: `between its first and last line is a character that no key has (U+${sign})` };
  if (isWhole(base64)) return { pem: pemOf(label, base64) };
  return {
    why: `its first and last line are there, but what is between them (${base64.length} characters) is cut short or altered`,
  };
}

/** What a text without a whole block is, after `bare`. The first row that fits is the message. */
const causes: [RegExp, string][] = [
  [/^$/, "it is empty: the secret store has no such secret, or does not give it to this job"],
  [/^\*+$/, "it is the mask that CI shows in place of a secret, not the secret"],
  [/BEGINENCRYPTED(SIGSTORE|COSIGN)/, "its last line is missing: it was cut off, often after the first line"],
  [/ENDENCRYPTED(SIGSTORE|COSIGN)/, "its first line is missing"],
  [/BEGINPUBLICKEY/, "it is a public key, the other half of what signs"],
  [
    /BEGIN[A-Z]*PRIVATEKEY/,
    "it is a private key of another program's; cosign import-key-pair --key FILE makes one of cosign's from it",
  ],
  [/^[a-z0-9]+:\/\//, "it is the address of a key; give the key itself"],
  [/^[\w.~/-]+\.(key|pem)$/, "it is the name of a file, not the text in the file"],
];

function causeOf(text: string): string {
  const found = causes.find(([pattern]) => pattern.test(text))?.[1];
  return found ?? `its ${text.length} characters do not have a line with BEGIN ENCRYPTED SIGSTORE PRIVATE KEY`;
}

/**
 * Pure: the key in a text, with the line ends that cosign expects.
 * @returns the PEM block; or, where there is no whole key in it, why not, in words that show nothing of it
 */
export function readKeyForm(given: string, wrapped = false): KeyForm {
  if (given.length > longest) return { why: `it has ${given.length} characters, and no key has` };
  const text = bare(given);
  const [, label = "", body] = block.exec(text) ?? [];
  if (body !== undefined) return fromBlock(label, body);
  // Without its first and last line, or the whole file in base64 once more.
  if (isWhole(text)) return { pem: pemOf(usual, text) };
  if (!wrapped && /^[\w+/-]+=*$/.test(text)) {
    const inner = Buffer.from(text, "base64").toString("utf8");
    if (/BEGIN\s*[A-Z\s]*KEY/.test(inner)) return readKeyForm(inner, true);
  }
  return { why: causeOf(text) };
}
