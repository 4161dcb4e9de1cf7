/** What cosign encrypts, with nothing in it: the form of a key, which no password opens. */
const json = JSON.stringify({
  kdf: { name: "scrypt", params: { N: 65536, r: 8, p: 1 }, salt: "c2FsdHNhbHRzYWx0c2FsdHNhbHRzYWx0c2FsdHNhbHQ=" },
  cipher: { name: "nacl/secretbox", nonce: "bm9uY2Vub25jZW5vbmNlbm9uY2Vub25j" },
  ciphertext: Buffer.from(Array.from({ length: 160 }, (_, i) => (i * 37 + 11) % 256)).toString("base64"),
});

/** A private key as cosign writes it. */
export function keyBlock(label: string): string {
  const lines = btoa(json).match(/.{1,64}/g) ?? [];
  return `-----BEGIN ENCRYPTED ${label} PRIVATE KEY-----\n${lines.join("\n")}\n-----END ENCRYPTED ${label} PRIVATE KEY-----\n`;
}
