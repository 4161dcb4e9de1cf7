import { availableParallelism } from "node:os";
import { exit, Failure } from "../cli/errors.ts";
import type { Entry } from "./entry.ts";
import type { LayerIndex } from "./layer-index.ts";
import type { Piece, WrittenLayer } from "./layer-write.ts";

export type Question =
  | { do: "index"; blob: string; spool: string }
  | { do: "write"; pieces: string; tars: string[]; path: string };

export type Answer =
  | { entries: string }
  | { index: LayerIndex }
  | { written: WrittenLayer }
  | { broken: string; offset: number }
  | { failed: string; code: string };

/** More threads than this do not help: the disk is the limit then, and each has its buffers. */
const most = 4;

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

  constructor(private readonly size = Math.min(availableParallelism(), most)) {}

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

  private async ask<T>(what: string, question: () => Question, hear: (answer: Answer) => T | undefined): Promise<T> {
    const worker = await this.take();
    try {
      return await new Promise<T>((done, fail) => {
        worker.onmessage = ({ data }: MessageEvent<Answer>) => {
          if ("broken" in data) {
            const next = "the image is broken: build or pull it again; nothing was changed";
            fail(new Failure(exit.failed, `${what}: ${data.broken} at byte ${data.offset}`, { next }));
          } else if ("failed" in data) fail(systemFailure(what, data.failed, data.code));
          else {
            const value = hear(data);
            if (value !== undefined) done(value);
          }
        };
        worker.onerror = (event) => fail(new Failure(exit.failed, `${what}: ${event.message}`));
        worker.postMessage(question());
      });
    } finally {
      worker.onmessage = null;
      this.give(worker);
    }
  }

  /**
   * @param what the layer's name in an error.
   * @throws Failure naming the layer and the offset
   */
  index(what: string, blob: string, spool: string, entries: (some: Entry[]) => void): Promise<LayerIndex> {
    return this.ask(
      what,
      () => ({ do: "index", blob, spool }),
      (answer) => {
        if ("entries" in answer) entries(JSON.parse(answer.entries));
        return "index" in answer ? answer.index : undefined;
      },
    );
  }

  /** @param pieces made when a thread is free, so that only the layers under way are in memory. */
  write(what: string, pieces: () => Piece[], tars: string[], path: string): Promise<WrittenLayer> {
    const question = () => ({ do: "write", pieces: JSON.stringify(pieces()), tars, path }) as const;
    return this.ask(what, question, (answer) => ("written" in answer ? answer.written : undefined));
  }

  close(): void {
    for (const worker of this.all) worker.terminate();
  }
}
