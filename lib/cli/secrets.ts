/**
 * Secrets that come as variables are taken out of the environment when the program starts, so that of all the tools that
 * it runs only the one that is handed a secret has it. What a tool says goes through `hideSecrets` before anybody sees it.
 */

/** Read once, by name. `run` keeps the same ones from what it calls. */
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

export function hideSecrets(text: string): string {
  let shown = text;
  for (const word of hidden) if (shown.includes(word)) shown = shown.replaceAll(word, "***");
  return shown;
}
