import { RE2JS } from "re2js";

/**
 * The regular expressions of the manifest. They are RE2's: the time that one takes grows with the text and not, as with
 * JavaScript's, with every way to read it, so no pattern can hang a command. Syntax: https://github.com/google/re2/wiki/Syntax
 */

/** `^` and `$` are a line's, and `.` is any character. @throws for what is no regular expression. */
function compiled(pattern: string): RE2JS {
  return RE2JS.compile(pattern, RE2JS.MULTILINE | RE2JS.DOTALL);
}

export function isPattern(pattern: string): boolean {
  try {
    compiled(pattern);
    return true;
  } catch {
    return false;
  }
}

/** Whether the pattern is found anywhere in a text. */
export function isFound(pattern: string, text: string): boolean {
  return compiled(pattern).matcher(text).find();
}
