import { onInterrupt } from "../../cli/command.ts";
import { exit, Failure } from "../../cli/errors.ts";
import { podman, podmanEnv } from "../../cli/podman.ts";
import { startOf } from "../../cli/process.ts";
import { type Entry, shown } from "../../image/entry.ts";
import { podmanFailure } from "../../image/storage.ts";
import { TarReader } from "../../image/tar-read.ts";
import { endMark, header, padding } from "../../image/tar-write.ts";

/** The label of the containers that are made to read an image; its value names the process. */
const label = "org.slipway.export";

/** Removes what a killed export left: a container whose process is gone. */
async function sweep(): Promise<void> {
  const format = `{{.ID}} {{index .Labels "${label}"}}`;
  const { stdout } = await podman(["ps", "--all", "--filter", `label=${label}`, "--format", format]);
  for (const line of stdout.split("\n")) {
    const [id, owner = ""] = line.split(" ");
    const [pid, began] = owner.split("-");
    if (id && startOf(Number(pid)) !== began) await podman(["rm", "--force", id]);
  }
}

/** What is wanted of an image while its files stream by. */
export interface ExportReader {
  /** Told each entry; true if its content is wanted. */
  entry(entry: Entry): boolean;
  /** The content of a wanted file. */
  file(entry: Entry, content: Buffer): void;
  /** Every piece of the tar, in order; it is waited for. */
  piece(bytes: Uint8Array): Promise<void> | void;
}

/**
 * The file tree of an image in podman's storage as one tar: layers laid over each other, owners as in the image, no root
 * needed. The container that podman wants for it is never started.
 * @throws Failure
 */
export async function exportImage(reference: string, log: string | undefined, reader: ExportReader): Promise<void> {
  await sweep();
  const logged = log ? { log } : {};
  const owner = `${process.pid}-${startOf(process.pid)}`;
  const made = await podman(["create", "--label", `${label}=${owner}`, "--network=none", reference, "true"], logged);
  if (made.code !== 0) throw podmanFailure(`reading ${reference} from podman's storage`, made);
  const id = made.stdout.trim();
  // podman opens /dev/stdout anew, which a socket, such as Bun gives its children, does not allow
  const child = Bun.spawn(["bash", "-c", 'set -o pipefail; podman export "$1" | cat', "bash", id], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...(await podmanEnv()) },
  });
  const remove = async () => {
    child.kill();
    await child.exited;
    await podman(["rm", "--force", id], { cleaning: true });
  };
  const forget = onInterrupt(remove);
  try {
    const said = new Response(child.stderr).text();
    await readTar(child.stdout, reader);
    if ((await child.exited) !== 0)
      throw new Failure(exit.failed, `reading ${reference} from podman's storage failed`, {
        tried: ["podman export", ...(await said).trim().split("\n").slice(-3)],
        next: "bun run doctor",
      });
  } finally {
    forget();
    await remove();
  }
}

/**
 * Reads podman's tar, and hands it on in the one form that lib/image writes: podman puts bits of the file's type into a
 * header's mode, and mkfs.ext4 then makes an empty file of a hard link.
 */
async function readTar(stream: ReadableStream<Uint8Array>, reader: ExportReader): Promise<void> {
  let parts: Buffer[] | undefined;
  let out: Uint8Array[] = [];
  const tar = new TarReader(
    (entry) => {
      if (entry.parts)
        throw new Failure(exit.failed, `podman exports ${shown(entry.path)} with holes, which it never did`);
      out.push(header(entry));
      parts = reader.entry(entry) ? [] : undefined;
    },
    (bytes) => {
      const copy = Buffer.from(bytes);
      out.push(copy);
      parts?.push(copy);
    },
    (entry) => {
      if (entry.kind === "file") out.push(Buffer.alloc(padding(entry.size)));
      if (parts) reader.file(entry, Buffer.concat(parts));
      parts = undefined;
    },
  );
  for await (const bytes of stream) {
    tar.push(bytes);
    await reader.piece(Buffer.concat(out));
    out = [];
  }
  tar.close();
  await reader.piece(Buffer.alloc(endMark));
}
