// reaches: tests/samples/family/
import { describe, expect, test } from "bun:test";
import { keyPath, policyJson, registriesYaml } from "../../lib/trust/policy.ts";
import { policyHoles } from "../../lib/trust/policy-lint.ts";
import { sampleFamily } from "../support/sample-family.ts";

// The policy that the family's machines get, and the holes that another one could have.

const namespace = "registry.test/samples";
const key = "/etc/pki/containers/sample.pub";
const around = { namespace, keys: [key] };
const open = [{ type: "insecureAcceptAnything" }];
const signed = [{ type: "sigstoreSigned", keyPath: key }];
const reject = [{ type: "reject" }];

describe("the family's own", () => {
  const family = sampleFamily();

  test("its namespace needs its key, named registries and what is local are open, all else is refused", () => {
    const policy = JSON.parse(JSON.stringify(policyJson(family)));
    expect(policy.default).toEqual(reject);
    expect(policy.transports.docker[namespace]).toEqual([
      { type: "sigstoreSigned", keyPath: key, signedIdentity: { type: "matchRepository" } },
    ]);
    expect(Object.keys(policy.transports.docker)).toEqual([namespace, ...family.openRegistries]);
    expect(policy.transports.docker["registry.test"]).toEqual(open);
    expect(policy.transports.docker[""]).toBeUndefined();
    expect(policy.transports["containers-storage"]).toEqual({ "": open });
    expect(keyPath(family)).toBe(key);
    expect(policyHoles(policy, around)).toEqual([]);
  });

  test("signatures are looked for beside the images", () => {
    expect(registriesYaml(family)).toEqual(["docker:", `  ${namespace}:`, "    use-sigstore-attachments: true"]);
  });
});

// a policy's transports.docker (and default) → where the holes are, and what they are
test.each<[string, object, string[]]>([
  ["only the family, signed", { default: reject, transports: { docker: { [namespace]: signed } } }, []],
  ["nothing at all but a refusal", { default: reject }, []],
  [
    "open by default",
    { default: open, transports: { docker: { [namespace]: signed } } },
    ["default: anything is accepted that nothing else is said of"],
  ],
  ["no default", { transports: {} }, ["default: no requirement at all, which no tool can read"]],
  [
    "every registry open",
    { default: reject, transports: { docker: { "": open, [namespace]: signed } } },
    ['transports.docker[""]: any image of any registry is accepted'],
  ],
  [
    "every local image open",
    { default: reject, transports: { "containers-storage": { "": open }, "docker-daemon": { "": open } } },
    [],
  ],
  [
    "the registry above open, and nothing said of the family",
    { default: reject, transports: { docker: { "registry.test": open } } },
    [`transports.docker["registry.test"]: images of the family are accepted unsigned: nothing is said of ${namespace}`],
  ],
  [
    "the registry above open, the family signed",
    { default: reject, transports: { docker: { "registry.test": open, [namespace]: signed } } },
    [],
  ],
  [
    "the family open",
    { default: reject, transports: { docker: { [namespace]: open } } },
    [`transports.docker["${namespace}"]: images of the family are accepted unsigned`],
  ],
  [
    "one image of the family open",
    { default: reject, transports: { docker: { [namespace]: signed, [`${namespace}/sample-base`]: open } } },
    [`transports.docker["${namespace}/sample-base"]: images of the family are accepted unsigned`],
  ],
  [
    "a neighbour open",
    { default: reject, transports: { docker: { [namespace]: signed, [`${namespace}x`]: open } } },
    [],
  ],
  [
    "a key that nobody ships",
    {
      default: reject,
      transports: { docker: { [namespace]: [{ type: "sigstoreSigned", keyPath: "/etc/other.pub" }] } },
    },
    [`transports.docker["${namespace}"]: the key /etc/other.pub is in no overlay and is not the family's`],
  ],
  [
    "one of several keys that nobody ships",
    { default: reject, transports: { docker: { [namespace]: [{ type: "sigstoreSigned", keyPaths: [key, "/x"] }] } } },
    [`transports.docker["${namespace}"]: the key /x is in no overlay and is not the family's`],
  ],
  [
    "signed by no key",
    { default: reject, transports: { docker: { [namespace]: [{ type: "sigstoreSigned" }] } } },
    [`transports.docker["${namespace}"]: a signature is asked for, but of no key`],
  ],
  ...(
    [
      ["exactRepository", { dockerRepository: `${namespace}/sample-base` }],
      ["exactReference", { dockerReference: `${namespace}/sample-base:v3` }],
    ] as const
  ).map(([type, name]): [string, object, string[]] => [
    `a signature of one image for all: ${type}`,
    {
      default: reject,
      transports: {
        docker: {
          [namespace]: [{ ...signed[0], signedIdentity: { type, ...name } }],
          [`${namespace}/sample-base`]: [{ ...signed[0], signedIdentity: { type, ...name } }],
        },
      },
    },
    [
      `transports.docker["${namespace}"]: another image's signature is accepted: signedIdentity names one image for all of them`,
    ],
  ]),
  [
    "key data instead of a file",
    { default: reject, transports: { docker: { [namespace]: [{ type: "sigstoreSigned", keyData: "eA==" }] } } },
    [],
  ],
  [
    "no requirement",
    { default: reject, transports: { docker: { [namespace]: [] } } },
    [`transports.docker["${namespace}"]: no requirement at all, which no tool can read`],
  ],
  ["an unknown type", { default: [{ type: "rejct" }] }, ['default: unknown type "rejct"']],
  [
    "a transport that is no map",
    { default: reject, transports: { docker: [] } },
    ["transports.docker: not a map of scopes"],
  ],
])("%s", (_, policy, holes) => {
  expect(policyHoles(policy, around).map((h) => `${h.where}: ${h.what}`)).toEqual(holes);
});

test.each([[null], [[]], ["x"], [undefined]])("%p is no policy", (value) => {
  expect(policyHoles(value, around).map((h) => h.what)).toEqual(["not a policy"]);
});
