import { closeSync, openSync, readSync, rmSync, writeSync } from "node:fs";

/** So much text becomes a frame. */
const most = 512 << 10;

/** Text that grows to any length, compressed into a file frame by frame. */
export class FrameFile {
  private readonly fd: number;
  private readonly hash = new Bun.CryptoHasher("sha256");
  private parts: string[] = [];
  private length = 0;
  private plain = 0;
  private packed = 0;

  constructor(
    private readonly path: string,
    private readonly level: number,
  ) {
    this.fd = openSync(path, "w+");
  }

  add(text: string): void {
    this.parts.push(text);
    this.length += text.length;
    if (this.length >= most) this.flush();
  }

  private flush(): void {
    const bytes = Buffer.from(this.parts.join(""), "utf8");
    this.parts = [];
    this.length = 0;
    if (bytes.length === 0) return;
    const frame = Bun.zstdCompressSync(bytes, { level: this.level });
    this.hash.update(frame);
    for (let at = 0; at < frame.length; ) at += writeSync(this.fd, frame, at);
    this.plain += bytes.length;
    this.packed += frame.length;
  }

  /** @returns the bytes of the text and of the file, and what the file hashes to. */
  finish(): { plain: number; packed: number; digest: string } {
    this.flush();
    return { plain: this.plain, packed: this.packed, digest: `sha256:${this.hash.digest("hex")}` };
  }

  /** The file, piece by piece; each is only good during the call. */
  read(tell: (bytes: Uint8Array) => void): void {
    const buffer = Buffer.allocUnsafe(most);
    for (let at = 0; ; ) {
      const n = readSync(this.fd, buffer, 0, most, at);
      if (n === 0) return;
      tell(buffer.subarray(0, n));
      at += n;
    }
  }

  remove(): void {
    closeSync(this.fd);
    rmSync(this.path, { force: true });
  }
}
