import fc from "fast-check";
import { stringify } from "yaml";
import { type Files, small } from "./small-family.ts";

// Manifests as an enemy, an accident or a tool might write them: the small family with values that try to leave their place,
// with its text cut and filled, with bombs, and with files that are none.

/** What has left its place in some program once: shell, Containerfile, systemd, YAML, JavaScript, terminal, paths. */
const poison = [
  ...["x.pub\nRUN touch PWNED\n#", "x\\\nRUN touch PWNED", "x\r\nRUN id", "a\u2028b", "\\", "a\\", "x \\"],
  ...[
    "$(touch PWNED)",
    "`touch PWNED`",
    "'; touch PWNED; '",
    '"; touch PWNED; "',
    "a && b",
    "a;b",
    "a|b",
    "$HOME",
    "${BASE}",
  ],
  ...[
    "it's",
    'say "x"',
    "'",
    '"',
    "#x",
    "a #b",
    "!x",
    "*",
    "?",
    "[a]",
    "{a,b}",
    "~",
    "~root",
    "<<EOF",
    "<<'EOF'",
    "%n",
    "=",
    "a=b",
  ],
  ...[
    "--from=x",
    "-rf",
    "-rf.service",
    "--now.service",
    "a.service",
    "x@y.timer",
    "dev-disk\\x2dby.swap",
    "/usr/bin/*",
  ],
  ...[
    "../../etc",
    "..",
    ".",
    "/",
    "//",
    "/a/../b",
    "/a/./b",
    "/etc/passwd",
    "a/b",
    "a//b",
    "/usr/bin/su",
    "/a b",
    "/a\u0000b",
    "/dev/zero",
  ],
  ...[
    "\u0000",
    "\u001b[31mred",
    "\u001b]0;title\u0007",
    "\u009b2J",
    "\u202e",
    "\u007f",
    "\t",
    "\n",
    "\ufeff",
    "\ud800",
    "é",
    "日本",
    "😀",
  ],
  ...[
    "constructor",
    "__proto__",
    "toString",
    "hasOwnProperty",
    "null",
    "~",
    "true",
    "yes",
    "0x10",
    "1e400",
    ".inf",
    ".nan",
    "",
  ],
  ...[
    "ghcr.io",
    "ghcr.io/x",
    "registry.test/toys",
    "registry.test:443/toys",
    "index.docker.io/x",
    "localhost:5000",
    "HTTP://X",
    "a..b/c",
  ],
  ...[
    "(",
    "(a+)+$",
    "((a{100}){100}){100}",
    "(?=a)",
    "\\1",
    "^enabled$",
    "[",
    "a{999}",
    "https://u:p@h/",
    "https://h/\n",
    "javascript:1",
  ],
  ...[
    "quiet",
    "a.b",
    "vm.swappiness",
    "FOO",
    "0750",
    "4755",
    "daily",
    "one",
    "two",
    "best",
    "plain",
    "polish",
    "gdm",
    "root",
    "desk",
  ],
  "a".repeat(70),
  "a-".repeat(5_000),
];

const text = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...poison) },
  {
    weight: 1,
    arbitrary: fc.array(fc.nat({ max: 0x2100 }), { maxLength: 12 }).map((codes) => String.fromCharCode(...codes)),
  },
  { weight: 1, arbitrary: fc.string({ maxLength: 12 }) },
);

const odd = fc.oneof(
  text,
  fc.integer(),
  fc.double(),
  fc.constantFrom(null, true, [], {}, [[]], { a: 1 }),
  fc.array(text, { maxLength: 2 }),
  fc.dictionary(text, text, { maxKeys: 2, noNullPrototype: true }),
);

type Value = fc.Arbitrary<unknown>;

const from = (...words: string[]) => fc.constantFrom(...words);
const list = (item: Value, most = 3) => fc.uniqueArray(item, { maxLength: most });

/**
 * Values in their places: the files as a program writes them.
 * @param usual how often a value is what belongs there, for two times that it is something else.
 * @param free what stands where any text may stand.
 */
