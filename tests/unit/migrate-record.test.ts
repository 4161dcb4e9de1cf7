import { describe, expect, test } from "bun:test";
import {
  isSigned,
  newKeys,
  newRecord,
  recordTexts,
  signRecord,
  type UserRecord,
} from "../../lib/host/migrate/record.ts";

/** A record that systemd-homed 257 made and signed itself, with the key that signed it. */
const made: UserRecord = {
  disposition: "regular",
  enforcePasswordPolicy: false,
  lastChangeUSec: 1795251348670040,
  lastPasswordChangeUSec: 1795251348670040,
  perMachine: [{ matchMachineId: "24a89b4628284ce5a2bd883552d13531", storage: "directory" }],
  privileged: { hashedPassword: ["$y$j9T$3CtdhkQovKXNBNBCKSWb4.$96q1GgR67dBnBENmRh13snEbHMqxa400sN16gliJFj8"] },
  signature: [
    {
      data: "EVGtzBkdGNLaOFBLgmcoKsMPjjI/58bYBF1PcD78XPYLkcXAlkF4lLMKzM/mA6oGO34oJzAXla7JVFWV1C7KCQ==",
      key: "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAcTFucyAdnI0au2dus2A27mWTTrh6kttjvFF/F9GBZlo=\n-----END PUBLIC KEY-----\n",
    },
  ],
  uid: 1001,
  userName: "bob",
};
const homedKey =
  "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAcTFucyAdnI0au2dus2A27mWTTrh6kttjvFF/F9GBZlo=\n-----END PUBLIC KEY-----\n";

const account = {
  name: "ana",
  uid: 1000,
  realName: 'Ana "Lü" / é',
  shell: "/bin/zsh",
  groups: ["wheel"],
  hash: "$y$j9T$x",
  passwordChanged: 20_000,
  authorizedKeys: ["ssh-ed25519 AAAA ana"],
  machineId: "0123456789abcdef0123456789abcdef",
};

describe("signatures", () => {
  test("homed's own is good, in whatever order the record is", () => {
    expect(isSigned(made, homedKey)).toBe(true);
    expect(isSigned(Object.fromEntries(Object.entries(made).reverse()), homedKey)).toBe(true);
    expect(isSigned({ ...made, binding: { x: {} }, status: { x: {} } }, homedKey)).toBe(true);
  });

  test("of a changed record, of another key, or none, are not", () => {
    expect(isSigned({ ...made, uid: 0 }, homedKey)).toBe(false);
    expect(isSigned(made, newKeys().publicKey)).toBe(false);
    const { signature: _, ...unsigned } = made;
    expect(isSigned(unsigned, homedKey)).toBe(false);
    expect(isSigned({ ...made, signature: [] }, homedKey)).toBe(false);
  });

  test("ours are good", () => {
    const { privateKey, publicKey } = newKeys();
    const signed = signRecord(newRecord(account, 1), privateKey);
    expect(isSigned(signed, publicKey)).toBe(true);
    const { kept, embedded } = recordTexts(signed, account.machineId);
    for (const text of [kept, embedded]) expect(isSigned(JSON.parse(text), publicKey)).toBe(true);
  });
});

test("a record has what homed's own have", () => {
  const { lastChangeUSec: _, ...record } = newRecord(account, 1);
  expect(record).toEqual({
    disposition: "regular",
    lastPasswordChangeUSec: 20_000 * 86_400_000_000,
    memberOf: ["wheel"],
    perMachine: [{ matchMachineId: account.machineId, storage: "directory" }],
    privileged: { hashedPassword: ["$y$j9T$x"], sshAuthorizedKeys: ["ssh-ed25519 AAAA ana"] },
    realName: 'Ana "Lü" / é',
    shell: "/bin/zsh",
    uid: 1000,
    userName: "ana",
  });
});

test("lists are in the order of their bytes: homed takes a record with others for forged", () => {
  const groups = ["wheel", "docker", "video", "audio", "Games", "docker"];
  const authorizedKeys = ["ssh-rsa Z", "ecdsa Y", "ssh-ed25519 X"];
  const record = newRecord({ ...account, groups, authorizedKeys }, 1);
  expect(record.memberOf).toEqual(["Games", "audio", "docker", "video", "wheel"]);
  expect(record.privileged).toMatchObject({ sshAuthorizedKeys: ["ecdsa Y", "ssh-ed25519 X", "ssh-rsa Z"] });
});

test("what is kept knows where the home is, what lies in the home does not", () => {
  const signed = signRecord(
    newRecord({ ...account, groups: [], authorizedKeys: [], realName: "" }, 1),
    newKeys().privateKey,
  );
  const { kept, embedded } = recordTexts(signed, account.machineId);
  expect(JSON.parse(kept).binding[account.machineId]).toEqual({
    blobDirectory: "/var/cache/systemd/home/ana",
    gid: 1000,
    imagePath: "/home/ana.homedir",
    storage: "directory",
    uid: 1000,
  });
  expect(Object.keys(JSON.parse(embedded))).not.toContain("binding");
  expect(Object.keys(JSON.parse(embedded))).not.toContain("memberOf");
});
