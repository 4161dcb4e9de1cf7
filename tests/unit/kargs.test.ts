import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compare, difference, type Lists, ownConsole, systemLost, wholeList } from "../../lib/host/kargs.ts";
import { chooseEntry, parseEntry } from "../../lib/host/kargs-entries.ts";
import { applyWords } from "../../lib/host/kargs-host.ts";
import type { Entry } from "../../lib/layers/entry.ts";
import { KargsEntries } from "../../lib/layers/kargs-entries.ts";
import { imageArguments, nameOf, parseKargsFile, sameWord, splitArguments } from "../../lib/oci/kargs.ts";
import { readKargsFolder } from "../../lib/oci/kargs-folder.ts";

describe("words of a command line", () => {
  const rows: [string, string[]][] = [
    ["", []],
    ["  \n", []],
    ["quiet", ["quiet"]],
    ["root=LABEL=r rw\tquiet\n", ["root=LABEL=r", "rw", "quiet"]],
    ['dyndbg="file drivers/usb/* +p" quiet', ['dyndbg="file drivers/usb/* +p"', "quiet"]],
    ['"init arg=a b" x', ['"init arg=a b"', "x"]],
    ['a="b c\n', ['a="b c']],
    ["console=tty0 console=ttyS0,115200n8", ["console=tty0", "console=ttyS0,115200n8"]],
    ["quiet -- single -x=1", ["quiet"]],
    ['quiet "--" x', ["quiet", '"--"', "x"]],
    ["a=b=c a= =", ["a=b=c", "a=", "="]],
  ];
  test.each(rows)("%p", (text, words) => expect(splitArguments(text)).toEqual(words));

  test.each([
    ['a="b c"', '"a=b c"', true],
    ["intel-iommu=on", "intel_iommu=on", true],
    ["a=b-c", "a=b_c", false],
    ["quiet", "quiet=", false],
    ["Quiet", "quiet", false],
  ])("%p and %p are one: %p", (one, other, same) => expect(sameWord(one) === sameWord(other)).toBe(same));

  test("names", () => expect(["a-b=c=d", '"x=y z"', "quiet"].map(nameOf)).toEqual(["a_b", "x", "quiet"]));
});

describe("a file of kargs.d", () => {
  const x86 = (text: string) => parseKargsFile(text, "10-x.toml", "x86_64");
  test.each([
    ['kargs = ["quiet", "console=tty0"]', ["quiet", "console=tty0"]],
    ["kargs = []", []],
    ['kargs = ["a=\\"b", "c\\""]', ['a="b c"']],
    ['kargs = ["quiet"]\nmatch-architectures = []', []],
    ['kargs = ["a b", "c=\\"d e\\""]', ["a", "b", 'c="d e"']],
    ['kargs = ["quiet"]\nmatch-architectures = ["x86_64", "aarch64"]', ["quiet"]],
    ['kargs = ["quiet"]\nmatch-architectures = ["aarch64"]', []],
    ['# why\nkargs = [\n  "a", # b\n]', ["a"]],
  ])("%p", (text, words) => expect(x86(text)).toEqual(words));

  test.each([
    ['karg = ["quiet"]', "10-x.toml: bootc knows no key `karg`"],
    ["", "10-x.toml: it has no `kargs`"],
    ['match-architectures = ["x86_64"]', "10-x.toml: it has no `kargs`"],
    ['kargs = "quiet"', "10-x.toml: `kargs` is no list of strings"],
    ["kargs = [1]", "10-x.toml: `kargs` is no list of strings"],
    ['kargs = ["a"]\nmatch-architectures = "x86_64"', "`match-architectures` is no list"],
    ["kargs = [", "10-x.toml: "],
  ])("%p is refused", (text, message) => expect(() => x86(text)).toThrow(message));

  test("files count in the order of their names, and only .toml", () => {
    const files = { "90-b.toml": 'kargs = ["b"]', "10-a.toml": 'kargs = ["a"]', README: "not toml =", ".toml": "[" };
    expect(imageArguments(files)).toEqual(["a", "b"]);
    const bytes = { "\u{1f600}.toml": 'kargs = ["last"]', "\uff01.toml": 'kargs = ["first"]' };
    expect(imageArguments(bytes)).toEqual(["first", "last"]);
  });
});

