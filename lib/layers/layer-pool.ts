import { rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { most, raise } from "../oci/limits.ts";
import { exit, Failure } from "../system/errors.ts";
import { onInterrupt } from "../system/interrupt.ts";
import type { Entry } from "./entry.ts";
import type { LayerIndex } from "./layer-index.ts";
import type { LayerPacking, Piece, WrittenLayer } from "./layer-tar.ts";
import { Lines, writeLines } from "./lines.ts";

export type Question =
  | { do: "index"; blob: string; spool: string | undefined; unpacked: number; most: number; entries: string }
  | { do: "write"; pieces: string; tars: string[]; path: string; packing: LayerPacking };

export type Answer =
  | { index: LayerIndex }
  | { written: WrittenLayer }
  | { broken: string; offset: number; isOverLimit: boolean }
  | { failed: string; code: string };

/** More threads than this do not help: the disk is the limit then, and each has its buffers. */
const mostThreads = 4;

/** What the system said when there was no room, no right, no file. */
function systemFailure(what: string, message: string, code: string): Failure {
  if (code === "ENOSPC" || code === "EDQUOT")
    return new Failure(exit.failed, `${what}: no space left`, {
      tried: [message],
      next: "free space where .slipway/ lies (an image needs its size twice while it is worked on), then run this again",
    });
  return new Failure(exit.failed, `${what}: ${message}`);
}

/** Threads that read and write layers. */
export class LayerPool {
  private readonly idle: Worker[] = [];
  private readonly all: Worker[] = [];
  private readonly waiting: ((worker: Worker) => void)[] = [];

  private readonly forget = onInterrupt(() => this.end());

  constructor(private readonly size = Math.min(availableParallelism(), mostThreads)) {}

  private async take(): Promise<Worker> {
    const free = this.idle.pop();
    if (free) return free;
    if (this.all.length < this.size) {
      const worker = new Worker(new URL("./layer-worker.ts", import.meta.url).href, { smol: true });
      this.all.push(worker);
      return worker;
    }
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  private give(worker: Worker): void {
    const next = this.waiting.shift();
    if (next) next(worker);
    else this.idle.push(worker);
  }

  private async ask(what: string, question: () => Question | Promise<Question>): Promise<Answer> {
    const worker = await this.take();
    try {
      const asked = await question();
      return await new Promise<Answer>((done, fail) => {
        worker.onmessage = ({ data }: MessageEvent<Answer>) => {
          if ("broken" in data) {
            const next = data.isOverLimit ? raise : "the image is broken: build or pull it again; nothing was changed";
            fail(new Failure(exit.failed, `${what}: ${data.broken} at byte ${data.offset}`, { next }));
          } else if ("failed" in data) fail(systemFailure(what, data.failed, data.code));
          else done(data);
        };
        worker.onerror = (event) => fail(new Failure(exit.failed, `${what}: ${event.message}`));
        worker.postMessage(asked);
      });
    } finally {
      worker.onmessage = null;
      this.give(worker);
    }
  }

  /**
   * @param what the layer's name in an error.
   * @param place the entries are written next to it. If the layer is compressed and `keep` is set, its tar is unpacked there.
   * @param unpacked how many bytes it may come to.
   * @throws Failure naming the layer and the offset
   */
  async index(
    what: string,
    blob: string,
    place: string,
    unpacked: number,
    keep = true,
  ): Promise<{ index: LayerIndex; entries: Lines<Entry> }> {
    const entries = `${place}.entries`;
    const spool = keep ? place : undefined;
    const answer = await this.ask(what, () => ({ do: "index", blob, spool, unpacked, most: most("entries"), entries }));
    if (!("index" in answer)) throw new Error("a thread answered something else");
    return { index: answer.index, entries: new Lines(entries) };
  }

  /** @param pieces gone through when a thread is free, and only once. */
  async write(
    what: string,
    pieces: () => Iterable<Piece>,
    tars: string[],
    path: string,
    packing: LayerPacking,
  ): Promise<WrittenLayer> {
    const list = `${path}.pieces`;
    const answer = await this.ask(what, async () => {
      await writeLines(list, pieces());
      return { do: "write", pieces: list, tars, path, packing };
    });
    rmSync(list, { force: true });
    if (!("written" in answer)) throw new Error("a thread answered something else");
    return answer.written;
  }

  close(): void {
    this.forget();
    this.end();
  }

  private end(): void {
    for (const worker of this.all) worker.terminate();
  }
}
