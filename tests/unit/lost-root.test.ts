import { expect, test } from "bun:test";
import { harmfulMounts, lostFiles, removedAfterMount } from "../../lib/build/lost-root.ts";

// What podman before 4.6 removes from an image after a RUN with mounts, as seen with podman 4.3.1.

const store = { root: "/var/lib/containers/storage", driver: "overlay" };
const elsewhere = { root: "/tmp/x/storage", driver: "overlay" };

test.each([
  ["/ctx", store, "/ctx"],
  ["/tmp", store, "/tmp"],
  ["/var", store, "/"],
  ["/var/lib", store, "/"],
  ["/var/cache", store, "/cache"],
  ["/var/lib/usr", store, "/usr"],
  ["/tmp", elsewhere, "/"],
  ["/tmp/opt", elsewhere, "/opt"],
  ["/var/cache", elsewhere, "/var/cache"],
])("a mount on %s removes", (target, at, removed) => {
  expect(removedAfterMount(target, at)).toBe(removed);
});

test("the mounts that take what a system needs, with their lines", () => {
  const text = `FROM b
RUN --mount=type=cache,dst=/var/cache --mount=type=bind,source=x,target=/ctx true
RUN --mount=type=tmpfs,target=/tmp \\
  true
run --mount=type=bind,source=x,destination=/var true
RUN --mount=type=secret,id=x,target=/etc/ --mount=type=bind,source=x,target=relative true
RUN echo --mount=type=tmpfs,target=/usr
`;
  expect(harmfulMounts(text, store)).toEqual([
    { line: 3, target: "/tmp", removed: "/tmp" },
    { line: 5, target: "/var", removed: "/" },
  ]);
});

test("podman's line about it is found in a log", () => {
  const line = `time="2026-11-28T04:37:08Z" level=error msg="unable to cleanup run mounts copier: remove \\"/\\": unlinkat .//: device or resource busy"`;
  expect(lostFiles(`STEP 1/2: FROM b\n${line}\n--> d9c174ac036\n`)).toBe(line);
  expect(lostFiles("STEP 1/2: FROM b\n--> d9c174ac036\n")).toBeUndefined();
});
