/** nsswitch.conf(5) with systemd's accounts in it. */

const wanted = ["passwd", "group"];

/** The sources of a database, such as `files [SUCCESS=merge] systemd`, asking systemd right after the files. */
function asking(sources: string): string {
  const words: string[] = sources.match(/\[[^\]]*\]|\S+/g) ?? [];
  if (words.includes("systemd")) return sources;
  const files = words.indexOf("files");
  // An action belongs to the source before it: `files [NOTFOUND=return] sss` has to become `files systemd [NOTFOUND=return] sss`.
  const merges = /^\[\s*SUCCESS\s*=\s*merge\s*\]$/i.test(words[files + 1] ?? "");
  const at = files < 0 ? words.length : files + 1 + (files >= 0 && merges ? 1 : 0);
  return words.toSpliced(at, 0, "systemd").join(" ");
}

const entry = /^(\s*(\w+):\s*)([^#]*?)(\s*(?:#.*)?)$/;

/** The text of nsswitch.conf in which passwd and group ask systemd; every other line stays as it is. */
export function withSystemd(text: string): string {
  const seen = new Set<string>();
  const lines = text.split("\n").map((line) => {
    const [, head = "", database = "", sources = "", comment = ""] = entry.exec(line) ?? [];
    if (!wanted.includes(database)) return line;
    seen.add(database);
    const asked = asking(sources);
    return asked === sources ? line : `${head}${asked}${comment}`;
  });
  const missing = wanted.filter((database) => !seen.has(database)).map((database) => `${database}: files systemd`);
  if (!missing.length) return lines.join("\n");
  const body = lines.join("\n");
  return `${body}${body === "" || body.endsWith("\n") ? "" : "\n"}${missing.join("\n")}\n`;
}
