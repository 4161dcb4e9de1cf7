import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { decide, keyLabel } from "../../lib/builders/decide.ts";
import { knownRefresh, newRefresh, rememberRefresh } from "../../lib/builders/refresh.ts";
import type { LocalImage } from "../../lib/oci/storage.ts";
import { exit, Failure } from "../../lib/system/errors.ts";
import { statePath } from "../../lib/system/project.ts";
import { runSteps, type Step } from "../../lib/system/steps.ts";

// What is done, in which order, and what is remembered of it.

describe("steps", () => {
  const step = (id: string, after: string[] = [], run: Step<string>["run"] = async () => id): Step<string> => ({
    id,
    title: id,
    after,
    run,
  });
  const fail = async () => {
    throw new Failure(exit.failed, "no luck", { next: "another time" });
  };
  const states = async (steps: Step<string>[], jobs: number) =>
    (await runSteps(steps, jobs)).map((r) => `${r.id} ${r.state}`);

  test("results come in the order given, whatever came first", async () => {
    const results = await runSteps([step("b", ["a"]), step("a"), step("c")], 2);
    expect(results.map((r) => r.state === "done" && r.value)).toEqual(["b", "a", "c"]);
  });

  test("one that fails leaves out only what is based on it, all the way up", async () => {
    const steps = [step("a", [], fail), step("b", ["a"]), step("c", ["b"]), step("d"), step("e", ["d"])];
    expect(await states(steps, 2)).toEqual(["a failed", "b left", "c left", "d done", "e done"]);
    const [, b, c] = await runSteps(steps, 1);
    expect([b, c].map((r) => r?.state === "left" && r.because)).toEqual(["it needs a", "it needs b"]);
  });

  test("what it is based on need not be among the steps", async () => {
    expect(await states([step("a", ["elsewhere"])], 1)).toEqual(["a done"]);
  });

  test.each([1, 2, 3])("at most %d at the same time, and that many if they can", async (jobs) => {
    let now = 0;
    let most = 0;
    const busy = async () => {
      most = Math.max(most, ++now);
      await Bun.sleep(5);
      now--;
      return "";
    };
    await runSteps(
      ["a", "b", "c", "d", "e"].map((id) => step(id, [], busy)),
      jobs,
    );
    expect(most).toBe(jobs);
  });

  test("what is based on another begins after its end", async () => {
    const seen: string[] = [];
    const note = (id: string) => async () => {
      seen.push(`${id} begins`);
      await Bun.sleep(2);
      seen.push(`${id} ends`);
      return id;
    };
    await runSteps([step("top", ["low"], note("top")), step("low", [], note("low"))], 2);
    expect(seen).toEqual(["low begins", "low ends", "top begins", "top ends"]);
  });

  test("a Failure goes to the log; what is none is a defect of ours", async () => {
    const results = await runSteps(
      [
        step("x/y:z", [], fail),
        step("broken", [], async () => {
          throw new TypeError("oops");
        }),
      ],
      1,
    );
    expect(readFileSync(statePath("logs", "x_y_z.log"), "utf8")).toBe("\nno luck\n  next: another time\n");
    const [, broken] = results;
    if (broken?.state !== "failed") throw new Error("it did not fail");
    expect(broken.error.message).toStartWith("a bug in Slipway: TypeError: oops");
    expect(broken.error.details.log).toEndWith("logs/broken.log");
    for (const name of ["x_y_z", "broken"]) rmSync(statePath("logs", `${name}.log`));
  });
});

test("a log that cannot be written fails its step, with what to do; the others go on", async () => {
  const id = `no-log-${process.pid}`;
  mkdirSync(statePath("logs", id.concat(".log"), "x"), { recursive: true });
  const ran: string[] = [];
  const step = (name: string): Step<void> => ({
    id: name,
    title: name,
    after: [],
    run: async () => void ran.push(name),
  });
  const [first, second] = await runSteps([step(id), step("steps-other")], 1);
  rmSync(statePath("logs", `${id}.log`), { recursive: true });
  rmSync(statePath("logs", "steps-other.log"));
  expect(first?.state === "failed" && first.error.lines()[0]).toMatch(/^`\.slipway\/` cannot be written: EISDIR/);
  expect(second?.state).toBe("done");
  expect(ran).toEqual(["steps-other"]);
});

