import type { ByteString, Entry } from "../../layers/entry.ts";
import { KargsEntries } from "../../layers/kargs-entries.ts";

/** Where an image has whatever a boot needs: files, and folders that are looked into three levels deep. */
export const bootPlaces = [
  ...["boot", "usr/lib/modules", "usr/lib/bootc/kargs.d", "etc/systemd/system"],
  ...["usr/lib/systemd/boot", "usr/lib/systemd/system", "usr/lib/systemd/systemd"],
  ...["sbin/init", "bin/init", "usr/sbin/init", "usr/bin/init"],
];

/** What of an image goes to the boot partition, by what it is: the best place first, and in each the version of the kernel. */
const wanted = {
  kernel: [/^usr\/lib\/modules\/([^/]+)\/vmlinuz$/, /^boot\/vmlinuz-?(.*)$/],
  initrd: [
    /^usr\/lib\/modules\/([^/]+)\/init(?:ramfs|rd)(?:\.img)?$/,
    /^boot\/init(?:ramfs|rd)(?:\.img)?-?(.*?)(?:\.img)?$/,
  ],
  uki: [/^usr\/lib\/modules\/([^/]+)\/[^/]+\.efi$/, /^boot\/EFI\/Linux\/([^/]+)\.efi$/],
  loader: [/^usr\/lib\/systemd\/boot\/efi\/systemd-bootx64\.efi$/],
} as const;

export type BootFile = keyof typeof wanted;

/** What a boot needs beside these files, and any of what it is known by. Enabled units are links in a folder `*.wants`. */
const needs: { name: Lack; paths: RegExp[] }[] = [
  { name: "init", paths: [/^(usr\/)?s?bin\/init$/, /^usr\/lib\/systemd\/systemd$/] },
  {
    name: "sshd",
    paths: [/^(etc|usr\/lib)\/systemd\/system\/[^/]+\.(wants|requires)\/sshd?(@|-unix-local)?\.(service|socket)$/],
  },
  {
    name: "network",
    paths: [
      /^(etc|usr\/lib)\/systemd\/system\/[^/]+\.wants\/(systemd-networkd|NetworkManager|networking|connman|dhcpcd)\.service$/,
    ],
  },
];

/** What an image can lack for a boot. */
export type Lack = "kernel" | "initramfs" | "init" | "sshd" | "network";

/** Picks what a boot needs out of an image's files as they pass by. */
export class BootFiles {
  private readonly found: { kind: BootFile; rank: number; version: string; content: Buffer }[] = [];
  /** Contents by path, for names that turn out to be hard links of them. */
  private readonly contents = new Map<ByteString, Buffer>();
  private readonly kargsEntries = new KargsEntries();
  private readonly has = new Set<Lack>();

  /** Told each entry; true if its content is wanted. */
  entry(entry: Entry): boolean {
    for (const { name, paths } of needs) if (paths.some((p) => p.test(entry.path))) this.has.add(name);
    const content = entry.kind === "link" ? this.contents.get(entry.target ?? "") : undefined;
    if (content) this.keep(entry.path, content);
    if (this.kargsEntries.entry(entry)) return true;
    return entry.kind === "file" && kindOf(entry.path) !== undefined;
  }

  /** Told the content of a wanted file. */
  file(entry: Entry, content: Buffer): void {
    this.kargsEntries.file(entry, content);
    this.keep(entry.path, content);
  }

  private keep(path: ByteString, content: Buffer): void {
    const kind = kindOf(path);
    if (!kind) return;
    this.contents.set(path, content);
    const versions = wanted[kind].map((pattern) => pattern.exec(path));
    const rank = versions.findIndex((match) => match);
    this.found.push({ kind, rank, version: versions[rank]?.[1] ?? "", content });
  }

  /** Of a kind, the one in the best place, and there of the newest version. */
  private best(kind: BootFile, isGood: (version: string) => boolean = () => true) {
    const good = this.found.filter((file) => file.kind === kind && isGood(file.version));
    return good.sort((a, b) => a.rank - b.rank || newerFirst(a.version, b.version))[0];
  }

  /** A kernel and an initramfs are of one version: the newest of which both are there. */
  get(kind: BootFile): Buffer | undefined {
    const has = (other: BootFile) => (version: string) =>
      this.found.some((f) => f.kind === other && f.version === version);
    const kernel = this.best("kernel", has("initrd")) ?? this.best("kernel");
    if (kind === "kernel") return kernel?.content;
    if (kind !== "initrd") return this.best(kind)?.content;
    const same = this.best("initrd", (version) => version === kernel?.version);
    // names that say nothing of a version: the only kernel and the only initramfs belong together
    const isOnly = this.found.filter((file) => file.kind === "kernel" || file.kind === "initrd").length === 2;
    return (same ?? (isOnly ? this.best("initrd") : undefined))?.content;
  }

  /** The kernel arguments that the image itself asks for. @throws Failure where bootc could not read them */
  kargs(): string[] {
    return this.kargsEntries.words("x86_64");
  }

  /** What is missing for a boot, the worst first. */
  lacks(): Lack[] {
    const files: Lack[] = this.get("uki")
      ? []
      : [...(this.get("kernel") ? [] : ["kernel" as const]), ...(this.get("initrd") ? [] : ["initramfs" as const])];
    return [...files, ...needs.filter(({ name }) => !this.has.has(name)).map(({ name }) => name)];
  }
}

/** Versions as people count: 6.10 is newer than 6.9. */
function newerFirst(a: string, b: string): number {
  return b.localeCompare(a, "en", { numeric: true });
}

function kindOf(path: ByteString): BootFile | undefined {
  const kinds = Object.keys(wanted) as BootFile[];
  return kinds.find((kind) => wanted[kind].some((pattern) => pattern.test(path)));
}
