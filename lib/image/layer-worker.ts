/** The thread that reads and writes layers; the rest of the program stays free, and two layers are done side by side. */
import { BlobError } from "./blob.ts";
import type { Entry } from "./entry.ts";
import { indexLayer } from "./layer-index.ts";
import type { Answer, Question } from "./layer-pool.ts";
import { type Piece, writeLayer } from "./layer-write.ts";
import { TarError } from "./tar-read.ts";

declare const self: Worker;

const batch = 1000;

const post = (answer: Answer) => self.postMessage(answer);

async function work(question: Question): Promise<void> {
  if (question.do === "write") {
    const pieces: Piece[] = JSON.parse(question.pieces);
    post({ written: writeLayer(pieces, question.tars, question.path) });
    return;
  }
  // As text: it crosses to the other thread without being copied object by object.
  let entries: Entry[] = [];
  const send = () => {
    post({ entries: JSON.stringify(entries) });
    entries = [];
  };
  const index = await indexLayer(question.blob, question.spool, (entry) => {
    entries.push(entry);
    if (entries.length === batch) send();
  });
  if (entries.length) send();
  post({ index });
}

self.onmessage = async ({ data }: MessageEvent<Question>) => {
  try {
    await work(data);
  } catch (error) {
    if (error instanceof TarError || error instanceof BlobError) post({ broken: error.what, offset: error.offset });
    else {
      const { code, message } = error as NodeJS.ErrnoException;
      post({ failed: message, code: code ?? "" });
    }
  }
};
