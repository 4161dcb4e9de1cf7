/**
 * Counts what becomes garbage and has it collected now and then. What stays is small here, so collecting is quick; left
 * alone, the heap grows to several times of it before the engine thinks of collecting, and more on machines with more memory.
 */
export class Garbage {
  private made = 0;

  /** @param most bytes of it, about, before it is collected. */
  constructor(private readonly most = 4 << 20) {}

  add(bytes: number): void {
    this.made += bytes;
    if (this.made < this.most) return;
    this.made = 0;
    Bun.gc(true);
  }
}
