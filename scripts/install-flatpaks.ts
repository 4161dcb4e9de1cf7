#!/usr/bin/env bun
import { command } from "../lib/cli/command.ts";
import { installFlatpaks } from "../lib/host/flatpaks/main.ts";

await command("install-flatpaks", installFlatpaks);
