import { exit, Failure } from "../../system/errors.ts";
import { bytes, canAsk } from "../../system/output.ts";
import { readNamed } from "../named-file.ts";
import { machineNames, typed } from "../names.ts";
import type { PasswdEntry } from "./accounts.ts";
import { word } from "./facts.ts";
import { shown } from "./files/paths.ts";
import { choose, type Item } from "./look/items.ts";
import type { MachineLook } from "./look/machine-look.ts";

/** What only the person can know: asked in a terminal, read from a file for machines, or the default with `--yes`. */

/** The shape of an answers file. */
export interface Answers {
  user?: string | undefined;
  /** Paths below the home; absent: all that is worth keeping. */
  items?: string[] | undefined;
  groups?: string[] | undefined;
  shell?: string | undefined;
  flatpaks?: boolean | undefined;
  /** The word, in place of typing it. */
  confirm?: string | undefined;
}

/** Answers of more than this name more items than any home has. */
const mostAnswers = 4 * 1024 * 1024;

/** @throws Failure (usage) for a file that is none, or says something else */
export async function readAnswers(file: string): Promise<Answers> {
  const { z } = await import("zod");
  const name = z.string().regex(/^[a-zA-Z_][a-zA-Z0-9_.-]*$/, "no name");
  const shape = z.strictObject({
    user: z.string().optional(),
    items: z.array(z.string()).optional(),
    groups: z.array(name).optional(),
    shell: z.string().startsWith("/").optional(),
    flatpaks: z.boolean().optional(),
    confirm: z.literal(word).optional(),
  });
  const next = `a JSON file such as {"user": "ana", "shell": "${machineNames.account.shell}", "confirm": "${word}"}; also items, groups, flatpaks`;
  let value: unknown;
  try {
    value = JSON.parse(readNamed(file, mostAnswers));
  } catch (error) {
    throw new Failure(exit.usage, `${file} cannot be read as answers`, { tried: [String(error)], next });
  }
  const read = shape.safeParse(value);
  if (read.success) return read.data;
  const tried = read.error.issues.map(({ path, message }) => `${path.join(".") || "the whole"}: ${message}`);
  throw new Failure(exit.usage, `${file} does not answer what is asked`, { tried, next });
}

export interface Asking {
  answers: Answers;
  yes: boolean;
  /** Nothing is decided, only shown: defaults will do. */
  dryRun: boolean;
}

const may = ({ answers, yes, dryRun }: Asking) => canAsk && !yes && !dryRun && answers.confirm === undefined;

/** @throws Failure (usage) where it is not clear whose home is meant */
export async function chooseUser(found: MachineLook, asking: Asking, named: string | undefined): Promise<PasswdEntry> {
  const { people, passwd } = found;
  const wanted = named ?? asking.answers.user;
  const list = people.map(({ name }) => name).join(" ");
  if (wanted !== undefined) {
    const entry = passwd.find(({ name }) => name === wanted);
    if (entry) return entry;
    throw new Failure(exit.usage, `there is no user ${wanted}`, {
      choices: [`the users of /etc/passwd: ${list}`],
      next: "name one of these",
    });
  }
  const caller = people.find(({ name }) => name === process.env.SUDO_USER);
  if (may(asking) && people.length > 1) {
    const { chooseOne } = await import("../../cli/prompts.ts");
    const title = ({ name, uid, home }: PasswdEntry) => `${name} (${uid}, ${home})`;
    const choices = people.map((p) => ({ value: p.name, title: title(p), selected: p === caller }));
    const name = await chooseOne("Whose home moves?", choices);
    const entry = people.find((p) => p.name === name);
    if (entry) return entry;
  }
  const only = caller ?? (may(asking) && people.length === 1 ? people[0] : undefined);
  if (only) return only;
  throw new Failure(exit.usage, "root has no home that could be migrated: say whose is", {
    tried: ["--user, `user` of the answers, $SUDO_USER"],
    next: `${typed("migrate")} --user NAME, one of: ${list}`,
  });
}

/** Without a terminal, only --answers and --yes decide. @throws Failure (usage) */
export function mustDecide(asking: Asking): void {
  if (may(asking) || asking.yes || asking.dryRun || asking.answers.confirm === word) return;
  throw new Failure(exit.usage, "there is no terminal to ask in, and no answers", {
    tried: ["stdin and stderr are a terminal, --answers FILE with `confirm`, --yes"],
    next: "run it in a terminal, see what it would do with --dry-run, or give --answers FILE",
  });
}

export interface Choices {
  items: Item[];
  groups: string[];
  shell: string;
  flatpaks: boolean;
}

const sized = (item: Item) => `${bytes(item.bytes).padStart(8)}  ${shown(item.path)}`;

/** @throws Failure (usage) for an answer that nothing here fits */
export async function makeChoices(
  found: MachineLook,
  user: PasswdEntry,
  items: Item[],
  asking: Asking,
): Promise<Choices> {
  const { answers } = asking;
  const usual = items.filter(({ kind }) => kind !== "other");
  const memberOf = found.groups.filter(({ members }) => members.includes(user.name)).map(({ name }) => name);
  const groups = [...new Set([...machineNames.account.groups, ...memberOf])].filter((name) => name !== user.name);
  const shells = [...new Set([machineNames.account.shell, user.shell, ...found.shells])].filter((s) =>
    found.shells.includes(s),
  );
  const shell = shells[0] ?? user.shell;
  if (!may(asking)) return fromAnswers({ items: usual, groups, shell, flatpaks: true }, found, items, answers);
  const { chooseMany, chooseOne, confirm } = await import("../../cli/prompts.ts");
  const keep = items.length
    ? await chooseMany(
        "What comes along? The rest stays in the old home",
        items.map((item, i) => ({ value: String(i), title: sized(item), selected: item.kind !== "other" })),
      )
    : [];
  const joined = await chooseMany(
    "Groups of the account",
    groups.map((value) => ({ value, title: value, selected: true })),
  );
  const withShell =
    shells.length > 1
      ? await chooseOne(
          "Shell",
          shells.map((value) => ({ value, title: value })),
        )
      : shell;
  const flatpaks = await confirm("Repair flatpaks afterwards?", true);
  return { items: items.filter((_, i) => keep.includes(String(i))), groups: joined, shell: withShell, flatpaks };
}

function fromAnswers(usual: Choices, found: MachineLook, items: Item[], answers: Answers): Choices {
  const { chosen, unknown } = answers.items ? choose(items, answers.items) : { chosen: usual.items, unknown: [] };
  if (unknown.length)
    throw new Failure(exit.usage, `the home has no ${unknown.join(", ")}`, {
      tried: items.map((item) => shown(item.path)),
      next: "name items as --dry-run shows them",
    });
  const shell = answers.shell ?? usual.shell;
  if (answers.shell && !found.shells.includes(answers.shell))
    throw new Failure(exit.usage, `${answers.shell} is no shell of this system`, {
      choices: [`the shells of /etc/shells: ${found.shells.join(" ")}`],
      next: "name one of these",
    });
  return { items: chosen, groups: answers.groups ?? usual.groups, shell, flatpaks: answers.flatpaks ?? usual.flatpaks };
}

/** The word, typed. @returns false where the person would rather not */
export async function sayTheWord(asking: Asking): Promise<boolean> {
  if (!may(asking)) return true;
  const { askText } = await import("../../cli/prompts.ts");
  const check = (text: string) => (text === word || text === "" ? undefined : `${word}, or nothing to leave it`);
  return (await askText(`Type ${word} to begin`, "", check)) === word;
}