function written(usual: number, free: fc.Arbitrary<string>): fc.Arbitrary<Files> {
  /** Now and then something else than what belongs there. */
  const mostly = (good: Value, share = usual): Value =>
    fc.oneof({ weight: share, arbitrary: good }, { weight: 1, arbitrary: text }, { weight: 1, arbitrary: odd });

  const map = (key: Value, value: Value, most = 2) =>
    fc
      .array(fc.tuple(key, value), { maxLength: most })
      .map(
        (pairs) =>
          Object.fromEntries(pairs.map(([k, v]) => [typeof k === "string" ? k : JSON.stringify(k), v])) as unknown,
      );

  /** Some of these keys; seldom another one, or a misspelt one. */
  function some(shape: Record<string, Value>, needed: string[] = []): Value {
    const record = fc.record(shape, { requiredKeys: needed, noNullPrototype: true });
    return fc.oneof(
      { weight: usual, arbitrary: record },
      { weight: 1, arbitrary: fc.tuple(record, text, odd).map(([all, key, value]) => ({ ...all, [key]: value })) },
      {
        weight: 1,
        arbitrary: fc.tuple(record, fc.nat()).map(([all, at]) => {
          const keys = Object.keys(all);
          const wrong = keys[at % (keys.length || 1)] ?? "x";
          return Object.fromEntries(Object.entries(all).map(([k, v]) => [k === wrong ? `${k}s` : k, v]));
        }),
      },
    );
  }

  const packageNames = mostly(fc.stringMatching(/^[a-z0-9@_][a-zA-Z0-9@._+-]{0,8}$/));
  const units = mostly(fc.stringMatching(/^[a-z][a-z@:\\-]{0,6}\.(service|timer|socket|mount)$/));
  const paths = mostly(fc.stringMatching(/^(\/[a-zA-Z0-9_.,:+=@%~-]{1,6}){1,3}$/));
  const kargs = mostly(fc.stringMatching(/^[a-z][a-z.]{0,5}(=[!-~]{1,8})?$/));
  const sysctls = map(mostly(from("vm.x", "kernel.core_pattern", "net.a-b.c")), mostly(fc.oneof(free, fc.integer())));
  const interval = mostly(from("daily", "weekly", "yearly"));

  const groups = map(
    mostly(fc.stringMatching(/^[a-z][a-z0-9-]{0,6}$/)),
    some(
      {
        interval,
        packages: fc.array(packageNames, { minLength: 1, maxLength: 3 }),
        replace: map(packageNames, packageNames),
      },
      ["packages"],
    ),
  );

  const smoke = some({
    units: list(units),
    files: list(paths),
    absent: list(paths),
    packages: list(packageNames),
    commands: list(some({ run: free, output: mostly(from("^x$", "a+", "\\w")) }, ["run"])),
    kargs: list(kargs),
    sysctl: sysctls,
    mounts: list(paths),
    users: list(mostly(from("root", "a-b", "_x"))),
  });

  const flavor = (needed: Record<string, Value>) =>
    some(
      {
        ...needed,
        title: mostly(fc.oneof(from("One"), free)),
        groups: mostly(groups),
        args: mostly(map(from("A", "REPO", "X_1"), mostly(free))),
        run: mostly(list(mostly(from("polish")))),
        finish: mostly(list(mostly(from("polish")))),
        units: mostly(
          some({ enable: list(units), disable: list(units), mask: list(units), "user-enable": list(units) }),
        ),
        kargs: mostly(list(kargs)),
        sysctl: mostly(sysctls),
        suid: mostly(list(paths)),
        modes: mostly(map(paths, mostly(from("0750", "4755")))),
        smoke: mostly(smoke),
        session: mostly(from("x")),
        bootc: mostly(fc.boolean()),
      },
      ["title", "recipe", "arches", "from"].filter((key) => key in needed || key === "title"),
    );

  const one = flavor({
    recipe: mostly(from("root"), 2 * usual),
    arches: mostly(fc.constant(["best", "plain"]), 2 * usual),
    aur: mostly(some({ interval, packages: fc.array(packageNames, { minLength: 1, maxLength: 2 }) }, ["packages"])),
  });
  const two = flavor({
    recipe: mostly(from("desk"), 2 * usual),
    from: mostly(from("one"), 2 * usual),
    displayManager: mostly(from("gdm", "greetd")),
    arches: mostly(fc.constant(["best"]), 2 * usual),
  });

  const arch = some(
    {
      base: mostly(fc.constantFrom<unknown>("registry.test/a/b:1", { debian: "trixie" })),
      title: mostly(from("An arch")),
      needs: list(mostly(from("avx2"))),
      repos: list(mostly(from("core", "x-1"))),
    },
    ["base"],
  );

  const family = some(
    {
      name: mostly(from("toy")),
      title: mostly(fc.oneof(from("Toy"), free)),
      registry: mostly(from("registry.test/toys", "localhost/x", "ghcr.io/a/b")),
      prefix: mostly(from("toy")),
      key: mostly(from("toy.pub")),
      source: mostly(from("https://example.org/a")),
      openRegistries: mostly(list(mostly(from("docker.io", "registry.test", "quay.io")))),
      default: mostly(fc.constant({ arch: "plain", flavor: "one" }), 2 * usual),
      refreshAfter: mostly(from("2d")),
      arches: mostly(fc.record({ best: arch, plain: arch }), 2 * usual),
      rechunk: some({ layers: mostly(fc.constant(64)), prune: list(paths) }),
    },
    ["name", "title", "registry", "prefix", "key", "default", "arches"],
  );

  return fc.record({ top: family, one, two }).map((all) => ({
    "flavors/family.yaml": stringify(all.top),
    "flavors/one.yaml": stringify(all.one),
    "flavors/two.yaml": stringify(all.two),
  }));
}

