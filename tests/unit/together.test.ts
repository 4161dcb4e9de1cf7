import { expect, test } from "bun:test";
import { together } from "../../lib/system/single-flight.ts";

test("what several ask for at the same time is done once; later, and under another name, it is done anew", async () => {
  let times = 0;
  const work = async () => {
    times++;
    await Bun.sleep(1);
    return times;
  };
  expect(await Promise.all([together("a", work), together("a", work)])).toEqual([1, 1]);
  expect(await Promise.all([together("a", work), together("b", work)])).toEqual([3, 3]);
});

test("all who wait hear of its failure, and who asks after it tries again", async () => {
  const fail = () => Promise.reject(new Error("no"));
  const outcomes = await Promise.allSettled([together("c", fail), together("c", fail)]);
  expect(outcomes.map((o) => o.status)).toEqual(["rejected", "rejected"]);
  expect(await together("c", async () => "yes")).toBe("yes");
});
