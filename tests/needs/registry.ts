// The image of the tests' registry.
// needs: toolbox
import { registryImage } from "../support/registry.ts";
import { testStorage } from "../support/sandbox.ts";

Object.assign(process.env, testStorage());
await registryImage();
