/**
 * How a guest says that it is up: a unit that comes with the machine and not with the image. It writes a nonce to the console
 * which only this machine was given, so that no line of systemd's own, of an earlier boot, or of a prompt can pass for it.
 * Credentials that add units: systemd.system-credentials(7), since systemd 256; an older one is known by ssh alone.
 */
import { readyLine } from "./phases.ts";

const unit = "slipway-ready.service";
const nonceName = "slipway.nonce";

/** Not ordered after the target by default: the target wants it, and would else wait for it. */
const text = `[Unit]
Description=Tell the host that this machine is up
DefaultDependencies=no
After=multi-user.target graphical.target
Conflicts=shutdown.target
Before=shutdown.target

[Service]
Type=oneshot
RemainAfterExit=yes
ImportCredential=${nonceName}
ExecStart=/bin/sh -c 'printf "\\\\036slipway-ready %%s\\\\n" "$$(cat "$CREDENTIALS_DIRECTORY/${nonceName}")" >/dev/ttyS0'
`;

/** What the unit writes to the console, with a control character first that no program shows: a terminal can leave the line out. */
export function readyMark(nonce: string): string {
  return `\x1e${readyLine(nonce)}\r\n`;
}

/** The credentials that make a guest tell `nonce` when its default target is reached. */
export function readyCredentials(nonce: string): Record<string, string> {
  return {
    [nonceName]: nonce,
    [`systemd.extra-unit.${unit}`]: text,
    "systemd.unit-dropin.multi-user.target": `[Unit]\nWants=${unit}\n`,
  };
}
