import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  type AccountFile,
  accountFiles,
  readGroups,
  readPasswd,
  readShadow,
  withoutUser,
  withUserAgain,
} from "../../lib/host/migrate/accounts.ts";
import { withSystemd } from "../../lib/host/migrate/nss.ts";

// Files that know accounts, as they may be anywhere: nothing but the one user's entries changes.

// Shrinking rows of eight fields takes minutes and finds nothing that the seed does not tell.
fc.configureGlobal({ endOnFailure: true });

const user = { name: "ana", uid: 1000 };
const others = ["root", "bia", "an", "anna", "ana2", "xana", "Ana", "daemon", "joão", "ana-x", "+ana"];

const name = fc.constantFrom(...others);
const field = fc.stringMatching(/^[ -9;-~\u00e0-\u00ff]{0,8}$/);
const members = fc.array(fc.constantFrom(...others, user.name), { maxLength: 4 }).map((list) => list.join(","));
const number = fc.nat({ max: 70_000 }).map(String);
const noise = fc.constantFrom("", "# ana:x:1", "#comment", "+::::::", "broken", " ana:x:0:0", "ana", "bia:", "\tana:");

const row: Record<AccountFile, (owner: string) => fc.Arbitrary<string>> = {
  passwd: (who) => fc.tuple(field, number, number, field, field, field).map((f) => [who, ...f].join(":")),
  shadow: (who) => fc.tuple(field, number, field, field, field, field, field, field).map((f) => [who, ...f].join(":")),
  group: (who) => fc.tuple(field, number, members).map((f) => [who, ...f].join(":")),
  gshadow: (who) => fc.tuple(field, members, members).map((f) => [who, ...f].join(":")),
  subuid: (who) => fc.tuple(number, number).map((f) => [who, ...f].join(":")),
  subgid: (who) => fc.tuple(number, number).map((f) => [who, ...f].join(":")),
};

/** A file as bytes, one a character, with the user's own rows anywhere in it. */
const fileOf = (file: AccountFile): fc.Arbitrary<string> =>
  fc
    .tuple(
      fc.array(fc.oneof(name.chain(row[file]), noise), { maxLength: 12 }),
      fc.array(fc.tuple(fc.nat({ max: 12 }), row[file](user.name)), { maxLength: 2 }),
      fc.constantFrom("\n", "", "\n\n"),
    )
    .map(([rows, own, end]) => {
      for (const [at, line] of own) rows.splice(at, 0, line);
      return rows.join("\n") + (rows.length ? end : "");
    });

const lines = (text: string) => text.split("\n");
const isOwn = (line: string) => line.startsWith(`${user.name}:`);
const lists = (file: AccountFile) => (file === "gshadow" ? [2, 3] : file === "group" ? [3] : []);

/** A line of somebody else without the user in its lists. */
function cleaned(file: AccountFile, line: string): string {
  const fields = line.split(":");
  if (fields.length < 4) return line;
  return fields
    .map((text, i) =>
      lists(file).includes(i)
        ? text
            .split(",")
            .filter((member) => member !== user.name)
            .join(",")
        : text,
    )
    .join(":");
}

describe.each([...accountFiles])("%s", (file) => {
  test("every line of others stays as it is, in its order", () => {
    fc.assert(
      fc.property(fileOf(file), (text) => {
        const after = lines(withoutUser(file, text, user));
        const kept = after.filter((line) => !isOwn(line) && !line.startsWith(`${user.uid}:`));
        const expected = lines(text)
          .filter((line) => !isOwn(line) && !line.startsWith(`${user.uid}:`))
          .map((line) => (line.includes(user.name) ? cleaned(file, line) : line));
        // a text of which nothing is left has no last newline either
        expect(kept.filter(Boolean)).toEqual(expected.filter(Boolean));
        if (lines(text).at(-1) === "" || !isOwn(lines(text).at(-1) ?? ""))
          if (after.some(Boolean)) expect(withoutUser(file, text, user).endsWith("\n")).toBe(text.endsWith("\n"));
      }),
      { numRuns: 400 },
    );
  });

  test("nothing of the user stays", () => {
    fc.assert(
      fc.property(fileOf(file), (text) => {
        const after = lines(withoutUser(file, text, user));
        if (file === "group" || file === "gshadow") {
          for (const line of after) {
            const fields = line.split(":");
            if (fields.length < 4) continue;
            for (const i of lists(file)) expect((fields[i] ?? "").split(",")).not.toContain(user.name);
            // the user's own group stays only for others that are in it
            if (isOwn(line)) expect(lists(file).some((i) => fields[i])).toBe(true);
          }
        } else expect(after.filter(isOwn)).toEqual([]);
      }),
      { numRuns: 400 },
    );
  });

  test("a text without the user stays the same, and a second time changes nothing", () => {
    fc.assert(
      fc.property(fileOf(file), (text) => {
        const once = withoutUser(file, text, user);
        expect(withoutUser(file, once, user)).toBe(once);
        if (!text.includes(user.name)) expect(once).toBe(text);
      }),
      { numRuns: 300 },
    );
  });

  test("the way back is the text as it was", () => {
    fc.assert(
      fc.property(fileOf(file), (text) => {
        expect(withUserAgain(file, withoutUser(file, text, user), text, user)).toBe(text);
      }),
      { numRuns: 300 },
    );
  });

  test("what others added since stays on the way back", () => {
    const before: Record<AccountFile, string> = {
      passwd: "root:x:0:0::/root:/bin/sh\nana:x:1000:1000::/home/ana:/bin/sh\n",
      shadow: "root:!:1::::::\nana:$y$:1::::::\n",
      group: "wheel:x:10:ana,bia\nana:x:1000:\n",
      gshadow: "wheel::ana:ana,bia\nana:!::\n",
      subuid: "ana:524288:65536\n",
      subgid: "ana:524288:65536\n",
    };
    const added: Record<AccountFile, string> = {
      passwd: "new:x:1002:1002::/home/new:/bin/sh\n",
      shadow: "new:$y$:2::::::\n",
      group: "new:x:1002:bia\n",
      gshadow: "new:!::bia\n",
      subuid: "new:655360:65536\n",
      subgid: "new:655360:65536\n",
    };
    const now = withoutUser(file, before[file], user) + added[file];
    const back = lines(withUserAgain(file, now, before[file], user));
    const sorted = (line: string) => (line.includes(",") ? line.split(/[:,]/).sort().join() : line);
    for (const line of lines(before[file] + added[file])) expect(back.map(sorted)).toContain(sorted(line));
    expect(back.length).toBe(lines(before[file] + added[file]).length);
  });
});

