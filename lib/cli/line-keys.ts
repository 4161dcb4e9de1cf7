/**
 * Ctrl-U, Ctrl-W and Ctrl-K in questions, as a shell's line has them; `prompts` does not know them and would write control
 * characters. Its only way in is `onRender`, which gets the question as `this` (prompts/lib/elements/prompt.js, text.js).
 */

interface TextQuestion {
  value: string;
  cursor: number;
  /** Of the cursor, from the end of the text: 0 or less. */
  cursorOffset: number;
  placeholder: boolean;
  render(): void;
  bell(): void;
  /** What a key does that has no meaning of its own. */
  _(text: string, key: { name?: string; ctrl?: boolean }): void;
}

/** What is left before and after the cursor. */
const edits: Record<string, (before: string, after: string) => [string, string]> = {
  u: (_, after) => ["", after],
  w: (before, after) => [before.replace(/\S*\s*$/, ""), after],
  k: (before) => [before, ""],
};

/** Pure: the text and the cursor after a key with Ctrl; undefined for one that means nothing. */
export function editLine(key: string, text: string, cursor: number): { text: string; cursor: number } | undefined {
  const edit = Object.hasOwn(edits, key) ? edits[key] : undefined;
  if (!edit) return undefined;
  const [before, after] = edit(text.slice(0, cursor), text.slice(cursor));
  return { text: before + after, cursor: before.length };
}

const known = new WeakSet<object>();

/** To be given to a question of text as `onRender`. */
export function withLineKeys(this: TextQuestion): void {
  if (known.has(this)) return;
  known.add(this);
  const write = this._.bind(this);
  this._ = (text, key) => {
    if (!key.ctrl) return write(text, key);
    const edited = editLine(key.name ?? "", this.value, this.placeholder ? 0 : this.cursor);
    if (!edited) return this.bell();
    this.value = edited.text;
    this.cursor = edited.cursor;
    this.cursorOffset = this.placeholder ? 0 : edited.cursor - edited.text.length;
    this.render();
  };
}