/** Free text as a careless writer of shell or of a Containerfile would stumble over it; nothing in it is forbidden. */
const allowed = /^[^\p{Cc}\p{Cs}\u2028\u2029\u202a-\u202e\u2066-\u2069]{1,1000}$/u;
const tricky = fc.oneof(
  from(...poison.filter((p) => allowed.test(p))),
  from(
    'it\'s $5 \\ "x" `id` #no',
    "$(touch PWNED) && RUN x",
    "; touch PWNED #",
    "%h *?[a]{b,c} ~ !1",
    " a  b ",
    "a: b",
  ),
);

/** Where a value stands: in a line added to a flavor, or in place of a good one in family.yaml. */
const fields: ((value: string) => string)[] = [
  ...[
    "suid: [#]",
    "kargs: [#]",
    "units: {enable: [#]}",
    "units: {mask: [#]}",
    "units: {user-enable: [#]}",
    "session: #",
  ],
  ...['modes: {#: "0750"}', "aur: {packages: [#]}", "groups: {#: {packages: [x]}}", "groups: {a: {packages: [#]}}"],
  ...[
    "groups: {a: {packages: [x], replace: {y: #}}}",
    "groups: {a: {packages: [x], replace: {#: y}}}",
    "sysctl: {#: 1}",
  ],
  ...[
    "sysctl: {vm.x: #}",
    "args: {#: x}",
    "args: {A: #}",
    "run: [#]",
    "finish: [#]",
    "smoke: {files: [#]}",
    "displayManager: #",
  ],
].map((line) => (value: string) => `${line.replace("#", () => value)}\n`);
const heads = ["registry.test/toys", "toy.pub", "registry.test/base/best", "trixie", "avx512f", "Toy", "prefix: toy"];

