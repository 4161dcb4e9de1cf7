import { checkout } from "./sandbox.ts";

/** What keys send. */
export const keys = {
  up: "\x1b[A",
  down: "\x1b[B",
  enter: "\r",
  space: " ",
  tab: "\t",
  backspace: "\x7f",
  interrupt: "\x03",
} as const;

/** Long enough for a machine that does other things too; a test that waits this long has failed. */
const usualPatience = 30_000;

/** A program in a pseudo-terminal: what it shows is waited for, and keys are pressed. */
export class Terminal {
  private shown = "";
  private read = 0;
  private woken = () => {};
  private readonly child: Bun.Subprocess;

  /** @param patience in milliseconds, for what is waited for. */
  constructor(
    argv: string[],
    env: Record<string, string | undefined> = {},
    cwd = checkout,
    private readonly patience = usualPatience,
  ) {
    const decoder = new TextDecoder();
    this.child = Bun.spawn(argv, {
      cwd,
      env: { ...process.env, CI: undefined, GITHUB_ACTIONS: undefined, NO_COLOR: undefined, TERM: "xterm", ...env },
      terminal: {
        cols: 120,
        rows: 40,
        data: (_, bytes) => {
          this.shown += decoder.decode(bytes, { stream: true });
          this.woken();
        },
      },
    });
  }

  /** All that was shown, as it came. */
  get raw(): string {
    return this.shown;
  }

  /** All that was shown, without colours and moves of the cursor. */
  get text(): string {
    return Bun.stripANSI(this.shown).replaceAll("\r", "");
  }

  press(...what: string[]): void {
    for (const key of what) this.child.terminal?.write(key);
  }

  /** Waits until something is shown after what was waited for before. */
  async see(what: string | RegExp): Promise<void> {
    const end = Date.now() + this.patience;
    for (;;) {
      const news = this.text.slice(this.read);
      const at = typeof what === "string" ? news.indexOf(what) : news.search(what);
      if (at >= 0) {
        this.read += at + (typeof what === "string" ? what.length : (what.exec(news)?.[0].length ?? 0));
        return;
      }
      const left = end - Date.now();
      if (left <= 0) throw new Error(`never shown: ${what}\n--- the screen:\n${this.text}`);
      await Promise.race([new Promise<void>((done) => (this.woken = done)), Bun.sleep(Math.min(left, 1000))]);
    }
  }

  /** The exit code, once the program has ended. */
  async end(): Promise<number> {
    const timer = setTimeout(() => this.child.kill("SIGKILL"), this.patience);
    const code = await this.child.exited;
    clearTimeout(timer);
    this.child.terminal?.close();
    return code;
  }

  /** Ends the program if it still runs. */
  async close(): Promise<void> {
    this.child.kill("SIGKILL");
    await this.end();
  }
}
