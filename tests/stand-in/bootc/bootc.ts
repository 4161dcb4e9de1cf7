/**
 * Stands in for bootc 1.16: its real options, words and JSON, on a machine that is a folder. What it would do to a deployment, it
 * does to a file, by the rules of the real one. The booted entry says which backend it is.
 *
 * - `switch` to the specification that is followed already does nothing; `upgrade` looks for a new digest of it.
 * - ostree: without --enforce-container-sigpolicy the mark is dropped; with it a default that accepts anything is refused.
 * - composefs: the mark is never kept and no policy is looked at. With the option nothing counts as unchanged. An image with the
 *   files of a deployment that is there already is an error for `switch`, and no change for `upgrade`. Success is silent.
 * - `rollback` swaps the order of the deployments and drops what is staged.
 *
 * The folder ($STAND_IN_BOOTC): host.json the status; registry.json digest by image; calls one line a call; fail the words with
 * which the next switch or upgrade ends; old (exists) a host that knows no --format-version; broken (exists) no status at all;
 * same-files (exists) what the registry has differs from the booted image in labels only.
 */
import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { backends } from "../../support/bootc-host.ts";

const folder = process.env.STAND_IN_BOOTC ?? "";
const file = (name: string) => join(folder, name);
const [verb = "", ...rest] = process.argv.slice(2);
const store = process.env.STORAGE_OPTS;
appendFileSync(file("calls"), `${store ? `STORAGE_OPTS=${store} ` : ""}bootc ${[verb, ...rest].join(" ")}\n`);

const say = (words: string) => process.stdout.write(`${words}\n`);

function end(code: number, words = ""): never {
  if (words) process.stderr.write(`${words}\n`);
  process.exit(code);
}

const text = { type: "string" } as const;
const flag = { type: "boolean" } as const;
const apply = { apply: flag, "soft-reboot": text };
const progress = { "progress-fd": text };
const verbs = {
  status: { format: text, "format-version": text, json: flag, booted: flag, verbose: flag },
  switch: {
    ...{ ...apply, ...progress, quiet: flag, transport: text, retain: flag, "enforce-container-sigpolicy": flag },
    ...{ "mutate-in-place": flag, "no-signature-verification": flag, "experimental-unified-storage": flag },
  },
  upgrade: {
    ...apply,
    ...progress,
    quiet: flag,
    check: flag,
    tag: text,
    "download-only": flag,
    "from-downloaded": flag,
  },
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
  composefs?: object | null;
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
    return end(
      2,
      `error: unexpected argument '${option}' found\n\nUsage: bootc ${verb} [OPTIONS]\n\nFor more information, try '--help'.`,
    );
  }
}

const host = verb === "status" ? undefined : read();
const composefs = !!host?.status.booted?.composefs;
const chain = {
  switch: composefs ? "Switching: Composefs Switching" : "Switching: Switching (ostree)",
  upgrade: composefs ? "Upgrading: Upgrading composefs" : "Upgrading",
  rollback: composefs ? "Rollback: Rolling back composefs" : "Rollback: Rollback (ostree)",
};

/** The digest that the registry has. */
function find(spec: Spec): string {
  const known = JSON.parse(readFileSync(file("registry.json"), "utf8")) as Record<string, string>;
  return (
    known[spec.image] ??
    fail(`Preparing import: Fetching manifest: failed to invoke method OpenImage: ${spec.image}: manifest unknown`)
  );
}

function fail(words: string): never {
  end(1, `error: ${chain[verb as keyof typeof chain]}: ${words}`);
}

/** Which of the deployments has the files of this image. */
function twin({ status }: Host, digest: string): string | undefined {
  if (existsSync(file("same-files"))) return "Booted";
  const all = { Booted: status.booted, Staged: status.staged, Rollback: status.rollback };
  return Object.entries(all).find(([, entry]) => entry?.image.imageDigest === digest)?.[0];
}

