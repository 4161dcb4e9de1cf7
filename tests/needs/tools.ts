// skopeo and cosign of the toolbox as programs of this machine, for tests that call them hundreds of times: a container around
// each call costs more than the call. That tools run in the toolbox is shown by other tests.
// needs: toolbox
import { ensureToolbox } from "../../lib/tools/toolbox.ts";
import { takeTools } from "../support/host-tools.ts";
import { testStorage } from "../support/sandbox.ts";

Object.assign(process.env, testStorage());
await takeTools(await ensureToolbox());
