/** A built image, opened: one look inside, kept, so that every check after it costs nothing. */
import type { Project } from "./sandbox.ts";

export interface Node {
  /** As find says it: f file, d folder, l link. */
  type: string;
  mode: number;
  link: string;
}

export interface Inspected {
  Id: string;
  Labels: Record<string, string>;
  Annotations: Record<string, string>;
  RootFS: { Layers: string[] };
  History: { created_by?: string; empty_layer?: boolean }[];
}

/** Each part begins with a line of its own. podman makes some files for a running container: they are not looked at. */
const probe = `
part() { printf '\\n=== %s\\n' "$1"; }
part tree; find / -xdev \\( -path /proc -o -path /sys -o -path /dev \\) -prune -o -printf '%y\\t%m\\t%p\\t%l\\n'
part hashes; find /etc /usr/share /usr/lib /usr/libexec -xdev -type f ! -path '/usr/lib/sysimage/*' ! -path '/usr/lib/stand-in/*' -exec sha256sum {} +
part tags; getfattr -R -h -P -n user.component --absolute-names /usr /etc 2>/dev/null
part owned; pacman -Qlq 2>/dev/null
part packages; pacman -Q 2>/dev/null
part dependencies; pacman -Qdq 2>/dev/null
part units; systemctl list-unit-files --no-legend --no-pager --plain
part log; cat /usr/lib/sysimage/log/pacman.log
part calls; cat /usr/share/stand-in/calls.log
`;

function contents(line: string): [string, string] {
  const [path = "", text = ""] = line.split("\t");
  return [path, Buffer.from(text, "base64").toString()];
}

export class BuiltImage {
  readonly tree = new Map<string, Node>();
  readonly hashes = new Map<string, string>();
  /** Path → its user.component. */
  readonly tags = new Map<string, string>();
  readonly owned: Set<string>;
  readonly packages: Map<string, string>;
  readonly dependencies: Set<string>;
  /** Unit → enabled, disabled, static … */
  readonly units: Map<string, string>;
  /** pacman's log, and how the stand-ins of programs were called. */
  readonly log: string[];
  readonly calls: string[];
  private readonly files: Map<string, string>;

  private constructor(
    readonly inspected: Inspected,
    said: string,
  ) {
    const parts = new Map(
      said.split("\n=== ").map((part) => {
        const [name = "", ...lines] = part.split("\n");
        return [name, lines.filter((line) => line !== "")] as const;
      }),
    );
    const lines = (name: string) => parts.get(name) ?? [];
    const pairs = (name: string) => lines(name).map((line) => line.split(/\s+/).slice(0, 2) as [string, string]);
    for (const line of lines("tree")) {
      const [type = "", mode = "", path = "", link = ""] = line.split("\t");
      this.tree.set(path, { type, mode: Number.parseInt(mode, 8), link });
    }
    for (const line of lines("hashes")) this.hashes.set(line.slice(66), line.slice(0, 64));
    let file = "";
    for (const line of lines("tags")) {
      if (line.startsWith("# file: ")) file = line.slice(8);
      else this.tags.set(file, /"(.*)"/.exec(line)?.[1] ?? "");
    }
    this.owned = new Set(lines("owned"));
    this.packages = new Map(pairs("packages"));
    this.dependencies = new Set(lines("dependencies"));
    this.units = new Map(pairs("units"));
    this.log = lines("log");
    this.calls = lines("calls");
    this.files = new Map(lines("files").map(contents));
  }

  /**
   * Opens an image: one container looks at everything.
   * @param files what `read` gives later, as patterns of the shell.
   */
  static async open(project: Project, reference: string, files: string[] = []): Promise<BuiltImage> {
    const contents = `part files; for f in ${files.join(" ")}; do if [ -f "$f" ]; then printf '%s\\t' "$f"; base64 -w0 "$f"; echo; fi; done`;
    const [inspected, said] = await Promise.all([
      project.podman("image", "inspect", reference),
      project.podman("run", "--rm", "--network=none", reference, "bash", "-c", probe + contents),
    ]);
    if (said.code !== 0) throw new Error(`${reference} could not be looked into: ${said.stderr}`);
    return new BuiltImage(JSON.parse(inspected.stdout)[0], said.stdout);
  }

  /** What a file has in it, one of those that `open` named. @throws Error for another, or where there is none */
  read(path: string): string {
    const text = this.files.get(path);
    if (text === undefined) throw new Error(`${path} was not read, or is not there`);
    return text;
  }
}
