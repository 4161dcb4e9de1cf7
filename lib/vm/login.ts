/** A console that somebody sits at: root is logged in, and programs know the size of the terminal. */

/**
 * Credentials that log root in on every console of a guest. They are the machine's, so the image asks for a password as ever.
 * Sources: agetty(8) and login(1) of util-linux 2.40, "CREDENTIALS"; systemd's getty units take both in since 254.
 */
export const loggedIn: Readonly<Record<string, string>> = { "agetty.autologin": "root", "login.noauth": "yes" };

/** Terminals that understand what programs send to xterm. */
const likeXterm = /^(xterm|screen|tmux|rxvt|alacritty|foot|konsole|vte|wezterm)/;

/** Pure: kernel arguments for the serial console; none where its size is not known. Source: systemd(1), systemd.tty.*. */
export function consoleKargs(
  room: { rows: number; columns: number } | undefined,
  term: string = process.env.TERM ?? "",
): string[] {
  if (!room) return [];
  const kind = likeXterm.test(term) ? ["systemd.tty.term.ttyS0=xterm-256color"] : [];
  return [`systemd.tty.rows.ttyS0=${room.rows}`, `systemd.tty.columns.ttyS0=${room.columns}`, ...kind];
}
