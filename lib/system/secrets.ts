/**
 * Secrets that come as variables are taken out of the environment when the program starts, so that of all the tools that
 * it runs only the one that is handed a secret has it. What a tool says goes through `Hider` or `hideSecrets` before
 * anybody sees it.
 */

/** Read once, by name. `run` hides the same ones from the programs that it calls. */
export const secretNames = ["COSIGN_PRIVATE_KEY", "COSIGN_PASSWORD"] as const;
export type SecretName = (typeof secretNames)[number];

const taken = new Map<SecretName, string>();
for (const name of secretNames) {
  const value = process.env[name];
  if (value === undefined) continue;
  taken.set(name, value);
  delete process.env[name];
}

/** Lines too short to be told from ordinary words are not hidden: a wrong guess would garble every message. */
const shortest = 6;
const hidden = new Set<string>();

/** From now on nothing that a tool says shows this. */
export function hideFromNow(secret: string): void {
  for (const line of [secret, ...secret.split("\n")]) if (line.trim().length >= shortest) hidden.add(line.trim());
}

for (const value of taken.values()) hideFromNow(value);

/** A secret of the environment; an empty one counts as given. */
export function secret(name: SecretName): string | undefined {
  return taken.get(name);
}

/** Where secrets stand in a text, in order; those that overlap are one. */
function placesIn(text: string): { from: number; to: number }[] {
  const found: { from: number; to: number }[] = [];
  for (const word of hidden)
    for (let from = text.indexOf(word); from >= 0; from = text.indexOf(word, from + 1))
      found.push({ from, to: from + word.length });
  const merged: typeof found = [];
  for (const place of found.sort((a, b) => a.from - b.from)) {
    const last = merged.at(-1);
    if (last && place.from < last.to) last.to = Math.max(last.to, place.to);
    else merged.push(place);
  }
  return merged;
}

/** For a text that is whole; `Hider` is for one that comes in pieces. */
export function hideSecrets(text: string): string {
  let shown = "";
  let at = 0;
  for (const { from, to } of placesIn(text)) {
    shown += `${text.slice(at, from)}***`;
    at = to;
  }
  return shown + text.slice(at);
}

/** How many characters at the end may be the beginning of a secret. */
function heldBack(text: string): number {
  let most = 0;
  for (const word of hidden)
    for (let length = Math.min(word.length - 1, text.length); length > most; length--)
      if (text.endsWith(word.slice(0, length))) most = length;
  return most;
}

/**
 * Hides secrets in a program's output, wherever a buffer cuts it. Only two things wait for more output: an end that may be the
 * beginning of a secret, and a character of which some bytes are missing.
 */
export class Hider {
  private readonly decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  private rest = "";

  /** @returns what may be shown by now */
  next(chunk: Uint8Array): string {
    return this.show(this.decoder.decode(chunk, { stream: true }), heldBack);
  }

  /** @returns what was waiting; to be called once, when the program has closed its stream */
  end(): string {
    return this.show(this.decoder.decode(), () => 0);
  }

  private show(text: string, held: (text: string) => number): string {
    const all = this.rest + text;
    let cut = all.length - held(all);
    // A whole secret is not cut here, even if its end may begin another one.
    for (const { from, to } of placesIn(all)) if (from < cut && cut < to) cut = from;
    this.rest = all.slice(cut);
    return hideSecrets(all.slice(0, cut));
  }
}
