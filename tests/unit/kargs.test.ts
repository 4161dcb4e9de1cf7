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
  wholeList,
} from "../../lib/host/kargs.ts";
import { applyWords, entryArguments } from "../../lib/host/kargs-host.ts";

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
      ...["ostree", "admin", "instutil", "set-kargs", "root=LABEL=r", "rw", "quiet", 'a="b c"'],
    ]);
  });
});

test("the boot loader takes the entry of the highest version", () => {
  const entry = (version: string, options: string) => `title t\nversion ${version}\noptions ${options}\nlinux /v\n`;
  expect(entryArguments([entry("2", "a b"), entry("10", "c  d"), entry("1", "e")])).toEqual(["c", "d"]);
  expect(entryArguments([])).toBeUndefined();
  expect(entryArguments(["title t\n"])).toBeUndefined();
});
