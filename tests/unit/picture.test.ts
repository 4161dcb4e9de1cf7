import { expect, test } from "bun:test";
import { terminalPicture } from "../../lib/dev/picture.ts";

const rowsOf = (screen: string) =>
  [...terminalPicture(screen, 80, 'a "title"').matchAll(/<text x="16" y="(\d+)">(.*)<\/text>/g)].map(
    ([, y = "", text = ""]) => [Number(y), text],
  );

test("colours, weight and their ends; a look may last over lines", () => {
  expect(rowsOf("\x1b[1m$\x1b[0m ls\n\x1b[32mdone \x1b[2msoon\nlater\x1b[39;22m end\n\n\n")).toEqual([
    [44, '<tspan font-weight="bold">$</tspan> ls'],
    [62, '<tspan fill="#7ee787">done </tspan><tspan fill="#7ee787" opacity="0.6">soon</tspan>'],
    [80, '<tspan fill="#7ee787" opacity="0.6">later</tspan> end'],
  ]);
});

test("an empty line has its room, and the picture the height of its lines", () => {
  expect(rowsOf("a\n\nb\n").map(([y]) => y)).toEqual([44, 80]);
  expect(terminalPicture("a\n\nb\n", 80, "t")).toContain('viewBox="0 0 707 98"');
});

test("words cannot leave the text", () => {
  expect(rowsOf("<b>&amp;</b>")).toEqual([[44, "&lt;b&gt;&amp;amp;&lt;/b&gt;"]]);
  expect(terminalPicture("x", 80, 'a "b" <c>')).toContain('aria-label="a &quot;b&quot; &lt;c&gt;"');
});