function stage(host: Host, spec: Spec, downloadOnly: boolean): void {
  if (existsSync(file("fail"))) end(1, `error: ${readFileSync(file("fail"), "utf8").trim()}`);
  const digest = find(spec);
  const name = spec.transport === "registry" ? `docker://${spec.image}` : `${spec.transport}:${spec.image}`;
  const { booted, staged } = host.status;
  if (composefs) {
    const other = twin(host, digest);
    if (other && verb === "upgrade") return void say(`No changes in: ${spec.image}`);
    if (other) fail(`Target image has the same fs-verity digest as the existing ${other} deployment.`);
  } else if (verb === "upgrade" && staged?.image.imageDigest === digest) {
    say(`No changes in ${name} => ${digest}`);
    if (staged.downloadOnly !== downloadOnly) {
      staged.downloadOnly = downloadOnly;
      write(host);
      say(downloadOnly ? "Image downloaded, but will not be applied on reboot" : "Staged update present, not changed");
    } else say("Staged update present, not changed");
    return;
  } else if (verb === "upgrade" && !staged && booted?.image.imageDigest === digest)
    return void say("No update available.");
  const { signature, ...bare } = spec;
  const kept: Spec = composefs || signature === undefined ? bare : spec;
  host.status.staged = {
    image: { image: kept, version: null, timestamp: null, imageDigest: digest, architecture: "amd64" },
    ...{ incompatible: false, pinned: false, downloadOnly, cachedUpdate: null, softRebootCapable: composefs },
    ...backends[composefs ? "composefs" : "ostree"](digest),
  };
  host.spec.image = kept;
  write(host);
  if (composefs) return;
  say("layers already present: 29; layers needed: 1 (237 bytes)");
  say(`Queued for next boot: ${signature ? `ostree-image-signed:${name}` : spec.image}\n  Digest: ${digest}`);
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

if (!host) {
  if (existsSync(file("broken"))) end(1, "error: Status: Initializing storage: No such file or directory");
  process.stdout.write(readFileSync(file("host.json"), "utf8"));
} else {
  const { staged, booted, rollback } = host.status;
  if (!booted) end(1, "error: System not booted via bootc");
  if (verb === "switch") {
    const [image] = positionals;
    if (image === undefined || positionals.length > 1)
      end(2, "error: the following required arguments were not provided: <TARGET>");
    const enforce = values["enforce-container-sigpolicy"] === true;
    if (enforce && !composefs && policyAcceptsAnything())
      fail("Preparing import: containers-policy.json specifies a default of `insecureAcceptAnything`; refusing usage");
    const transport = String(values.transport ?? "registry");
    const spec: Spec = { image, transport, ...(enforce ? { signature: "containerPolicy" } : {}) };
    const now = host.spec.image;
    if (now?.image === image && now.transport === transport && now.signature === spec.signature)
      say("Image specification is unchanged.");
    else stage(host, spec, false);
  } else if (verb === "upgrade") {
    if (values["from-downloaded"]) {
      if (!staged) fail("No staged deployment found");
      if (!staged.downloadOnly)
        say(
          composefs
            ? "Staged deployment is present and not in download only mode.\nUse `bootc update --apply` to apply the update."
            : "Staged deployment is already set to apply on reboot",
        );
      else {
        staged.downloadOnly = false;
        write(host);
        if (!composefs) say("Staged deployment will now be applied on reboot");
      }
    } else if (values.check) {
      const { image = "" } = host.spec.image ?? {};
      const none = host.spec.image && find(host.spec.image) === (staged ?? booted).image.imageDigest;
      say(`${none ? "No changes in" : "Update available for"}: ${composefs ? "" : "docker://"}${image}`);
    } else if (host.spec.image) stage(host, host.spec.image, values["download-only"] === true);
  } else {
    const queued = !host.status.rollbackQueued;
    if (!queued) say("notice: Reverting queued rollback state");
    if (!rollback) fail("No rollback available");
    host.status.staged = null;
    host.status.rollbackQueued = queued;
    host.spec = { image: booted.image.image, bootOrder: queued ? "rollback" : "default" };
    write(host);
    say(`Next boot: ${queued ? "rollback" : "current"} deployment`);
  }
}
