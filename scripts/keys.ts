#!/usr/bin/env bun
import { command } from "../lib/cli/command.ts";
import { readHead } from "../lib/family/read-family-file.ts";
import { print, printJson, say } from "../lib/system/output.ts";
import { projectRoot } from "../lib/system/project.ts";
import { privateKeyFile } from "../lib/trust/key.ts";
import { makeKeys, refuseOverwriting, refuseUnignored } from "../lib/trust/make-keys.ts";
import { newPassword } from "../lib/trust/new-password.ts";

await command("keys", async (args) => {
  const { key } = readHead(projectRoot);
  refuseOverwriting(projectRoot, key);
  await refuseUnignored(projectRoot);
  await makeKeys(projectRoot, key, await newPassword(args.has("stdin")));
  if (args.has("json")) return printJson({ privateKey: privateKeyFile, publicKey: key });
  print(`${key}\n${privateKeyFile}`);
  say(`next: commit ${key}; keep a copy of ${privateKeyFile} and its password where no machine reads them`);
});
