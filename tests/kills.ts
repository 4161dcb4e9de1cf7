/**
 * Kills commands at many moments and counts what is left. The long form of tests/integration/kills.test.ts:
 *
 *     bun tests/kills.ts [HOW MANY, 160 without a number] [COMMAND…]
 *
 * It needs the images of the tests (`./run test kills` makes them).
 */
import { Killing, killable, storeFolder } from "./support/kills.ts";
import { exec } from "./support/sandbox.ts";

const [first = "160", ...names] = process.argv.slice(2);
const wanted = Number(first);
const commands = names.length ? names : killable;
process.env.SLIPWAY_TEST_STORE ??= storeFolder();
process.env.SLIPWAY_TEST_IMAGES ??= `${process.env.HOME}/.cache/slipway/test-images`;

const killing = new Killing();
const bad: string[] = [];
let interrupted = 0;
let ended = 0;
try {
  await killing.prepare(commands);
  for (let n = 0; n < wanted; n++) {
    const command = commands[n % commands.length] ?? "build";
    const signal = Math.floor(n / commands.length) % 2 === 0 ? "SIGINT" : "SIGKILL";
    // the golden ratio spreads any number of moments evenly
    const killed = await killing.kill(command, signal, ((n + 1) * 0.618034) % 1);
    if (killed.code === undefined) ended++;
    else if (killed.code === 130) interrupted++;
    for (const what of killed.left) bad.push(`${n} ${command} ${signal} after ${killed.after} ms: ${what}`);
    console.error(`${n + 1} ${command} ${signal} ${killed.after} ms → ${killed.code} ${killed.left.join("; ")}`);
  }
} finally {
  await killing.remove();
  await exec(["podman", "rm", "--all", "--force", "--time", "0"], killing.project.env);
  await exec(["umount", `${process.env.SLIPWAY_TEST_STORE}/graph/overlay`]);
  await exec(["rm", "-rf", process.env.SLIPWAY_TEST_STORE]);
}
console.log(JSON.stringify({ kills: wanted, interrupted, endedBefore: ended, bad }, null, 2));
process.exit(bad.length ? 1 : 0);
