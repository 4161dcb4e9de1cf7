// reaches: trust
// `trust add`: a base's policy with the family's rules in it, which is never looser than before.
import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { groundOf, planTrust, writesItself, writeTrust } from "../../lib/trust/add-trust.ts";
import { trustTrouble } from "../../lib/trust/before-push.ts";
import { mergePolicy, parsePolicy } from "../../lib/trust/merge-policy.ts";
import { type Policy, type Requirement, requirements } from "../../lib/trust/policy-file.ts";
import { policyHoles } from "../../lib/trust/policy-lint.ts";
import { family as familyOf, project, put, removeProjects, small, target } from "../support/small-family.ts";

afterAll(removeProjects);

const head = small["flavors/family.yaml"] ?? "";
const open = "openRegistries: [docker.io, quay.io/people]\n";
const own = {
  "containerfiles/root.Containerfile": "# @base\nFROM ${BASE}\n# @overlay\n",
  "flavors/two.yaml": undefined,
};
const newProject = (files = {}) => project({ ...own, "flavors/family.yaml": head + open, ...files });
const family = familyOf(newProject());
const key = "/etc/pki/containers/toy.pub";
const ours = [{ type: "sigstoreSigned", keyPath: key, signedIdentity: { type: "matchRepository" } }];
const accept = [{ type: "insecureAcceptAnything" }];
const reject = [{ type: "reject" }];
const signed = [{ type: "sigstoreSigned", keyPath: "/etc/pki/other.pub" }];

const policyOf = (of: object): Policy => parsePolicy(JSON.stringify(of), "test");
const merged = (of: object) => mergePolicy(policyOf(of), family);

describe("the base's policy", () => {
  test("of Universal Blue's form: all that was refused or signed stays, the rest is closed but for what the family opens", () => {
    const { policy, changes } = merged({
      default: reject,
      transports: {
        docker: { "registry.redhat.io": signed, "ghcr.io/ublue-os": signed, "": accept },
        "containers-storage": { "": accept },
      },
    });
    expect(policy).toEqual({
      default: reject,
      transports: {
        docker: {
          ...{ "registry.redhat.io": signed, "ghcr.io/ublue-os": signed },
          ...{ "docker.io": accept, "quay.io/people": accept, "registry.test/toys": ours },
        },
        "containers-storage": { "": accept },
      },
    });
    expect(changes).toEqual([
      "registry.test/toys needs the family's signature",
      "docker: closed for registries that nothing is said of",
      "open as before: docker.io, quay.io/people",
    ]);
    expect(policyHoles(policy, { namespace: family.registry, keys: [key, "/etc/pki/other.pub"] })).toEqual([]);
  });

  test("of the family's own, from before it had a transparency log: the log's word is asked for from now on", () => {
    const root = newProject({ "log.pub": "the log's key\n" });
    const logged = { ...familyOf(root), rekor: { key: "log.pub" } };
    const before = { default: reject, transports: { docker: { "registry.test/toys": ours } } };
    const { policy, changes } = mergePolicy(policyOf(before), logged);
    const data = Buffer.from("the log's key\n").toString("base64");
    expect(policy.transports.docker?.["registry.test/toys"]).toEqual([
      { ...ours[0], rekorPublicKeyData: data } as Requirement,
    ]);
    expect(changes).toEqual(["registry.test/toys now asks for an entry in the family's transparency log"]);
    expect(mergePolicy(policyOf(policy), logged).changes).toEqual([]);
    expect(() => mergePolicy(policyOf({ default: reject }), { ...logged, rekor: { key: "absent" } })).toThrow();
  });

  test("that accepts everything: local storage stays open", () => {
    const { policy } = merged({ default: accept });
    expect(policy.default).toEqual(reject);
    expect(policy.transports["containers-storage"]).toEqual({ "": accept });
    expect(policyHoles(policy, { namespace: family.registry, keys: [key] })).toEqual([]);
  });

  test("that refuses all: nothing is opened but the family's own namespace", () => {
    expect(merged({ default: reject, transports: { docker: { "quay.io": reject } } }).policy).toEqual({
      default: reject,
      transports: { docker: { "quay.io": reject, "registry.test/toys": ours } },
    });
  });

  test("a part of the namespace that was open is closed; one that is signed or refused stays", () => {
    const docker = {
      ...{ "registry.test/toys/open": accept, "registry.test/toys/no": reject, "registry.test/toys/other": signed },
      "registry.test/toysmith": accept,
    };
    expect(merged({ default: reject, transports: { docker } }).policy.transports.docker).toEqual({
      ...docker,
      ...{ "registry.test/toys/open": ours, "registry.test/toys": ours },
    });
  });

  test("done once, nothing is left to do; words that nobody knows stay", () => {
    const once = merged({ default: accept, note: "mine", transports: { docker: { "quay.io": signed } } });
    const twice = merged(once.policy);
    expect([twice.policy, twice.changes]).toEqual([once.policy, []]);
    expect(once.policy.note).toBe("mine");
  });

  test.each([
    ["refuses it", reject],
    ["wants it signed by another key", signed],
  ])("that has a rule for the namespace and %s ends it", (words, asks) => {
    expect(() => merged({ default: reject, transports: { docker: { "registry.test/toys": asks } } })).toThrow(words);
  });

  test.each([
    ["{", "no JSON"],
    ["[]", "no list `default`"],
    ['{"default": []}', "no list `default`"],
    ['{"default": [{"type": "reject"}], "transports": []}', "`transports` is no map"],
    ['{"default": [{"type": "reject"}], "transports": {"docker": 1}}', "`docker` is no map"],
    ['{"default": [{"type": "reject"}], "transports": {"docker": {"x": {}}}}', "for `x`"],
  ])("that is none is refused: %s", (text, words) => {
    expect(() => parsePolicy(text, "the base's policy")).toThrow(words);
  });
});