describe("whether a target is built, and why", () => {
  const options = { force: false, refresh: false, noCache: false, dated: false };
  const image = (key: string): LocalImage => ({ id: "1", digest: "", names: [], labels: { [keyLabel]: key }, size: 1 });
  const same = { image: image("k"), key: "k", stale: false };

  test.each<[string, Partial<Parameters<typeof decide>[0]>, Partial<typeof options>, boolean, string]>([
    ["all as it was", {}, {}, false, "its inputs did not change"],
    ["no image", { image: undefined }, {}, true, "there is no image yet"],
    ["no image, though forced", { image: undefined }, { force: true }, true, "there is no image yet"],
    ["--force", {}, { force: true }, true, "--force"],
    ["--no-cache", {}, { noCache: true }, true, "--no-cache"],
    ["--refresh", {}, { refresh: true }, true, "--refresh"],
    ["another key", { key: "other" }, {}, true, "its inputs changed"],
    ["an image of somebody else's", { image: { ...image("k"), labels: {} } }, {}, true, "its inputs changed"],
    ["a base that is built first", { key: undefined }, {}, true, "its base is built first"],
    ["something that nobody knows yet", { unknown: "what `$D` gives …" }, {}, true, "what `$D` gives …"],
    ["old packages", { stale: true }, {}, true, "its packages are older than refreshAfter"],
    ["to be published, and not dated", {}, { dated: true }, true, "it does not say how old its packages are"],
    ["old packages and another key", { stale: true, key: "other" }, {}, true, "its inputs changed"],
  ])("%s", (_, facts, chosen, build, why) => {
    expect(decide({ ...same, ...facts }, { ...options, ...chosen })).toEqual({ build, why });
  });
});

describe("the refresh stamp", () => {
  const now = Date.UTC(2026, 10, 21, 3, 30, 5, 700);
  const name = { reference: `registry.test/steps-test-${process.pid}:x` };
  const file = statePath("state", "refresh", `registry.test+steps-test-${process.pid}@x.json`);
  afterAll(() => rmSync(file, { force: true }));

  test("is a date", () => {
    expect(newRefresh(now)).toEqual({ stamp: "20261121T033005Z", at: now });
  });

  test("is empty for a first build, whose packages are of now", () => {
    expect(knownRefresh(name, undefined, now)).toEqual({ stamp: "", at: now });
  });

  test("comes from the image's label where nothing else remembers", () => {
    expect(knownRefresh(name, "20261121T033005Z", now + 5)).toEqual({
      stamp: "20261121T033005Z",
      at: Date.UTC(2026, 10, 21, 3, 30, 5),
    });
    expect(knownRefresh(name, "nonsense", now)).toEqual({ stamp: "nonsense", at: 0 });
  });

  test("is remembered, and given up for the label of an image that somebody else built", () => {
    const first = { stamp: "", at: now };
    rememberRefresh(name, first);
    expect(existsSync(file)).toBe(true);
    expect(knownRefresh(name, undefined, now + 9)).toEqual(first);
    expect(knownRefresh(name, "", now + 9)).toEqual(first);
    expect(knownRefresh(name, "20261121T033005Z", now + 9).stamp).toBe("20261121T033005Z");
  });

  test("a broken file costs a date, nothing else", () => {
    writeFileSync(file, "{");
    expect(knownRefresh(name, undefined, now)).toEqual({ stamp: "", at: now });
    writeFileSync(file, JSON.stringify({ stamp: 5 }));
    expect(knownRefresh(name, undefined, now)).toEqual({ stamp: "", at: now });
  });
});
