/** How far a boot came, read from its console. */

export const phases = ["firmware", "kernel", "initrd", "system", "target", "ssh"] as const;
export type Phase = (typeof phases)[number];

/** The first words of each phase; that of the target has the machine's own nonce in it. */
const signs: [Phase, RegExp][] = [
  ["firmware", /BdsDxe|UEFI|SeaBIOS/],
  ["kernel", /\bLinux version \d|EFI stub: /],
  ["initrd", /Begin: |Running in initrd|Run \/init as init process|dracut[-:]/],
  ["system", /Welcome to |systemd\[1\]: (Hostname set to|Queued start job|Reached target)/],
];

/** How systemd tells that there is an sshd, by service or by socket: no more than a hint when to try it. */
const sshdSign = /(Started|Listening on) sshd?\.(service|socket)/;

/** What no boot comes back from by itself; the first that fits is shown. */
const ends = [
  /Kernel panic - not syncing.*/,
  /ALERT! .* does not exist.*/,
  /You are in emergency mode.*/,
  /Entering emergency mode.*/,
  /BdsDxe: No bootable option.*/,
  /BdsDxe: failed to load .*Access Denied.*/,
  /Generating "\/run\/initramfs\/rdsosreport.txt".*/,
];

/** Colours and cursor movements, which firmware and systemd send. Source: ECMA-48. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is to be removed
const control = /\x1b(\[[0-9;?=]*[A-Za-z]|[()][A-Z0-9]|\][^\x07]*\x07|[=>M])|[\x00-\x08\x0b\x0c\x0e-\x1f]/g;

export function plain(text: string): string {
  return text.replaceAll(control, "").replaceAll("\r\n", "\n").replaceAll("\r", "\n");
}

/** The line that only a guest which was given `nonce` can write, and only its unit does. */
export function readyLine(nonce: string): string {
  return `slipway-ready ${nonce}`;
}

/** Follows a console. */
export class BootWatch {
  /** Seconds since the start, by phase that was reached. */
  readonly reached = new Map<Phase, number>();
  /** What ended the boot for good. */
  end: string | undefined;
  /** The console told of an sshd; a quiet one does not. */
  sshd = false;
  private text = "";

  constructor(
    readonly nonce: string,
    private readonly clock: () => number,
    private readonly told: (phase: Phase, seconds: number) => void = () => undefined,
  ) {}

  reach(phase: Phase): void {
    if (this.reached.has(phase)) return;
    const now = this.clock();
    this.reached.set(phase, now);
    this.told(phase, now);
  }

  /** @param text what the console said since the last time. */
  hear(text: string): void {
    // signs and nonces are shorter than this, and may come in two pieces
    this.text = plain((this.text + text).slice(-4096 - text.length));
    for (const [phase, sign] of signs) if (!this.reached.has(phase) && sign.test(this.text)) this.reach(phase);
    this.sshd ||= sshdSign.test(this.text);
    if (this.text.includes(readyLine(this.nonce))) this.reach("target");
    if (!this.reached.has("target")) for (const sign of ends) this.end ??= sign.exec(this.text)?.[0];
  }

  /** The last phase that was reached, in words. */
  last(): string {
    const phase = phases.findLast((p) => this.reached.has(p));
    return phase === undefined ? "nothing was heard of it" : `it came to: ${phase}`;
  }
}

/** The lines that a console ended with, for a message. */
export function lastLines(console: string, count = 8): string[] {
  return plain(console)
    .split("\n")
    .map((line) => line.trimEnd())
    .filter((line) => line !== "")
    .slice(-count);
}
