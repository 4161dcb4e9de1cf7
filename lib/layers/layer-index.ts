import { closeSync, openSync, writeSync } from "node:fs";
import { packingOf, readBlob } from "./blob.ts";
import type { Entry } from "./entry.ts";
import { TarError, TarReader } from "./tar-read.ts";

/** 32 bytes in base64, without what fills it up. */
const hashDigits = 43;

/** What reading a layer through gives. */
export interface LayerIndex {
  /** Of the blob as it lies there. */
  digest: string;
  size: number;
  /** Of the tar inside. */
  diffId: string;
  plainSize: number;
  /** A file with the tar: the blob itself, or what was unpacked from it. Entries' `at` counts in it. */
  tar: string;
}

const zeros = Buffer.alloc(1 << 16);

/** The hash of a file's whole content, holes written out, so that the same file is the same however it is stored. */
class ContentHash {
  private readonly hash = new Bun.CryptoHasher("sha256");
  private part = 0;
  private inPart = 0;
  private at = 0;

  constructor(private readonly entry: Entry) {}

  private hole(until: number): void {
    for (; this.at < until; this.at += Math.min(zeros.length, until - this.at))
      this.hash.update(until - this.at >= zeros.length ? zeros : zeros.subarray(0, until - this.at));
  }

  push(bytes: Uint8Array): void {
    const { parts } = this.entry;
    if (!parts) {
      this.hash.update(bytes);
      return;
    }
    for (let i = 0; i < bytes.length; ) {
      const [start = 0, length = 0] = parts[this.part] ?? [];
      this.hole(start);
      const n = Math.min(bytes.length - i, length - this.inPart);
      this.hash.update(bytes.subarray(i, i + n));
      this.at += n;
      this.inPart += n;
      i += n;
      if (this.inPart === length) {
        this.part++;
        this.inPart = 0;
      }
    }
  }

  end(): string {
    if (this.entry.parts) this.hole(this.entry.size);
    return this.hash.digest("base64").slice(0, hashDigits);
  }
}

/** What a layer may have at most. */
export interface Allowed {
  /** Bytes, holes counted. */
  unpacked: number;
  /** Entries. */
  most: number;
}

/** Compares what a layer claims with its limits. @throws TarError */
class Budget {
  private count = 0;
  private bytes = 0;

  constructor(private readonly allowed: Allowed) {}

  entry({ parts, size, at }: Entry): void {
    const { most } = this.allowed;
    if (++this.count > most) throw new TarError(`more than ${most} entries`, at, true);
    // A hole takes no bytes in the layer, but all its bytes when the file is hashed and written out.
    if (parts) this.add(size - parts.reduce((sum, [, length]) => sum + length, 0), at);
  }

  add(bytes: number, at: number): void {
    this.bytes += bytes;
    const { unpacked } = this.allowed;
    if (this.bytes > unpacked) throw new TarError(`unpacks to more than ${unpacked} bytes`, at, true);
  }
}

/**
 * Reads a layer: its entries, the hash of every file, and what the blob and the tar in it hash to.
 * @param spool where the tar is written if the blob is packed, for contents are later read from there; none if they are not.
 * @param tell told each entry when its content has been read.
 * @throws TarError, BlobError
 */
export async function indexLayer(
  blob: string,
  spool: string | undefined,
  allowed: Allowed,
  tell: (entry: Entry) => void,
): Promise<LayerIndex> {
  const packed = packingOf(blob) !== "none";
  const out = packed && spool !== undefined ? openSync(spool, "w") : undefined;
  const budget = new Budget(allowed);
  const plainHash = new Bun.CryptoHasher("sha256");
  const rawHash = packed ? new Bun.CryptoHasher("sha256") : plainHash;
  let size = 0;
  let plainSize = 0;
  let content: ContentHash | undefined;
  const reader = new TarReader(
    (entry) => {
      budget.entry(entry);
      content = entry.kind === "file" ? new ContentHash(entry) : undefined;
    },
    (bytes) => content?.push(bytes),
    (entry) => {
      if (content) entry.hash = content.end();
      tell(entry);
    },
  );
  try {
    await readBlob(
      blob,
      (bytes) => {
        if (packed) rawHash.update(bytes);
        size += bytes.length;
      },
      (bytes) => {
        plainHash.update(bytes);
        plainSize += bytes.length;
        budget.add(bytes.length, plainSize);
        if (out !== undefined) for (let at = 0; at < bytes.length; ) at += writeSync(out, bytes, at);
        reader.push(bytes);
      },
    );
    reader.close();
  } finally {
    if (out !== undefined) closeSync(out);
  }
  const diffId = `sha256:${plainHash.digest("hex")}`;
  return {
    digest: packed ? `sha256:${rawHash.digest("hex")}` : diffId,
    size,
    diffId,
    plainSize,
    tar: packed ? (spool ?? "") : blob,
  };
}
