import { mayMove, onStandStill, say, seconds, visible } from "./output.ts";

const frames = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];

/** What runs right now, a line each, at the bottom of a terminal; without one, nothing moves. */
export class MovingLines {
  private readonly rows = new Map<string, { since: number; text: string }>();
  private timer: Timer | undefined;
  private stopped = false;
  private drawn = 0;
  private frame = 0;

  constructor() {
    onStandStill(() => this.stop());
  }

  set(id: string, text: string): void {
    const row = this.rows.get(id);
    this.rows.set(id, { since: row?.since ?? performance.now(), text });
    if (mayMove() && !this.timer && !this.stopped) this.timer = setInterval(() => this.draw(), 100);
  }

  stop(): void {
    this.stopped = true;
    clearInterval(this.timer);
    this.wipe();
  }

  /** Takes a line away and says another one in its place, which stays. */
  remove(id: string, line: string, as: (line: string) => void = say): void {
    this.rows.delete(id);
    this.wipe();
    if (line) as(line);
    if (this.rows.size === 0 && this.timer) {
      clearInterval(this.timer);
      this.timer = undefined;
    }
  }

  private wipe(): void {
    if (this.drawn) process.stderr.write(`\x1b[${this.drawn}A\x1b[0J`);
    this.drawn = 0;
  }

  private draw(): void {
    this.wipe();
    const width = (process.stderr.columns ?? 80) - 1;
    const mark = frames[this.frame++ % frames.length];
    for (const { since, text } of this.rows.values()) {
      const line = `${mark} ${seconds((performance.now() - since) / 1000).padStart(6)} ${text}`;
      process.stderr.write(`${visible(line).replaceAll("\n", " ").slice(0, width)}\n`);
      this.drawn++;
    }
  }
}
