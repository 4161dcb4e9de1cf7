/**
 * Stands in for bootc: its real options and its real JSON, on a machine that is a folder. What it would do to a deployment, it
 * does to a file, by the rules of the real one:
 *
 * - `switch` to the specification that is followed already does nothing; `upgrade` looks for a new digest of it.
 * - without --enforce-container-sigpolicy the mark is dropped; with it a policy that accepts anything is refused.
 * - `rollback` swaps the order of the deployments and drops what is staged.
 *
 * The folder ($STAND_IN_BOOTC): host.json the status; registry.json digest by image; calls one line a call; fail the words with
 * which the next switch or upgrade ends; old (exists) a host that knows no --format-version; broken (exists) no status at all.
 */
import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";

const folder = process.env.STAND_IN_BOOTC ?? "";
const file = (name: string) => join(folder, name);
const [verb = "", ...rest] = process.argv.slice(2);
const store = process.env.STORAGE_OPTS;
appendFileSync(file("calls"), `${store ? `STORAGE_OPTS=${store} ` : ""}bootc ${[verb, ...rest].join(" ")}\n`);

function end(code: number, words = ""): never {
  if (words) process.stderr.write(`${words}\n`);
  process.exit(code);
}

const text = { type: "string" } as const;
const flag = { type: "boolean" } as const;
const apply = { apply: flag, "soft-reboot": text };
const verbs = {
  status: { format: text, "format-version": text, json: flag, booted: flag, verbose: flag },
  switch: {
    ...{ ...apply, quiet: flag, transport: text, retain: flag, "enforce-container-sigpolicy": flag },
    ...{ "download-only": flag, "from-downloaded": flag },
  },
  upgrade: { ...apply, quiet: flag, check: flag, "download-only": flag, "from-downloaded": flag },
  rollback: apply,
};

interface Spec {
  image: string;
  transport: string;
  signature?: unknown;
}
interface Entry {
  image: { image: Spec; imageDigest: string; architecture: string; version: string | null; timestamp: string | null };
  incompatible: boolean;
  pinned: boolean;
  downloadOnly?: boolean;
  [other: string]: unknown;
}
interface Host {
  spec: { image: Spec | null; bootOrder?: string };
  status: { booted: Entry | null; staged: Entry | null; rollback: Entry | null; rollbackQueued?: boolean };
}

function read(): Host {
  return JSON.parse(readFileSync(file("host.json"), "utf8")) as Host;
}

function write(host: Host): void {
  writeFileSync(file("host.json"), JSON.stringify(host));
}

/** Words and options as clap takes them: `--a=b` and `--a b`. */
function options(known: Record<string, typeof text | typeof flag>) {
  try {
    return parseArgs({ args: rest, options: known, allowPositionals: verb === "switch" });
  } catch (error) {
    const option = /'(--[\w-]+)/.exec(error instanceof Error ? error.message : "")?.[1] ?? rest[0];
    return end(2, `error: unexpected argument '${option}' found\n\nUsage: bootc ${verb} [OPTIONS]`);
  }
}

function fetch(host: Host, spec: Spec): void {
  if (existsSync(file("fail"))) end(1, `error: ${readFileSync(file("fail"), "utf8").trim()}`);
  const known = JSON.parse(readFileSync(file("registry.json"), "utf8")) as Record<string, string>;
  const digest = known[spec.image];
  if (!digest)
    end(
      1,
      `error: Switching: Pulling: Creating importer: failed to invoke method OpenImage: ${spec.image}: manifest unknown`,
    );
  host.status.staged = {
    image: { image: spec, version: null, timestamp: null, imageDigest: digest, architecture: "amd64" },
    ...{ incompatible: false, pinned: false, downloadOnly: false, store: "ostreeContainer", cachedUpdate: null },
    ostree: { checksum: digest.slice(7), deploySerial: 0, stateroot: "default" },
  };
  host.spec.image = spec;
  write(host);
  process.stdout.write(`Queued for next boot: ${spec.image}\n  Digest: ${digest}\n`);
}

function policyAcceptsAnything(): boolean {
  const path = join(process.env.SLIPWAY_HOST ?? "/", "etc/containers/policy.json");
  const policy = JSON.parse(readFileSync(path, "utf8")) as { default: { type: string }[] };
  return policy.default.length === 1 && policy.default[0]?.type === "insecureAcceptAnything";
}

const known = verbs[verb as keyof typeof verbs] as (typeof verbs)["status"] | undefined;
if (!known) end(2, `error: unrecognized subcommand '${verb}'`);
const { values, positionals } = options(
  verb === "status" && existsSync(file("old")) ? { format: text, json: flag, booted: flag } : known,
) as { values: Record<string, string | boolean | undefined>; positionals: string[] };

if (verb === "status") {
  if (existsSync(file("broken"))) end(1, "error: Status: Initializing storage: No such file or directory");
  process.stdout.write(readFileSync(file("host.json"), "utf8"));
} else {
  const host = read();
  if (!host.status.booted) end(1, "error: System not booted via bootc");
  if (verb === "switch") {
    const [image] = positionals;
    if (image === undefined || positionals.length > 1)
      end(2, "error: the following required arguments were not provided: <TARGET>");
    const enforce = values["enforce-container-sigpolicy"] === true;
    if (enforce && policyAcceptsAnything())
      end(1, "error: containers-policy.json specifies a default of `insecureAcceptAnything`; refusing usage");
    const transport = String(values.transport ?? "registry");
    const spec: Spec = { image, transport, ...(enforce ? { signature: "containerPolicy" } : { signature: null }) };
    const now = host.spec.image;
    const same =
      now?.image === image && now.transport === transport && (now.signature ?? null) === (spec.signature ?? null);
    if (same) process.stdout.write("Image specification is unchanged.\n");
    else fetch(host, spec);
  } else if (verb === "upgrade") {
    const { staged } = host.status;
    if (values["from-downloaded"]) {
      if (!staged) end(1, "error: No staged deployment found");
      staged.downloadOnly = false;
      write(host);
    } else if (host.spec.image) fetch(host, host.spec.image);
  } else {
    if (!host.status.rollback) end(1, "error: No rollback available");
    host.status.staged = null;
    host.status.rollbackQueued = !host.status.rollbackQueued;
    write(host);
  }
}
