/**
 * Secure Boot for virtual machines, by a key of this checkout's own: what is made here is signed with it, and the firmware of its
 * machines trusts it and nothing else. It proves that a system runs with Secure Boot on, not who would trust it elsewhere.
 */
import { copyFileSync, existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { exit, Failure } from "../system/errors.ts";
import { owner } from "../system/owner.ts";
import { statePath } from "../system/project.ts";
import { run } from "../system/shell.ts";
import type { Progress } from "../system/steps.ts";
import { inToolbox } from "../tools/toolbox.ts";
import { firmware } from "./firmware.ts";

export interface SecureBootKeys {
  key: string;
  certificate: string;
  /** A store of the firmware's variables with the certificate in it, Secure Boot on. */
  variables: string;
}

/** Platform key, key exchange key and signature database are the same: there is one owner. The owner's GUID is any. */
const script = `set -eu
cd "$1"
openssl req -quiet -x509 -newkey rsa:2048 -sha256 -nodes -days 3650 -subj "/CN=Slipway virtual machines" -keyout key.pem -out certificate.pem
guid=$(cat /proc/sys/kernel/random/uuid)
virt-fw-vars --input empty.fd --output variables.fd --set-pk "$guid" certificate.pem --add-kek "$guid" certificate.pem \\
    --add-db "$guid" certificate.pem --secure-boot
chmod 0600 key.pem
`;

/** The keys, made at their first use. @throws Failure */
export async function secureBootKeys(progress?: Progress): Promise<SecureBootKeys> {
  const folder = statePath("state", "secure-boot");
  const keys = {
    key: join(folder, "key.pem"),
    certificate: join(folder, "certificate.pem"),
    variables: join(folder, "variables.fd"),
  };
  if (existsSync(keys.variables)) return keys;
  const empty = (await firmware(true, progress)).variables;
  const made = `${folder}.${owner}`;
  mkdirSync(made, { recursive: true, mode: 0o700 });
  copyFileSync(empty, join(made, "empty.fd"));
  const words = await inToolbox([], { mounts: [dirname(made)], ...(progress ? { progress } : {}) });
  const { code, said } = await run([...words, "sh", "-c", script, "sh", made]);
  if (code !== 0) {
    rmSync(made, { recursive: true, force: true });
    throw new Failure(exit.failed, "no keys were made for Secure Boot", {
      tried: ["openssl, virt-fw-vars", ...said.trim().split("\n").slice(-3)],
    });
  }
  try {
    renameSync(made, folder);
  } catch {
    rmSync(made, { recursive: true, force: true }); // another command was quicker
  }
  return keys;
}