describe("reads", () => {
  test("people, groups, hashes", () => {
    expect(readPasswd("ana:x:1000:1000:Ana:/home/ana:/bin/sh\nbroken:x\n+::::::\n")).toEqual([
      { name: "ana", uid: 1000, gid: 1000, gecos: "Ana", home: "/home/ana", shell: "/bin/sh" },
    ]);
    expect(readGroups("wheel:x:10:ana,bia\nempty:x:11:\nbroken\n")).toEqual([
      { name: "wheel", gid: 10, members: ["ana", "bia"] },
      { name: "empty", gid: 11, members: [] },
    ]);
    expect(readShadow("anab:x:1\nana:$y$abc:20000:0::::\n", "ana")).toEqual({ hash: "$y$abc", changed: 20_000 });
    expect(readShadow("ana:!:::::::\n", "ana")).toEqual({ hash: "!", changed: undefined });
    expect(readShadow("bia:!:1\n", "ana")).toBeUndefined();
  });
});

describe("nsswitch.conf", () => {
  const source = fc.constantFrom(
    "files",
    "sss",
    "systemd",
    "[NOTFOUND=return]",
    "[SUCCESS=merge]",
    "[!UNAVAIL=return]",
    "altfiles",
    "mymachines",
  );
  const database = fc.constantFrom("passwd", "group", "shadow", "hosts", "initgroups", "netgroup");
  const entry = fc
    .tuple(
      database,
      fc.constantFrom(":", ":   ", ":\t"),
      fc.array(source, { minLength: 1, maxLength: 5 }),
      fc.constantFrom("", " # why", "  "),
    )
    .map(([d, colon, s, end]) => `${d}${colon}${s.join(" ")}${end}`);
  const text = fc
    .tuple(
      fc.array(fc.oneof(entry, fc.constantFrom("", "# passwd: files", "# Generated by authselect", "junk")), {
        maxLength: 10,
      }),
      fc.constantFrom("", "\n"),
    )
    .map(([rows, end]) => rows.join("\n") + end);
  const asked = (line: string) => /^(passwd|group):/.test(line);

  test("passwd and group ask systemd, every other line stays", () => {
    fc.assert(
      fc.property(text, (before) => {
        const after = withSystemd(before);
        for (const d of ["passwd", "group"]) expect(after).toMatch(new RegExp(`^${d}:[^#\\n]*\\bsystemd\\b`, "m"));
        const kept = lines(after).filter((line) => !asked(line) && line !== "");
        expect(kept).toEqual(lines(before).filter((line) => !asked(line) && line !== ""));
        expect(withSystemd(after)).toBe(after);
      }),
      { numRuns: 500 },
    );
  });

  test("the order and the actions of the other sources stay", () => {
    fc.assert(
      fc.property(entry.filter(asked), (line) => {
        const words = (s: string) =>
          (s.replace(/#.*/, "").match(/\[[^\]]*\]|[^\s:]+/g) ?? []).filter((w) => w !== "systemd").map(String);
        const [after = ""] = lines(withSystemd(line));
        expect(words(after)).toEqual(words(line));
      }),
    );
  });

  test.each([
    ["passwd: files", "passwd: files systemd"],
    ["group:  files [SUCCESS=merge] sss", "group:  files [SUCCESS=merge] systemd sss"],
    ["passwd: files [NOTFOUND=return] sss # x", "passwd: files systemd [NOTFOUND=return] sss # x"],
    ["passwd: sss", "passwd: sss systemd"],
    ["passwd:\tsystemd files", "passwd:\tsystemd files"],
  ])("%s", (before, after) => {
    expect(lines(withSystemd(before))[0]).toBe(after);
  });
});
