import { expect, test } from "bun:test";
import { localBase } from "../../lib/builders/base.ts";
import type { LocalImage } from "../../lib/oci/storage.ts";
import { rootKey } from "../../lib/tools/debian-root.ts";

const base = { debian: "trixie" };
const [theirs, ours] = ["docker.io/library/debian:trixie", "localhost/slipway-debian:trixie"];

function image(id: string, labels: Record<string, string> = {}): LocalImage {
  return { id, digest: "", names: [], labels, size: 0 };
}
const made = image("made", { "org.slipway.debian.key": rootKey("trixie") });

test.each<[string, [string, LocalImage][], string | undefined]>([
  ["nothing is there", [], undefined],
  ["a root made here", [[ours, made]], "made"],
  [
    "the registry's own comes first",
    [
      [ours, made],
      [theirs, image("pulled")],
    ],
    "pulled",
  ],
  ["one that was made by an older recipe", [[ours, image("old", { "org.slipway.debian.key": "older" })]], undefined],
  ["one from before there were keys", [[ours, image("older", { "org.slipway.debian": "1" })]], undefined],
])("the base of a Debian target: %s", (_, images, id) => {
  expect(localBase(base, new Map(images))?.image.id).toBe(id as never);
});
