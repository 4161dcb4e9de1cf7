/** The thread that reads and writes layers; the rest of the program stays free, and two layers are done side by side. */
import { BlobError } from "./blob.ts";
import type { Entry } from "./entry.ts";
import { indexLayer, type LayerIndex } from "./layer-index.ts";
import type { Answer, Question } from "./layer-pool.ts";
import { writeStream } from "./layer-stream.ts";
import type { Piece } from "./layer-tar.ts";
import { writeChunked } from "./layer-write.ts";
import { Lines, LineWriter } from "./lines.ts";
import { TarError } from "./tar-read.ts";

declare const self: Worker;

const post = (answer: Answer) => self.postMessage(answer);

async function work(question: Question): Promise<void> {
  if (question.do === "write") {
    const { tars, path, packing } = question;
    const pieces = new Lines<Piece>(question.pieces);
    const isChunked = packing.compression === "zstd:chunked";
    const written = isChunked
      ? writeChunked(pieces, tars, path, packing.level)
      : writeStream(pieces, tars, path, packing);
    post({ written: await written });
    return;
  }
  const entries = new LineWriter<Entry>(question.entries);
  let index: LayerIndex;
  try {
    index = await indexLayer(question.blob, question.spool, question, (entry) => entries.add(entry));
  } finally {
    entries.close();
  }
  post({ index });
}

self.onmessage = async ({ data }: MessageEvent<Question>) => {
  try {
    await work(data);
  } catch (error) {
    if (error instanceof TarError) post({ broken: error.what, offset: error.offset, isOverLimit: error.isOverLimit });
    else if (error instanceof BlobError) post({ broken: error.what, offset: error.offset, isOverLimit: false });
    else {
      const { code, message } = error as { code?: string | number; message: string };
      post({ failed: message, code: String(code ?? "") });
    }
  }
};