describe("a kargs.d, on disk and in a tar", () => {
  let top: string;
  beforeEach(() => {
    top = mkdtempSync(join(tmpdir(), "slipway-kargs-"));
    writeFileSync(join(top, "outside"), 'kargs = ["outside"]');
  });
  afterEach(() => rmSync(top, { recursive: true }));

  /** Names → texts; "-> x" is a link, undefined a folder. */
  type Tree = Record<string, string | undefined>;
  const onDisk = (tree: Tree) => {
    mkdirSync(join(top, "kargs.d"));
    for (const [name, text] of Object.entries(tree)) {
      const path = join(top, "kargs.d", name);
      if (text === undefined) mkdirSync(path);
      else if (text.startsWith("-> ")) symlinkSync(text.slice(3), path);
      else writeFileSync(path, text);
    }
    return readKargsFolder(join(top, "kargs.d"));
  };
  const inTar = (tree: Tree) => {
    const entries = new KargsEntries();
    for (const [name, text] of Object.entries(tree)) {
      const path = `usr/lib/bootc/kargs.d/${name}`;
      const kind = text === undefined ? "dir" : text.startsWith("-> ") ? "symlink" : "file";
      const rest = { mode: 0o644, uid: 0, gid: 0, mtime: 0, at: 0, size: text?.length ?? 0 };
      const entry: Entry = { ...rest, path, kind, ...(kind === "symlink" ? { target: text?.slice(3) ?? "" } : {}) };
      if (entries.entry(entry)) entries.file(entry, Buffer.from(text ?? ""));
    }
    return entries.words("x86_64");
  };

  const a = 'kargs = ["a"]';
  test.each<[string, Tree, string[]]>([
    ["nothing", {}, []],
    [
      "folders and files of other names",
      { sub: undefined, "sub/10-x.toml": "[", "20-y.conf": "[", "1.toml": a },
      ["a"],
    ],
    ["a link that stays in it", { "2.toml": "-> 1.toml", "1.toml": a }, ["a", "a"]],
    ["a link to a name that does not count", { "1.toml": "-> sub/list", sub: undefined, "sub/list": a }, ["a"]],
    ["a dangling link of another name", { "1.conf": "-> nowhere" }, []],
  ])("%s", (_, tree, words) => {
    expect([onDisk(tree), inTar(tree)]).toEqual([words, words]);
  });

  test.each<[string, Tree, RegExp]>([
    ["a folder with the name of a file", { "1.toml": undefined }, /^1\.toml: .*not a file/],
    ["a dangling link", { "1.toml": "-> nowhere" }, /^1\.toml: a link that leads nowhere$/],
    ["a link out of it", { "1.toml": "-> ../outside" }, /^1\.toml: a link that leads out of kargs\.d$/],
    ["an absolute link", { "1.toml": "-> /etc/hostname" }, /^1\.toml: a link that leads out of kargs\.d$/],
    ["links in a circle", { "1.toml": "-> 2.toml", "2.toml": "-> 1.toml" }, /^[12]\.toml: .*(ELOOP|circle)/],
    ["a file that is too large", { "1.toml": `${a}\n#${"x".repeat(256_000)}` }, /^1\.toml: .*(256000|bytes)/],
  ])("refused as by bootc: %s", (_, tree, message) => {
    expect(() => onDisk(tree)).toThrow(message);
    expect(() => inTar(tree)).toThrow(message);
  });

  test("bytes that are not UTF-8 are refused, and so is a kargs.d that is a file", () => {
    mkdirSync(join(top, "bad"));
    writeFileSync(join(top, "bad/1.toml"), Buffer.from('kargs = ["\xff"]', "latin1"));
    expect(() => readKargsFolder(join(top, "bad"))).toThrow("1.toml: it is not UTF-8");
    expect(() => readKargsFolder(join(top, "outside"))).toThrow("/usr/lib/bootc/kargs.d: it is not a folder");
    expect(readKargsFolder(join(top, "nowhere"))).toEqual([]);
  });
});

