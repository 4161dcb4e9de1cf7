import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { checkout, exec, type Said } from "./sandbox.ts";

/** What `run` may use of the system, besides what a test puts there. */
const plain = "cat chmod cmp cp dirname flock grep ln mkdir printf readlink sh sleep true uname".split(" ");

/** A machine with a fresh clone for `./run`: a PATH that has only what a test put there, and programs that write down their calls. */
export class Machine {
  readonly root = mkdtempSync(join(tmpdir(), "slipway-"));
  readonly clone: string;
  private readonly bin = join(this.root, "bin");
  private readonly log = join(this.root, "calls");
  /** What every program that is put there from now on does first. */
  spy = "";

  /** @param clone the name of the clone's folder */
  constructor(clone = "clone") {
    this.clone = join(this.root, clone);
    mkdirSync(this.bin);
    mkdirSync(join(this.clone, "scripts"), { recursive: true });
    mkdirSync(join(this.clone, ".bun"));
    for (const file of ["run", "package.json", "bun.lock", ".bun/package.json", ".bun/package-lock.json"])
      copyFileSync(join(checkout, file), join(this.clone, file));
    for (const name of ["build", "list"]) writeFileSync(join(this.clone, "scripts", `${name}.ts`), "");
    for (const name of plain) this.tool(name);
    this.program("id", "echo 1000", false);
  }

  /** A program on the PATH; without a body it does nothing and goes well. */
  program(name: string, body = "", logged = true): this {
    this.write(join(this.bin, name), name, body, logged);
    return this;
  }

  /** Bun on the PATH, of this version. */
  bun(version: string): this {
    return this.program("bun", this.bunBody("bun", version), false);
  }

  /** npm that installs such a Bun into the folder that it is given; beside it, as an old npm does, one that runs elsewhere. */
  npm(version: string): this {
    const template = join(this.root, "bun");
    this.write(template, "", this.bunBody("own-bun", version), false);
    const [other, fitting] = ["bun-linux-a", "bun-linux-b"].map((name) => `"$3/node_modules/@oven/${name}/bin"`);
    return this.program("npm", `mkdir -p ${other} ${fitting}\nsleep 0.2\ncp '${template}' ${fitting}/bun`);
  }

  /** Our own Bun as an earlier `run` left it, with the lock that it was installed by. */
  own(version: string, lock?: string): this {
    const modules = join(this.clone, ".slipway/bun/node_modules");
    this.write(join(modules, ".bin/bun"), "", this.bunBody("old-bun", version), false);
    if (lock !== undefined) writeFileSync(join(modules, ".slipway-lock"), lock);
    return this;
  }

  /** A program of this system. */
  tool(name: string): this {
    if (!existsSync(join(this.bin, name))) symlinkSync(Bun.which(name) ?? `/bin/${name}`, join(this.bin, name));
    return this;
  }

  private bunBody(name: string, version: string): string {
    const answer = `[ "$1" != --version ] || { echo ${version}; exit; }`;
    return [answer, this.call(name), `[ "$1" != install ] || mkdir -p node_modules`].join("\n");
  }

  asRoot(): this {
    return this.program("id", "echo 0", false);
  }

  private call(name: string): string {
    return `echo "${name} $*" >>'${this.log}'`;
  }

  private write(path: string, name: string, body: string, logged: boolean): void {
    mkdirSync(dirname(path), { recursive: true });
    rmSync(path, { force: true });
    writeFileSync(path, `#!/bin/sh\n${this.spy}\n${logged ? `${this.call(name)}\n` : ""}${body}\n`);
    chmodSync(path, 0o755);
  }

  /** The calls of programs so far, in order. */
  get calls(): string[] {
    return existsSync(this.log) ? readFileSync(this.log, "utf8").trimEnd().split("\n") : [];
  }

  get env(): Record<string, string> {
    return { PATH: this.bin, CI: "" };
  }

  run(...args: string[]): Promise<Said> {
    return this.runWith({}, ...args);
  }

  runWith(env: Record<string, string>, ...args: string[]): Promise<Said> {
    return exec([join(this.clone, "run"), ...args], { ...this.env, ...env }, this.root);
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}