const strictness = (asks: Requirement[]) =>
  asks.some(({ type }) => type === "reject") ? 2 : asks.every(({ type }) => type === "insecureAcceptAnything") ? 0 : 1;

test("of 2,000 policies none becomes looser for any image but the family's own", () => {
  const asks = fc.constantFrom(accept, reject, signed, [...signed, ...accept]);
  const scope = fc.constantFrom(
    ...["", "docker.io", "docker.io/library", "quay.io", "quay.io/people", "quay.io/people/a:1", "*.io", "*.test"],
    ...["registry.test", "registry.test/toys/open", "registry.test/toysmith"],
  );
  const scopes = fc.dictionary(scope, asks, { maxKeys: 6 });
  const transport = fc.constantFrom("docker", "atomic", "containers-storage", "docker-daemon", "oci");
  const policies = fc.record({ default: asks, transports: fc.dictionary(transport, scopes) });
  const images = [
    ...["docker.io/library/debian:1", "docker.io/me/x:1", "quay.io/people/a:1", "quay.io/people/b:1", "quay.io/x:1"],
    ...["registry.test/toysmith:1", "registry.test/x:1", "elsewhere.test/x:1", "ghcr.io/x/y:1"],
  ];
  fc.assert(
    fc.property(policies, (value) => {
      const before = policyOf(value);
      const after = policyOf(merged(value).policy);
      for (const kind of ["docker", "atomic", "containers-storage", "docker-daemon", "oci", "dir"])
        for (const image of images) {
          const [was, is] = [before, after].map((one) => requirements(one, kind, image).asks);
          const change = [kind, image, was, is];
          if (strictness(is ?? []) < strictness(was ?? [])) expect(change).toEqual([]);
          // what must be signed is signed by the same key, or refused
          if (strictness(was ?? []) === 1 && strictness(is ?? []) === 1) expect([change, is]).toEqual([change, was]);
        }
      const family_ = requirements(after, "docker", "registry.test/toys/new:1").asks;
      expect(family_).toEqual(ours);
    }),
    { numRuns: 2000 },
  );
});