/** A good family with one wrong value: were it accepted, what it does would be seen. Also where such a file is there. */
function poisonedBy(value: string, field: (typeof fields)[number] | string): Files {
  const quoted = JSON.stringify(value);
  if (typeof field !== "string") return { "flavors/one.yaml": `${small["flavors/one.yaml"]}${field(quoted)}` };
  const put = field === "prefix: toy" ? `prefix: ${quoted}` : quoted;
  const head = { "flavors/family.yaml": small["flavors/family.yaml"]?.replace(field, () => put) };
  return /^[a-z-][^/\0]{0,60}$/.test(value) && field === "toy.pub" ? { ...head, [value]: small["toy.pub"] } : head;
}
const poisoned: fc.Arbitrary<Files> = fc
  .tuple(text, fc.constantFrom<(typeof fields)[number] | string>(...fields, ...heads))
  .map(([value, field]) => poisonedBy(value, field));

/** What is tried in every place: an end of the line, of the word, of the quotes; a glob, an option; each in the form of a path too. */
const sharp = [
  ...[
    "x.pub\nRUN touch PWNED\n#",
    "$(touch PWNED)",
    "'; touch PWNED; '",
    "a;touch PWNED",
    "a\\",
    "a b",
    "\u001b[2J",
    "--from=x",
  ],
  ...[
    "/x\nRUN touch PWNED\n#",
    "/$(touch PWNED)",
    "/'; touch PWNED; '",
    "/a;touch PWNED",
    "/a\\",
    "/a b",
    "/bin/*",
    "/{a,b}",
  ],
  ...[
    "a=x\nRUN touch PWNED",
    "vm.x\nRUN touch PWNED",
    "x;y.service",
    "a b.service",
    "x\nRUN y.service",
    "-rf.service",
    "../../etc",
  ],
];

/** Each of them in each place. */
export const pinned: Files[] = [...fields, ...heads].flatMap((field) => sharp.map((value) => poisonedBy(value, field)));

/** What a text is cut with: signs of YAML, alone and many times. */
const splinters = [
  ...[
    "[",
    "{",
    "]",
    "}",
    ": ",
    "- ",
    "? ",
    "&a ",
    "*a",
    "!!binary ",
    "!!set ",
    "!x ",
    "<<: ",
    "|\n",
    ">\n",
    "%YAML 1.1\n---\n",
    "---\n",
    "...\n",
  ],
  ...[
    "\t",
    "\n",
    "\r",
    "\u0000",
    "\u001b",
    "\ufeff",
    "#",
    "'",
    '"',
    "@",
    "`",
    ",",
    "\\",
    "null",
    "a: &a [*a]\n",
    "kargs: *kargs\n",
    "__proto__: {a: 1}\n",
  ],
  ...[
    "default: {}\n",
    "aur: {packges: [foo]}\n",
    "groups: {a: &g {packages: [x]}, b: *g}\n",
    "title: *x\n",
    "? [a]\n: b\n",
    "from: constructor\n",
  ],
];

const files = ["flavors/family.yaml", "flavors/one.yaml", "flavors/two.yaml"];

/** A good file cut somewhere, with something else in the place. */
const cut: fc.Arbitrary<Files> = fc
  .tuple(from(...files), fc.nat(), fc.nat({ max: 12 }), fc.array(from(...splinters), { maxLength: 3 }), fc.boolean())
  .map(([file, at, length, parts, atLine]) => {
    const whole = small[file] ?? "";
    const starts = [0, ...[...whole.matchAll(/\n/g)].map((m) => m.index + 1)];
    const place = atLine ? (starts[at % starts.length] ?? 0) : at % whole.length;
    return { [file]: whole.slice(0, place) + parts.join("") + whole.slice(place + (atLine ? 0 : length)) };
  });

/** Levels of aliases, each of which stands for several of the one before. */
function bomb(levels: number, each: number): string {
  const lines = Array.from(
    { length: levels },
    (_, i) => `a${i}: &a${i} [${i ? Array(each).fill(`*a${i - 1}`) : "x"}]\n`,
  );
  return lines.join("");
}

const many = (count: number, make: (i: number) => string) => Array.from({ length: count }, (_, i) => make(i)).join("");

