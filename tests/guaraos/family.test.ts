// reaches: flavors/ overlays/ containerfiles/ guaraos.pub
// This file is about GuaraOS: its manifest as a whole, whatever flavors there are.
import { expect, test } from "bun:test";
import { lintContainerfile } from "../../lib/build/lint/containerfile-lint.ts";
import { allTargets } from "../../lib/family/target.ts";
import { policyJson } from "../../lib/trust/policy.ts";
import { policyHoles } from "../../lib/trust/policy-lint.ts";
import { checkout } from "../support/sandbox.ts";
import { family } from "../support/small-family.ts";

const guaraos = () => family(checkout);

test("the manifest has no mistake", () => {
  expect(guaraos).not.toThrow();
});

test("the Containerfiles of all targets are clean", () => {
  const of = guaraos();
  expect(allTargets(of).flatMap((target) => lintContainerfile(target, of))).toEqual([]);
});

test("arches: the best first, what each needs of a CPU, and where its base comes from", () => {
  expect([...guaraos().arches.values()].map(({ name, needs, base }) => [name, needs, base])).toEqual([
    ["znver4", ["avx512_vnni"], { image: "docker.io/cachyos/cachyos-v4" }],
    ["v3", ["avx2"], { image: "docker.io/cachyos/cachyos-v3" }],
    ["amd64", [], { debian: "trixie" }],
  ]);
});

test("machines take what is signed with the family's key, and nothing else of its namespace", () => {
  const namespace = "ghcr.io/guara92";
  const key = "/etc/pki/containers/guaraos.pub";
  const policy = JSON.parse(JSON.stringify(policyJson(guaraos())));
  expect(policy.transports.docker[namespace]).toEqual([
    { type: "sigstoreSigned", keyPath: key, signedIdentity: { type: "matchRepository" } },
  ]);
  expect(policyHoles(policy, { namespace, keys: [key] })).toEqual([]);
});
