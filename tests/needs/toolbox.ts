// The toolbox: a container image with the tools that this machine lacks.
import { ensureToolbox } from "../../lib/tools/toolbox.ts";
import { testStorage } from "../support/sandbox.ts";

Object.assign(process.env, testStorage());
await ensureToolbox();
