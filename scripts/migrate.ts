#!/usr/bin/env bun
import { command } from "../lib/cli/command.ts";

await command("migrate", async (args) => (await import("../lib/host/migrate/main.ts")).migrate(args));
