import { describe, expect, test } from "bun:test";
import {
  compare,
  difference,
  imageArguments,
  type Lists,
  nameOf,
  parseKargsFile,
  sameWord,
  splitArguments,
  systemLost,
  wholeList,
} from "../../lib/host/kargs.ts";
import { chooseEntry, parseEntry } from "../../lib/host/kargs-entries.ts";
import { applyWords } from "../../lib/host/kargs-host.ts";

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
    ["", []],
    ['kargs = ["a b", "c=\\"d e\\""]', ["a", "b", 'c="d e"']],
    ['kargs = ["quiet"]\nmatch-architectures = ["x86_64", "aarch64"]', ["quiet"]],
    ['kargs = ["quiet"]\nmatch-architectures = ["aarch64"]', []],
    ['# why\nkargs = [\n  "a", # b\n]', ["a"]],
  ])("%p", (text, words) => expect(x86(text)).toEqual(words));

  test.each([
    ['karg = ["quiet"]', "10-x.toml: bootc knows no key `karg`"],
    ['kargs = "quiet"', "10-x.toml: `kargs` is no list of strings"],
    ["kargs = [1]", "10-x.toml: `kargs` is no list of strings"],
    ['kargs = ["a"]\nmatch-architectures = "x86_64"', "`match-architectures` is no list"],
    ["kargs = [", "10-x.toml: "],
  ])("%p is refused", (text, message) => expect(() => x86(text)).toThrow(message));

  test("files count in the order of their names, and only .toml", () => {
    const files = { "90-b.toml": 'kargs = ["b"]', "10-a.toml": 'kargs = ["a"]', README: "not toml =" };
    expect(imageArguments(files)).toEqual(["a", "b"]);
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

  test("what runs in a word's place is told", () => {
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
