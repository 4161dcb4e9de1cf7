import { askSecret } from "../cli/prompts.ts";
import { exit, Failure } from "../system/errors.ts";
import { canAsk, say } from "../system/output.ts";
import { hideFromNow } from "../system/secrets.ts";

async function passwordFromStdin(): Promise<string> {
  const [line = ""] = (await Bun.stdin.text()).split(/\r?\n/);
  if (line) return line;
  throw new Failure(exit.usage, "there is no password on stdin", { next: "bun run keys --stdin <FILE" });
}

async function passwordAskedTwice(): Promise<string> {
  if (!canAsk)
    throw new Failure(exit.usage, "keys asks for a password, and there is no terminal to ask", {
      next: "bun run keys --stdin <FILE: the first line is the password",
    });
  for (;;) {
    const first = await askSecret("Password for the new private key");
    if (!first) say("an empty password protects nothing");
    else if (first === (await askSecret("Once more"))) return first;
    else say("these were two different passwords");
  }
}

/**
 * The password of a key to be made: the first line of stdin, or asked for twice.
 * @throws Failure (usage) where there is none, or nobody to ask
 */
export async function newPassword(fromStdin: boolean): Promise<string> {
  const password = await (fromStdin ? passwordFromStdin() : passwordAskedTwice());
  hideFromNow(password);
  return password;
}
