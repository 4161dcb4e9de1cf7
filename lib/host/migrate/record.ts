import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign, verify } from "node:crypto";

/**
 * An account of systemd-homed as a signed record, written the way homed itself writes it.
 *
 * `homectl create` cannot make this account: it refuses a name that NSS knows, and the old entries leave only when the new account
 * answers; it asks for the password in clear even when the identity carries a hash (`--identity` with `hashedPassword`, seen with
 * systemd 257); and it needs a running homed, which a mounted system has not. What it would leave behind is documented, and small:
 * a record in /var/lib/systemd/home/NAME.identity, signed with the key beside it, and the same record without `binding` as .identity
 * in the home. So the same hash of the same password is taken over, nobody types it, and each file is one atomic rename.
 *
 * The signature is Ed25519 over the record without `binding`, `secret`, `signature` and `status`, as JSON without spaces and
 * with sorted keys. Before homed 257 verifies it, it also sorts longer lists, as if they were keys and values in turn: four groups that
 * are not in their order make a record that it takes for forged. So lists are written sorted, which sorting leaves as they are;
 * homectl does the same. Sources: systemd's USER_RECORD, systemd-homed.service(8), "KEY MANAGEMENT".
 */

export interface NewAccount {
  name: string;
  uid: number;
  realName: string;
  shell: string;
  groups: string[];
  /** As /etc/shadow has it. */
  hash: string;
  /** Days since 1970. */
  passwordChanged: number | undefined;
  authorizedKeys: string[];
  machineId: string;
}

type Json = string | number | boolean | Json[] | { [key: string]: Json };
export type UserRecord = { [key: string]: Json };

export const recordFolder = "/var/lib/systemd/home";
/** Where homed looks for what it shows as /home/NAME. */
export const imagePath = (name: string) => `/home/${name}.homedir`;

/** In the order of bytes, each once. */
const inOrder = (list: string[]) => [...new Set(list)].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));

/** @param now microseconds since 1970; homed takes the newer of two records. */
export function newRecord(account: NewAccount, now: number): UserRecord {
  const { name, uid, realName, shell, groups, hash, passwordChanged, authorizedKeys, machineId } = account;
  const privileged = {
    hashedPassword: [hash],
    ...(authorizedKeys.length ? { sshAuthorizedKeys: inOrder(authorizedKeys) } : {}),
  };
  return {
    disposition: "regular",
    lastChangeUSec: now,
    ...(passwordChanged ? { lastPasswordChangeUSec: passwordChanged * 86_400_000_000 } : {}),
    ...(groups.length ? { memberOf: inOrder(groups) } : {}),
    perMachine: [{ matchMachineId: machineId, storage: "directory" }],
    privileged,
    ...(realName ? { realName } : {}),
    shell,
    uid,
    userName: name,
  };
}

function sorted(value: Json): Json {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object") return value;
  const keys = Object.keys(value).sort();
  return Object.fromEntries(keys.map((key) => [key, sorted(value[key] ?? "")]));
}

const unsigned = ["binding", "secret", "signature", "status"];

function signable(record: UserRecord): Buffer {
  const kept = Object.fromEntries(Object.entries(record).filter(([key]) => !unsigned.includes(key)));
  return Buffer.from(JSON.stringify(sorted(kept)));
}

const pem = (key: KeyObject) => String(key.export({ type: "spki", format: "pem" }));

/** @param privateKey the text of homed's local.private */
export function signRecord(record: UserRecord, privateKey: string): UserRecord {
  const key = createPrivateKey(privateKey);
  const data = sign(null, signable(record), key).toString("base64");
  return { ...record, signature: [{ data, key: pem(createPublicKey(key)) }] };
}

/** Whether a record carries a signature of homed's key and no other. */
export function isSigned(record: UserRecord, publicKey: string): boolean {
  const { signature } = record;
  if (!Array.isArray(signature) || signature.length === 0) return false;
  const key = createPublicKey(publicKey);
  return signature.every((entry) => {
    const data = typeof entry === "object" && !Array.isArray(entry) ? entry.data : undefined;
    return typeof data === "string" && verify(null, signable(record), key, Buffer.from(data, "base64"));
  });
}

/** The keys of a homed that never ran. */
export function newKeys(): { privateKey: string; publicKey: string } {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  return { privateKey: String(privateKey.export({ type: "pkcs8", format: "pem" })), publicKey: pem(publicKey) };
}

/** The two files: what homed keeps, and what lies in the home. */
export function recordTexts(signed: UserRecord, machineId: string): { kept: string; embedded: string } {
  const { userName: name, uid } = signed;
  const binding = {
    [machineId]: {
      blobDirectory: `/var/cache/systemd/home/${String(name)}`,
      gid: uid ?? 0,
      imagePath: imagePath(String(name)),
      storage: "directory",
      uid: uid ?? 0,
    },
  };
  const text = (record: UserRecord) => `${JSON.stringify(sorted(record), null, "\t")}\n`;
  return { kept: text({ ...signed, binding }), embedded: text(signed) };
}
