/** Plain tar archives, written in memory: entries in, bytes out. No outside tool, so hundreds take no time. */

export type Entry =
  | { path: string; mode: number; content: Uint8Array }
  | { path: string; mode: number; folder: true }
  | { path: string; link: string };

const block = 512;
const text = new TextEncoder();

function header(path: string, mode: number, size: number, type: string, link: string): Uint8Array {
  const bytes = new Uint8Array(block);
  const put = (at: number, value: string) => bytes.set(text.encode(value), at);
  const octal = (value: number, width: number) => `${value.toString(8).padStart(width - 1, "0")}\0`;
  if (path.length > 100) throw new Error(`stand-in: ${path} is too long for this tar`);
  put(0, path);
  put(100, octal(mode, 8));
  put(108, octal(0, 8));
  put(116, octal(0, 8));
  put(124, octal(size, 12));
  put(136, octal(1_700_000_000, 12));
  put(148, "        ");
  put(156, type);
  put(157, link);
  put(257, "ustar\x0000");
  put(265, "root");
  put(297, "root");
  put(
    148,
    `${bytes
      .reduce((sum, byte) => sum + byte, 0)
      .toString(8)
      .padStart(6, "0")}\0 `,
  );
  return bytes;
}

export function tar(entries: readonly Entry[]): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const entry of entries) {
    if ("link" in entry) {
      parts.push(header(entry.path, 0o777, 0, "2", entry.link));
    } else if ("folder" in entry) {
      parts.push(header(`${entry.path}/`, entry.mode, 0, "5", ""));
    } else {
      parts.push(header(entry.path, entry.mode, entry.content.length, "0", ""), entry.content);
      parts.push(new Uint8Array((block - (entry.content.length % block)) % block));
    }
  }
  parts.push(new Uint8Array(2 * block));
  return Buffer.concat(parts);
}
