/** A picture of a terminal as SVG, from its text with colours as `tmux capture-pane -e` writes it. Source: ECMA-48, SGR. */

interface Look {
  colour: string | undefined;
  bold: boolean;
  dim: boolean;
}

const plainLook: Look = { colour: undefined, bold: false, dim: false };

/** The eight colours, then their bright forms; they can be read on the dark ground below. */
const colours = [
  ...["#6e7681", "#ff7b72", "#7ee787", "#e3b341", "#79c0ff", "#d2a8ff", "#56d4dd", "#c9d1d9"],
  ...["#8b949e", "#ffa198", "#aff5b4", "#f2cc60", "#a5d6ff", "#e2c5ff", "#b3f0ff", "#ffffff"],
];

/** Pure: the look after one SGR number. */
function after(look: Look, code: number): Look {
  if (code === 0) return plainLook;
  if (code === 1) return { ...look, bold: true };
  if (code === 2) return { ...look, dim: true };
  if (code === 22) return { ...look, bold: false, dim: false };
  if (code === 39) return { ...look, colour: undefined };
  const index = code >= 90 ? code - 82 : code - 30;
  const colour = (code >= 30 && code <= 37) || (code >= 90 && code <= 97) ? colours[index] : look.colour;
  return { ...look, colour };
}

const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
const inXml = (text: string) => text.replaceAll(/[&<>"]/g, (sign) => entities[sign] ?? "");

// biome-ignore lint/suspicious/noControlCharactersInRegex: colours are what this reads
const sgr = /\x1b\[([0-9;]*)m/g;

function span(text: string, { colour, bold, dim }: Look): string {
  const words = [
    ...(colour ? [` fill="${colour}"`] : []),
    ...(bold ? [' font-weight="bold"'] : []),
    ...(dim ? [' opacity="0.6"'] : []),
  ].join("");
  return words ? `<tspan${words}>${inXml(text)}</tspan>` : inXml(text);
}

/** Height of a row, width of a character and space around, in pixels. */
const size = { row: 18, character: 8.43, around: 16, title: 28 };

/**
 * @param screen lines with SGR colours; what follows the last line with words is left out.
 * @param columns of the terminal.
 */
export function terminalPicture(screen: string, columns: number, title: string): string {
  const lines = screen.trimEnd().split("\n");
  let look = plainLook;
  const rows = lines.map((line, row) => {
    let [text, at] = ["", 0];
    for (const found of line.matchAll(sgr)) {
      if (found.index > at) text += span(line.slice(at, found.index), look);
      at = found.index + found[0].length;
      for (const code of (found[1] || "0").split(";")) look = after(look, Number(code));
    }
    if (at < line.length) text += span(line.slice(at), look);
    const y = size.title + size.around + row * size.row;
    return text ? `  <text x="${size.around}" y="${y}">${text}</text>` : "";
  });
  const width = Math.ceil(columns * size.character + 2 * size.around);
  const height = size.title + lines.length * size.row + size.around;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${inXml(title)}">
<rect width="100%" height="100%" rx="8" fill="#0d1117"/>
<text x="50%" y="19" text-anchor="middle" fill="#8b949e" font-family="sans-serif" font-size="12">${inXml(title)}</text>
<g font-family="ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace" font-size="14" fill="#c9d1d9" xml:space="preserve">
${rows.filter(Boolean).join("\n")}
</g>
</svg>
`;
}
