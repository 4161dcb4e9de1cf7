#!/usr/bin/env bun
import { command } from "../lib/cli/command.ts";
import { update } from "../lib/host/update/main.ts";

await command("update", update);