describe("the difference", () => {
  const lists = (parts: Partial<Lists>): Lists => {
    const running = parts.running ?? ["root=LABEL=r", "rw"];
    return { image: [], before: parts.image ?? [], running, configured: parts.configured ?? running, ...parts };
  };
  const rows: [string, Partial<Lists>, string[], string[]][] = [
    ["nothing asked", {}, [], []],
    ["all there", { image: ["rw"] }, [], []],
    ["one missing", { image: ["rw", "quiet"] }, ["quiet"], []],
    ["the order is the image's", { image: ["c", "a", "b"] }, ["c", "a", "b"], []],
    ["asked twice, added once", { image: ["quiet", "quiet"] }, ["quiet"], []],
    [
      "a name twice with two values",
      { image: ["console=tty0", "console=ttyS0"], running: ["console=ttyS0"] },
      ["console=tty0"],
      [],
    ],
    ["spelled otherwise", { image: ["intel_iommu=on", 'a="b c"'], running: ["intel-iommu=on", '"a=b c"'] }, [], []],
    [
      "dropped by the new image",
      { image: ["quiet"], before: ["quiet", "nosmt"], running: ["quiet", "nosmt"] },
      [],
      ["nosmt"],
    ],
    ["dropped, and not there anyway", { image: [], before: ["nosmt"] }, [], []],
    [
      "another value in the new image",
      { image: ["preempt=full"], before: ["preempt=none"], running: ["preempt=none"] },
      ["preempt=full"],
      ["preempt=none"],
    ],
    ["the machine's own stay", { image: ["quiet"], running: ["rd.luks.uuid=1", "quiet"] }, [], []],
    ["already for the next boot", { image: ["quiet"], running: ["rw"], configured: ["rw", "quiet"] }, [], []],
    ["taken back for the next boot", { image: ["quiet"], running: ["quiet"], configured: ["rw"] }, ["quiet"], []],
  ];
  test.each(rows)("%s", (_, parts, add, drop) => {
    expect(difference(compare(lists(parts)))).toEqual({ add, drop });
  });

  test("applied, nothing differs any more, and nothing else has changed", () => {
    for (const [, parts] of rows) {
      const all = lists(parts);
      const configured = wholeList(all.configured, difference(compare(all)));
      expect(difference(compare({ ...all, configured }))).toEqual({ add: [], drop: [] });
      const own = all.configured.filter((w) => !(all.before ?? []).includes(w));
      expect(configured.filter((w) => own.includes(w))).toEqual(own);
    }
  });

  test.each<[string, Partial<Lists>, string | undefined]>([
    ["the machine's", { image: ["console=ttyS0"], running: ["rw", "console=tty0"] }, "console=tty0"],
    ["the last of the machine's", { image: ["console=a"], running: ["console=b", "console=c"] }, "console=c"],
    ["no console is added", { image: ["quiet"], running: ["console=tty0"] }, undefined],
    ["the machine has none", { image: ["console=ttyS0"], running: ["rw"] }, undefined],
    [
      "the one of the image before",
      { image: ["console=a"], before: ["console=b"], running: ["console=c", "console=b"] },
      undefined,
    ],
    ["the image's own", { image: ["console=a", "console=b"], running: ["console=c", "console=b"] }, undefined],
  ])("the console that stays last: %s", (_, parts, last) => {
    const all = lists(parts);
    const wanted = difference(compare(all));
    expect(ownConsole(all, wanted)).toBe(last);
    if (last !== undefined) expect(wholeList(all.configured, { ...wanted, last }).at(-1)).toBe(last);
  });

  test("what runs in a word's place is reported", () => {
    const [row] = compare(lists({ image: ["mitigations=off"], running: ["mitigations=auto", "rw"] }));
    expect(row).toEqual({ word: "mitigations=off", state: "missing", instead: ["mitigations=auto"] });
  });

  test("states", () => {
    const found = compare(
      lists({ image: ["a", "b", "c"], before: ["d"], running: ["a", "d"], configured: ["a", "b", "d"] }),
    );
    expect(found.map(({ word, state }) => `${word}: ${state}`)).toEqual([
      "a: running",
      "b: next boot",
      "c: missing",
      "d: too much",
    ]);
  });
});

describe("what changes them", () => {
  const change = { add: ["quiet", 'a="b c"'], drop: ["nosmt"] };
  test("rpm-ostree", () =>
    expect(applyWords("rpm-ostree", [], change)).toEqual([
      ...["rpm-ostree", "kargs", "--append-if-missing=quiet", '--append-if-missing=a="b c"'],
      "--delete-if-present=nosmt",
    ]));
  const console = { add: ["quiet", "console=ttyS0"], drop: ["nosmt"], last: "console=tty0" };
  test("rpm-ostree puts the machine's console behind an added one", () =>
    expect(applyWords("rpm-ostree", [], console)).toEqual([
      ...["rpm-ostree", "kargs", "--delete=console=tty0", "--append=console=ttyS0", "--append=console=tty0"],
      ...["--append-if-missing=quiet", "--delete-if-present=nosmt"],
    ]));
  test("ostree puts the machine's console behind an added one", () =>
    expect(applyWords("ostree", ["root=LABEL=r", "console=tty0", "nosmt", "rw"], console).slice(4)).toEqual([
      ...["--append=root=LABEL=r", "--append=rw", "--append=quiet", "--append=console=ttyS0", "--append=console=tty0"],
    ]));
  test("ostree gets the whole list, without what is added at every boot", () => {
    const configured = ["BOOT_IMAGE=/v", "root=LABEL=r", "rw", "nosmt", "initrd=\\i.img", "ostree=/ostree/boot.1/x"];
    expect(applyWords("ostree", configured, change)).toEqual([
      ...["ostree", "admin", "instutil", "set-kargs", "--append=root=LABEL=r", "--append=rw", "--append=quiet"],
      '--append=a="b c"',
    ]);
  });
  test("a word that looks like an option is none", () =>
    expect(applyWords("ostree", ["rw"], { add: ["--import-proc-cmdline"], drop: [] }).slice(4)).toEqual([
      "--append=rw",
      "--append=--import-proc-cmdline",
    ]));
});