describe("the overlay", () => {
  const etc = "overlays/one/etc";
  const plan = (root: string, base: Record<string, string> = {}) => {
    const of = familyOf(root);
    const { flavor } = target(of, "plain", "one");
    const planned = planTrust(of, flavor, new Map(Object.entries(base)));
    return { planned, write: () => writeTrust(of, flavor, planned) };
  };
  const basePolicy = JSON.stringify({ default: reject, transports: { docker: { "quay.io": signed } } });

  test("gets policy, registries.d and key, and a second time nothing", () => {
    const root = newProject();
    expect(plan(root).write()).toEqual([
      `${etc}/containers/policy.json`,
      `${etc}/containers/registries.d/toy.yaml`,
      `${etc}/pki/containers/toy.pub`,
    ]);
    expect(readFileSync(join(root, etc, "pki/containers/toy.pub"), "utf8")).toBe(small["toy.pub"] ?? "");
    expect(plan(root).planned).toEqual({ files: [], changes: [] });
  });

  test("takes what the base ships below /usr, and the overlay's own file before it", () => {
    const root = newProject();
    const { planned } = plan(root, { "/usr/share/containers/policy.json": basePolicy });
    expect(planned.files[0]?.place).toBe("/etc/containers/policy.json");
    expect(JSON.parse(planned.files[0]?.text ?? "").transports.docker["quay.io"]).toEqual(signed);
    put(root, `${etc}/containers/policy.json`, JSON.stringify({ default: reject, note: "mine" }));
    const again = plan(root, { "/etc/containers/policy.json": basePolicy }).planned;
    expect(JSON.parse(again.files[0]?.text ?? "")).toMatchObject({ note: "mine" });
  });

  test("needs no registries.d where the base looks for the signatures already", () => {
    const yaml = "docker:\n  registry.test:\n    use-sigstore-attachments: true\n";
    const { planned } = plan(newProject(), { "/etc/containers/registries.d/all.yaml": yaml });
    expect(planned.files.map(({ place }) => place)).toEqual(["/etc/containers/policy.json", key]);
  });

  test("is left as it is where a file of registries.d speaks against it, or cannot be read", () => {
    for (const yaml of ["docker:\n  registry.test/toys:\n    use-sigstore-attachments: false\n", "[\n"]) {
      const root = newProject();
      expect(() => plan(root, { "/etc/containers/registries.d/other.yaml": yaml })).toThrow(
        "signatures would not be found",
      );
      expect(existsSync(join(root, "overlays"))).toBe(false);
    }
  });

  test("a policy in it that is broken stays", () => {
    const root = newProject({ [`${etc}/containers/policy.json`]: "{" });
    expect(() => plan(root)).toThrow("overlays/one/etc/containers/policy.json is not a policy: no JSON");
  });

  test("is never written through a link", () => {
    const file = newProject({ [`${etc}/containers/policy.json`]: "-> /usr/share/policy.json" });
    expect(() => plan(file)).toThrow("is not a plain file (a link to /usr/share/policy.json)");
    const outside = newProject();
    const folder = newProject({ [`${etc}/containers`]: `-> ${outside}/taken` });
    mkdirSync(join(outside, "taken"));
    expect(() => plan(folder).write()).toThrow("etc/containers is a link");
    expect(readdirSync(join(outside, "taken"))).toEqual([]);
    rmSync(join(outside, "taken"), { recursive: true });
  });

  test("is not needed where the recipe writes all of it, and of a line only the lowest flavor has it", () => {
    const of = familyOf(project());
    const two = target(of, "best", "two");
    expect(groundOf(two, of).flavor.name).toBe("one");
    expect(writesItself(groundOf(two, of).flavor, of.root)).toBe(true);
    expect(writesItself(target(family, "plain", "one").flavor, family.root)).toBe(false);
  });
});

describe("before a push", () => {
  const pem = small["toy.pub"] ?? "";
  const policy = (asks: object) =>
    JSON.stringify({ default: reject, transports: { docker: { "registry.test": asks } } });
  const yaml = "docker:\n  registry.test/toys:\n    use-sigstore-attachments: true\n";
  const good = {
    "/etc/containers/policy.json": policy(ours),
    "/etc/containers/registries.d/toy.yaml": yaml,
    [key]: pem,
  };
  const trouble = (files: Record<string, string>) =>
    trustTrouble(new Map(Object.entries(files)), "registry.test/toys", "registry.test/toys/toy-one", pem);

  test("a good image has no trouble, wherever its policy is", () => {
    expect(trouble(good)).toEqual([]);
    const { "/etc/containers/policy.json": text = "", ...rest } = good;
    expect(trouble({ ...rest, "/usr/share/containers/policy.json": text })).toEqual([]);
  });

  test.each([
    ["no policy", { "/etc/containers/policy.json": undefined }, "the image has no policy.json"],
    ["a broken one", { "/etc/containers/policy.json": "{" }, "no JSON"],
    ["one that takes anything", { "/etc/containers/policy.json": policy(accept) }, "does not ask for a signature"],
    ["one that refuses all", { "/etc/containers/policy.json": policy(reject) }, "does not ask for a signature"],
    ["another key", { [key]: "other" }, "another key than the family's"],
    ["a key that is not there", { [key]: undefined }, "another key than the family's"],
    ["no registries.d", { "/etc/containers/registries.d/toy.yaml": undefined }, "are not looked for"],
  ])("%s is named", (_, change, words) => {
    const files = Object.entries({ ...good, ...change }).filter(
      (pair): pair is [string, string] => pair[1] !== undefined,
    );
    expect(trouble(Object.fromEntries(files)).join("\n")).toContain(words);
  });
});
