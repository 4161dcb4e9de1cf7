import { columns } from "../../layers/columns.ts";
import type { Name } from "../../layers/tree.ts";

/** The names that layers are made of, and the component of each: its place among the components. */
export class Leaves {
  count = 0;
  private readonly names = columns.u32();
  private readonly components = columns.u32();

  add(name: Name): void {
    this.names.set(this.count++, name);
  }

  name(i: number): Name {
    return this.names.get(i);
  }

  component(i: number): number {
    return this.components.get(i);
  }

  setComponent(i: number, component: number): void {
    this.components.set(i, component);
  }

  /**
   * Dealt out, each layer's in the order of the tree.
   * @param layerOf by component its layer.
   */
  dealt(layerOf: number[], layers: number): Uint32Array[] {
    const ends = new Uint32Array(layers);
    const layer = (i: number) => layerOf[this.component(i)] ?? 0;
    for (let i = 0; i < this.count; i++) ends[layer(i)] = (ends[layer(i)] ?? 0) + 1;
    const made = [...ends].map((length) => new Uint32Array(length));
    ends.fill(0);
    for (let i = 0; i < this.count; i++) {
      const to = layer(i);
      const at = ends[to] ?? 0;
      made[to]?.fill(this.name(i), at, at + 1);
      ends[to] = at + 1;
    }
    return made;
  }
}
