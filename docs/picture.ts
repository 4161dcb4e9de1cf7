#!/usr/bin/env bun
// Runs a line in a terminal of its own (tmux) and draws what it shows at the end: picture FILE.svg 'LINE'
import { writeFileSync } from "node:fs";
import { terminalPicture } from "../lib/dev/picture.ts";
import { $, exit, Failure, say, script } from "../lib/index.ts";

/** Of the terminal. */
const [columns, rows] = [80, 40];

await script(async ({ words: [file, line] }) => {
  if (!file || !line)
    throw new Failure(exit.usage, "picture: a file and a line are needed", {
      next: "bun docs/picture.ts docs/picture.svg './run build'",
    });
  const name = `picture-${process.pid}`;
  // the shell stays until its screen was read
  const shell = `clear; printf '\\033[1m$\\033[0m %s\\n' "$LINE"; eval "$LINE"; tmux wait-for -S ${name}; sleep 60`;
  await $`tmux new-session -d -s ${name} -x ${columns} -y ${rows} -e ${`LINE=${line}`} sh -c ${shell}`;
  try {
    await $`tmux wait-for ${name}`;
    const { stdout } = await $`tmux capture-pane -p -e -t ${name}`;
    writeFileSync(file, terminalPicture(stdout, columns, line));
  } finally {
    await $`tmux kill-session -t ${name}`;
  }
  say(`drawn: ${file}`);
});
