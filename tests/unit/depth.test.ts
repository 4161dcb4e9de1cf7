import { afterAll, expect, test } from "bun:test";
import { addedLayers, mostLayers, refuseDepth } from "../../lib/builders/containerfile/depth.ts";
import { Failure } from "../../lib/system/errors.ts";
import { family, project, removeProjects, target } from "../support/small-family.ts";

// More layers than podman mounts are noticed before the build.

afterAll(removeProjects);

const text = `ARG BASE=x
FROM \${BASE} AS helpers
COPY a /a
FROM \${BASE} AS low
RUN one
ENV A=b
FROM low
ARG C
ADD b /b
run two \\
  three
WORKDIR /x
LABEL d=e
`;

test("the layers that a recipe adds are those of the longest line of stages", () => {
  expect(addedLayers(text)).toBe(4);
  expect(addedLayers(`${text}FROM scratch\nCOPY --from=helpers /a /a\n`)).toBe(4);
  expect(addedLayers("FROM x\n")).toBe(0);
});

test("podman mounts 128 layers before 4.4, then 500", () => {
  expect(["4.3.1", "4.3.9", "4.4.0", "5.8.1"].map(mostLayers)).toEqual([128, 128, 500, 500]);
});

const failure = (flavor: string, layers: number, version: string): Failure | undefined => {
  const of = family(project());
  try {
    refuseDepth(target(of, "best", flavor), { name: "base", layers }, 10, version);
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
};

test("what fits is built", () => {
  expect(failure("two", 118, "4.3.1")).toBeUndefined();
  expect(failure("two", 128, "4.9.0")).toBeUndefined();
});

test("what does not fit is refused, with the command that gives its base fewer layers", () => {
  const two = failure("two", 119, "4.3.1");
  expect(two?.message).toBe("registry.test/toys/toy-two:best would have too many layers: podman 4.3.1 mounts 128");
  expect(two?.details.tried).toEqual(["base has 119 layers", "the recipe adds up to 10"]);
  expect(two?.details.next).toStartWith("bun run rechunk best one --layers 64, then run this again; or use podman 4.4");
  expect(failure("one", 128, "4.3.1")?.details.next).toStartWith("use podman 4.4");
  expect(failure("two", 495, "5.0.0")?.details.next).toBe("bun run rechunk best one --layers 64, then run this again");
});
