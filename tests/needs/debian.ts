// A root of Debian trixie, on which the tests' images are based.
import { ensureLocalDebian } from "../../lib/tools/debian-image.ts";
import { testStorage } from "../support/sandbox.ts";

Object.assign(process.env, testStorage());
await ensureLocalDebian("trixie");
