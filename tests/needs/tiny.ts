// An image of 2 MB with one package, busybox, and the files by which a package manager knows it: what is built on it is pushed,
// signed and rechunked in a moment.
// needs: debian
import { ensureLocalDebian } from "../../lib/tools/debian-image.ts";
import { testStorage } from "../support/sandbox.ts";
import { makeTiny } from "../support/small-images.ts";

Object.assign(process.env, testStorage());
await makeTiny(await ensureLocalDebian("trixie"));
