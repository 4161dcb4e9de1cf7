import { closeSync, openSync, readSync } from "node:fs";
import { open } from "node:fs/promises";

/** Files are read through one buffer: memory does not grow with them. */
const pieceSize = 1 << 20;

/** The SHA-256 of a file's content, in hex. */
export async function sha256OfFile(path: string): Promise<string> {
  const hash = new Bun.CryptoHasher("sha256");
  const buffer = Buffer.allocUnsafe(pieceSize);
  const file = await open(path);
  try {
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, pieceSize);
      if (bytesRead === 0) return hash.digest("hex");
      hash.update(buffer.subarray(0, bytesRead));
    }
  } finally {
    await file.close();
  }
}

/** The same, while nothing else goes on. */
export function sha256OfFileSync(path: string): string {
  const hash = new Bun.CryptoHasher("sha256");
  const buffer = Buffer.allocUnsafe(pieceSize);
  const file = openSync(path, "r");
  try {
    for (;;) {
      const length = readSync(file, buffer, 0, pieceSize, null);
      if (length === 0) return hash.digest("hex");
      hash.update(buffer.subarray(0, length));
    }
  } finally {
    closeSync(file);
  }
}
