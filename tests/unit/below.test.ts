import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Held } from "../../lib/host/below.ts";
import { Comparison } from "../../lib/host/migrate/files/compare.ts";
import { Mirror } from "../../lib/host/migrate/files/copy.ts";
import { checkout } from "../support/sandbox.ts";

let folder: string;
const at = (path: string) => join(folder, path);
const meter = async () => undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "slipway-below-"));
  for (const name of ["home/Documents", "outside/folder", "to"]) mkdirSync(at(name), { recursive: true });
  writeFileSync(at("home/Documents/file"), "mine");
  writeFileSync(at("outside/file"), "secret");
  writeFileSync(at("outside/folder/doomed"), "secret");
});
afterEach(() => void Bun.spawnSync(["rm", "-rf", folder]));

describe("held", () => {
  test("stays what it was, whatever takes its name", () => {
    using home = Held.ofRoot(at("home"));
    using documents = home.hold("Documents");
    renameSync(at("home/Documents"), at("home/was"));
    symlinkSync(at("outside"), at("home/Documents"));
    documents?.remove("file");
    documents?.put("new", "text");
    documents?.allow(0o711);
    expect(readFileSync(at("outside/file"), "utf8")).toBe("secret");
    expect([existsSync(at("home/was/file")), existsSync(at("home/was/new"))]).toEqual([false, true]);
    expect(lstatSync(at("home/was")).mode & 0o777).toBe(0o711);
  });

  test("a link is held itself, and leads nowhere", () => {
    symlinkSync(at("outside"), at("home/link"));
    using home = Held.ofRoot(at("home"));
    using link = home.hold("link");
    expect([link?.stat.isSymbolicLink(), link?.target().toString()]).toEqual([true, at("outside")]);
    expect([home.look("link/file"), home.look("Documents/file")?.size]).toEqual([undefined, 4n]);
    link?.own(7, 7);
    expect([lstatSync(at("home/link")).uid, lstatSync(at("outside")).uid]).toEqual([7, 0]);
    using made = home.folder("link");
    expect([made.stat.isDirectory(), existsSync(at("outside/file"))]).toEqual([true, true]);
  });

  test("a file that is put takes the place of a link, and what the link names stays", () => {
    symlinkSync(at("outside/file"), at("home/.identity"));
    symlinkSync(at("outside/file"), at("home/.identity.part"));
    using home = Held.ofRoot(at("home"));
    home.put(".identity", "text", 1000);
    expect(readFileSync(at("outside/file"), "utf8")).toBe("secret");
    expect([lstatSync(at("home/.identity")).uid, lstatSync(at("outside/file")).uid]).toEqual([1000, 0]);
  });

  test("a pipe and a device are held without waiting, and never opened", () => {
    Bun.spawnSync(["mkfifo", at("home/pipe")]);
    using home = Held.ofRoot(at("home"));
    using pipe = home.hold("pipe");
    expect(() => pipe?.open()).toThrow("neither a file nor a folder");
    using dev = Held.ofRoot("/dev");
    using zero = dev.hold("zero");
    expect(() => zero?.read(10)).toThrow("neither a file nor a folder");
  });

  test("another file system is none of the folder", () => {
    using root = Held.ofRoot("/");
    expect(() => root.hold("proc")).toThrow("EXDEV");
  });

  test.each(["", ".", "..", "a/b", "/etc"])("%j is no name", (name) => {
    using home = Held.ofRoot(at("home"));
    expect(() => home.hold(name)).toThrow("no name");
    expect(() => home.create(name)).toThrow("no name");
  });

  test("more than was asked for is not read", () => {
    using home = Held.ofRoot(at("home"));
    using file = home.walk("Documents/file");
    expect([file?.read(4)?.toString(), file?.read(3)]).toEqual(["mine", undefined]);
  });
});

const swapper = `
import { exchange } from ${JSON.stringify(join(checkout, "lib/host/libc.ts"))};
const [one, other] = process.argv.slice(1);
for (;;) exchange(one, other);`;

test("a folder that is swapped for a link all the time: what lies behind the link is never copied, nor removed", async () => {
  symlinkSync(at("outside"), at("home/link"));
  const other = Bun.spawn([process.execPath, "-e", swapper, at("home/Documents"), at("home/link")], {
    stdin: "ignore",
  });
  const seen = { link: 0, folder: 0, rounds: 0 };
  try {
    // Until the race was there for sure, whichever way it went.
    for (; seen.rounds < 20_000 && Math.min(seen.link, seen.folder) < 100; seen.rounds++) {
      using home = Held.ofRoot(at("home"));
      using to = Held.ofRoot(at("to"));
      await new Mirror(home, to, { meter }).item("Documents");
      await new Comparison(home, to, { meter }).item("Documents");
      using copied = to.hold("Documents");
      if (copied?.stat.isSymbolicLink()) seen.link++;
      else {
        seen.folder++;
        const [file, ...more] = copied?.names() ?? [];
        expect([more, file && readFileSync(at(`to/Documents/${file}`), "utf8")]).toEqual([[], file && "mine"]);
      }
    }
  } finally {
    other.kill("SIGKILL");
    await other.exited;
  }
  expect(Math.min(seen.link, seen.folder)).toBeGreaterThanOrEqual(100);
  expect(readFileSync(at("outside/folder/doomed"), "utf8")).toBe("secret");
  rmSync(at("to"), { recursive: true });
}, 120_000);
