// A base of Fedora's kind with the repositories that it takes packages from.
import { makeFedora } from "../support/fedora.ts";
import { testStorage } from "../support/sandbox.ts";

Object.assign(process.env, testStorage());
await makeFedora();
