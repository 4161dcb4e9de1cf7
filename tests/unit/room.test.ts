// reaches: lib/builders/room.ts
import { afterAll, afterEach, expect, spyOn, test } from "bun:test";
import { claimRoom, neededRoom } from "../../lib/builders/room.ts";

// The room in podman's storage that builds may need.

const gigabyte = 1e9;
const stderr = spyOn(process.stderr, "write").mockImplementation(() => true);
const { CI } = process.env;
afterAll(() => stderr.mockRestore());
afterEach(() => {
  if (CI === undefined) delete process.env.CI;
  else process.env.CI = CI;
});

const has = (gigabytes: number) => async () => ({ path: "/store", free: gigabytes * gigabyte, total: 99 * gigabyte });
const said = () => {
  const text = stderr.mock.calls.map(([line]) => line).join("");
  stderr.mockClear();
  return text;
};

test("what was above its base, twice, and for a first build a guess", () => {
  expect([neededRoom(10, undefined), neededRoom(10, 13), neededRoom(10, 9), neededRoom(0, 4)]).toEqual([10, 6, 0, 8]);
});

test("too little room is said, enough is said in CI only", async () => {
  delete process.env.CI;
  (await claimRoom(4 * gigabyte, undefined, has(3)))();
  expect(said()).toBe("podman's storage in /store has 3.0 GB of room, and this build may need 4.0 GB: bun run clean\n");
  (await claimRoom(4 * gigabyte, undefined, has(4)))();
  expect(said()).toBe("");
  process.env.CI = "true";
  (await claimRoom(4 * gigabyte, undefined, has(4)))();
  expect(said()).toBe("podman's storage in /store has 4.0 GB of room, and this build may need 4.0 GB\n");
  (await claimRoom(gigabyte / 10, undefined, has(0)))();
  expect(said()).toBe("");
});

test("builds that run side by side need the room of all of them, until they end", async () => {
  delete process.env.CI;
  const first = await claimRoom(0, 2 * gigabyte, has(6));
  expect(said()).toBe("");
  const second = await claimRoom(gigabyte, 2.5 * gigabyte, has(6));
  expect(said()).toContain("this build may need 3.0 GB (with those that run beside it 7.0 GB): bun run clean");
  first();
  second();
  (await claimRoom(gigabyte, 2.5 * gigabyte, has(6)))();
  expect(said()).toBe("");
});
