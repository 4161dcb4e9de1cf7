import { posix } from "node:path";
import { imageArguments, isKargsFile, kargsFailure, kargsFolder, kargsText, mostOfKargsFile } from "../oci/kargs.ts";
import { type ByteString, type Entry, shown } from "./entry.ts";

const folder = kargsFolder.slice(1);

/** As Linux follows links. */
const mostLinks = 40;

/** A kargs.d read from entries of a tar as they pass by, with the meaning that `readKargsFolder` has for one on disk. */
export class KargsEntries {
  private readonly found = new Map<ByteString, Entry>();
  private readonly contents = new Map<ByteString, Buffer>();

  /** Takes each entry; true if its content is wanted. */
  entry(entry: Entry): boolean {
    if (entry.path !== folder && !entry.path.startsWith(`${folder}/`)) return false;
    this.found.set(entry.path, entry);
    return entry.kind === "file" && entry.size <= mostOfKargsFile;
  }

  /** Takes the content of a wanted file; any other is left. */
  file({ path }: Entry, content: Buffer): void {
    if (this.found.has(path)) this.contents.set(path, content);
  }

  /** @throws Failure for what bootc cannot read */
  words(arch: string): string[] {
    const top = this.found.get(folder);
    if (top && top.kind !== "dir") throw kargsFailure(kargsFolder, "it is not a folder");
    const names = [...this.found.keys()].filter((path) => posix.dirname(path) === folder && isKargsFile(path));
    return imageArguments(
      Object.fromEntries(names.map((path) => [shown(posix.basename(path)), this.text(path)])),
      arch,
    );
  }

  private text(path: ByteString): string {
    const name = shown(posix.basename(path));
    let at = path;
    for (let links = 0; links < mostLinks; links++) {
      const entry = this.found.get(at);
      if (!entry) throw kargsFailure(name, "a link that leads nowhere");
      if (entry.kind === "symlink") {
        at = posix.normalize(posix.resolve("/", posix.dirname(at), entry.target ?? "")).slice(1);
        if (!at.startsWith(`${folder}/`)) throw kargsFailure(name, "a link that leads out of kargs.d");
      } else if (entry.kind === "link") at = entry.target ?? "";
      else if (entry.kind !== "file") throw kargsFailure(name, "it is not a file");
      else if (entry.size > mostOfKargsFile) throw kargsFailure(name, `it has more than ${mostOfKargsFile} bytes`);
      else return kargsText(this.contents.get(at) ?? fromNothing, name);
    }
    throw kargsFailure(name, "a link that leads in a circle");
  }
}

/** The content of an empty file, of which no bytes came by. */
const fromNothing = Buffer.alloc(0);