/** More than anybody writes: deep, wide, long, multiplied. */
export const bombs: ((size: number) => string)[] = [
  (n) => `kargs: ${"[".repeat(n)}${"]".repeat(n)}\n`,
  (n) => `kargs: ${"[".repeat(n)}\n`,
  (n) => `x: ${"{a: ".repeat(n)}1${"}".repeat(n)}\n`,
  (n) => many(Math.min(n, 700), (i) => `${" ".repeat(i)}a:\n`),
  (n) => `x:\n ${"- ".repeat(n)}1\n`,
  (n) => `x:\n ${"? ".repeat(n)}1\n`,
  (n) => many(n, (i) => `k${i}: 1\n`),
  (n) => `args:\n${many(n, (i) => `  K${i}: x\n`)}`,
  (n) => `groups:\n${many(n, (i) => `  g${i}: {packages: [p${i}]}\n`)}`,
  (n) => `groups:\n${many(n, (i) => `  G${i}: {packges: []}\n`)}`,
  (n) => `kargs: [${many(n, (i) => `"a b${i}",`)}]\n`,
  (n) => `kargs: [${many(n, () => "*a,")}]\n`,
  (n) => `kargs: [${many(n, (i) => `&a${i} x,*b${i},`)}]\n`,
  (n) => `arches: [${many(n, (i) => `a${i},`)}]\n`,
  (n) => `run: [${many(n, (i) => `polis${i},`)}]\n`,
  (n) => `groups:\n  g: &g {packages: [${many(n, (i) => `p${i},`)}]}\n${many(Math.min(n, 90), (i) => `  g${i}: *g\n`)}`,
  (n) => `session: "${"x".repeat(n * 12)}"\n`,
  (n) => `${"k".repeat(n * 12)}: 1\n`,
  (n) => "\n".repeat(n * 12),
  (n) => "#\n".repeat(n * 6),
  (n) => `session: |\n${" x\n".repeat(n * 4)}`,
  (n) => `session: "${"\\\n".repeat(n * 6)}"\n`,
  (n) => bomb(9, Math.min(n, 10)),
  (n) => bomb(Math.min(n, 60), 2),
  (n) => `modes: {${many(n, (i) => `/a${i}: "0999",`)}}\n`,
  (n) => `${"a: 1\n".repeat(n)}`,
  (n) => `smoke: {commands: [{run: x, output: "${"(".repeat(Math.min(n, 900))}a${")+".repeat(Math.min(n, 900))}"}]}\n`,
];

const blown: fc.Arbitrary<Files> = fc
  .tuple(from(...files), fc.constantFrom(...bombs), fc.constantFrom(3, 40, 400, 5_000, 20_000))
  .map(([file, make, size]) => ({ [file]: `${small[file]}${make(size)}` }));

/** What lies in the place of a file; see `put` in small-family.ts. The FIFO is made by whoever runs this. */
export const fifo = "a FIFO";
const strange: fc.Arbitrary<Files> = fc
  .tuple(
    from(...files, "containerfiles/root.Containerfile", "containerfiles/desk.Containerfile", "toy.pub"),
    fc.constantFrom<string | undefined>(
      ...[
        "-> /dev/zero",
        "-> /dev/full",
        "-> /proc/self/mem",
        "-> /etc/hostname",
        "-> nowhere",
        "-> .",
        "-> ..",
        "-> toy.pub",
      ],
      ...[fifo, "\u0000".repeat(300_000), "", "\ufffd", undefined],
      "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
    ),
  )
  .map(([file, content]) => ({ [file]: content }));

/** Files that take the place of the small family's. */
export const hostileManifest: fc.Arbitrary<Files> = fc.oneof(
  { weight: 2, arbitrary: written(40, text) },
  { weight: 3, arbitrary: written(400, tricky) },
  { weight: 6, arbitrary: poisoned },
  { weight: 4, arbitrary: written(4_000, text) },
  { weight: 6, arbitrary: written(4_000, tricky) },
  { weight: 5, arbitrary: cut },
  { weight: 2, arbitrary: blown },
  { weight: 1, arbitrary: strange },
);