describe("an entry of the boot loader", () => {
  const words = (text: string) => parseEntry("ostree-1.conf", text).words;
  test.each([
    ["options root=LABEL=r rw\n", ["root=LABEL=r", "rw"]],
    [
      "title t\noptions root=LABEL=r rw\nlinux /v\noptions quiet\noptions\tnosmt \n",
      ["root=LABEL=r", "rw", "quiet", "nosmt"],
    ],
    ["# options no\n  options a  b\r\noptionsx c\n", ["a", "b"]],
    ["title options x\n", []],
    ["options\n", []],
  ])("%j", (text, expected) => expect(words(text)).toEqual(expected));

  test.each([
    ["options a b\n", false],
    ["options a -- b\n", true],
    ['options a "b\noptions c\n', true],
    ['options a "--" b\n', false],
  ])("%j is open at its end: %p", (text, open) => expect(parseEntry("x", text).open).toBe(open));
});

describe("the entry that counts", () => {
  const entry = (file: string, version: string, options: string) =>
    parseEntry(file, `title t\nversion ${version}\noptions ${options}\nlinux /v\n`);
  const isBooted = (path: string) => path === "/here";
  const choose = (...entries: ReturnType<typeof entry>[]) => {
    const { words, doubt } = chooseEntry(entries, isBooted, ["running"]);
    return [words.join(" "), doubt?.why ?? ""];
  };

  test("is the booted deployment's, also behind one of another", () => {
    expect(
      choose(entry("ostree-1.conf", "2", "root=a ostree=/here"), entry("ostree-2.conf", "1", "ostree=/b")),
    ).toEqual(["root=a ostree=/here", ""]);
    expect(
      choose(entry("ostree-1.conf", "9", "root=a ostree=/here"), entry("ostree-2.conf", "10", "ostree=/b")),
    ).toEqual([
      "root=a ostree=/here",
      expect.stringContaining(
        "the next boot uses another deployment (ostree-2.conf); the booted one has ostree-1.conf",
      ),
    ]);
  });

  test("is none where none leads to it: what runs is shown, and must not be written", () => {
    const none = ["running", expect.stringContaining("leads to the booted deployment")];
    expect(choose()).toEqual(none);
    expect(choose(entry("ostree-1.conf", "1", "root=a ostree=/b"), entry("ostree-2.conf", "2", "root=b"))).toEqual(
      none,
    );
  });

  test("with arguments for init is not rewritten", () =>
    expect(choose(entry("ostree-1.conf", "1", "ostree=/here -- x"))[1]).toContain("would be lost"));
});

describe("what finds the system is never lost", () => {
  const running = ["root=LABEL=r", "rw", "ostree=/x"];
  const rows: [string, string[], string[], string[], string | undefined][] = [
    ["other words", running, ["quiet"], ["rw"], undefined],
    ["the list that runs, without ostree=", ["root=LABEL=r"], ["quiet"], [], undefined],
    ["root= dropped", running, [], ["root=LABEL=r"], "root=LABEL=r would be lost"],
    ["root= spelled otherwise", running, [], ['root="LABEL=r"'], "root=LABEL=r would be lost"],
    ["ostree= dropped", running, [], ["ostree=/x"], "ostree=/x would be lost"],
    ["a list without the root= that runs", ["rw"], ["quiet"], [], "root=LABEL=r would be lost"],
    ["another root=", running, ["root=/dev/sda1"], [], "root=/dev/sda1 would take the place of root=LABEL=r"],
    ["another ostree=", running, ["ostree=/y"], [], "ostree=/y would take the place of ostree=/x"],
    ["an ostree= before the loader's", ["root=LABEL=r"], ["ostree=/y"], [], "ostree=/y would take the place of what"],
    ["the same root= once more", running, ["root=LABEL=r"], [], undefined],
    ["names that only begin so", running, ["rootflags=x", "rootfstype=y"], ["rootwait"], undefined],
  ];
  test.each(rows)("%s", (_, configured, add, drop, sentence) => {
    const lost = systemLost(running, configured, { add, drop });
    if (sentence === undefined) expect(lost).toBeUndefined();
    else expect(lost).toStartWith(sentence);
  });
  test("a machine that finds its root by itself needs none", () =>
    expect(systemLost(["rw"], ["rw"], { add: ["quiet"], drop: [] })).toBeUndefined());
});
