import { RE2JS } from "re2js";

/**
 * The regular expressions of the manifest. They are RE2's: their time grows with the text only. A pattern of JavaScript's can
 * try every way to read the text, and so hang a command. Syntax: https://github.com/google/re2/wiki/Syntax
 */

/** `^` and `$` are a line's, and `.` is any character. @throws for what is not a regular expression. */
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
