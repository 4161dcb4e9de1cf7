import { bytes, isTerminal, onStandStill, say, seconds } from "../../system/output.ts";

/** A bar with bytes, rate and time left on a terminal; a line each tenth in a log. */
export class Bar {
  private done = 0;
  private drawnAt = 0;
  private breathedAt = performance.now();
  private readonly since = performance.now();
  private tenth = 0;

  /** @param total bytes that are to come; 0: nobody knows, and what is counted is files */
  constructor(
    private readonly title: string,
    private total: number,
    private readonly unit: "bytes" | "files" = "bytes",
  ) {
    onStandStill(() => this.wipe());
    if (!isTerminal) say(`… ${title}`);
  }

  /** Told what was done since; lets signals in. */
  readonly add = async (amount: number): Promise<void> => {
    this.done += amount;
    const now = performance.now();
    if (isTerminal && now - this.drawnAt > 100) this.draw(now);
    else if (!isTerminal && this.total > 0) this.tell();
    if (now - this.breathedAt < 50) return;
    await Bun.sleep(0);
    this.breathedAt = performance.now();
  };

  end(): void {
    this.wipe();
  }

  private tell(): void {
    const tenth = Math.floor((10 * this.done) / this.total);
    if (tenth <= this.tenth || tenth >= 10) return;
    this.tenth = tenth;
    say(`  ${tenth * 10} %, ${bytes(this.done)} of ${bytes(this.total)}`);
  }

  /** "━━━━────  41%  1.2 GB of 2.9 GB  310 MB/s  5.4s left" */
  private draw(now: number): void {
    this.drawnAt = now;
    const took = Math.max(0.001, (now - this.since) / 1000);
    let text = `${this.title}: ${this.done} files`;
    if (this.unit === "bytes") {
      const part = this.total > 0 ? Math.min(1, this.done / this.total) : 1;
      const full = Math.round(part * 20);
      const rate = this.done / took;
      const left = rate > 0 && took > 1 ? seconds(Math.max(0, this.total - this.done) / rate) : "?";
      text = `${this.title} ${"━".repeat(full)}${"─".repeat(20 - full)} ${Math.floor(part * 100)}%  ${bytes(this.done)} of ${bytes(this.total)}  ${bytes(rate)}/s  ${left} left`;
    }
    process.stderr.write(`\r\x1b[2K${text.slice(0, (process.stderr.columns ?? 80) - 1)}`);
  }

  private wipe(): void {
    if (isTerminal && this.drawnAt) process.stderr.write("\r\x1b[2K");
    this.drawnAt = 0;
  }
}

/** On a terminal: what is waited for and for how long, once it takes more than two seconds. */
export class Clock {
  private readonly timer: Timer | undefined;
  private shown = false;

  constructor(title: string) {
    if (!isTerminal) return;
    const since = performance.now();
    onStandStill(() => this.end());
    this.timer = setInterval(() => {
      const took = (performance.now() - since) / 1000;
      if (took < 2) return;
      this.shown = true;
      process.stderr.write(`\r\x1b[2K… ${title} ${seconds(took)}`);
    }, 500);
  }

  end(): void {
    clearInterval(this.timer);
    if (this.shown) process.stderr.write("\r\x1b[2K");
    this.shown = false;
  }
}
