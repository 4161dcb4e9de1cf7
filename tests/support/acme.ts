import { join } from "node:path";
import { checkout, exec, Project, type Said } from "./sandbox.ts";
import { makeTiny, tiny } from "./small-images.ts";

const recipe = `# @base
FROM \${BASE} AS helpers
COPY containerfiles/helpers/ /slipway/
RUN chmod -R u=rwX,go=rX /slipway && chmod +x /slipway/*
FROM \${BASE} AS overlay
# @overlay
FROM \${BASE}
COPY --from=helpers /slipway/ /usr/libexec/slipway/
COPY --from=overlay /overlay/ /
# @upgrade
# @files
`;

export const password = "correct horse 'battery' $staple";

/** A family at ghcr.io with small flavors, whose images carry the policy and a public key made by the test. */
export class Acme extends Project {
  /** @param name how the name of its folder begins. */
  constructor(name?: string) {
    super(["containerfiles/helpers", ".containerignore", ".gitignore"], name);
    this.write(
      "flavors/family.yaml",
      `name: acme
title: Acme
registry: ghcr.io/acme
prefix: os
key: acme.pub
openRegistries: [ghcr.io, docker.io]
default: {arch: amd64, flavor: one}
arches:
  amd64: {base: ${tiny}, tags: [latest]}
`,
    );
    this.write("containerfiles/tiny.Containerfile", recipe);
    // it upgrades nothing, and has the line that every system needs
    this.write("containerfiles/helpers/upgrade", '#!/bin/sh\nexit 0\n"$here/merge-etc"\n');
    for (const flavor of ["one", "two"]) {
      this.write(`flavors/${flavor}.yaml`, `title: ${flavor}\nrecipe: tiny\narches: [amd64]\n`);
      this.write(`overlays/${flavor}/etc/flavor`, `${flavor}\n`);
    }
  }

  /** Makes the image that its flavors are based on. */
  async prepare(): Promise<void> {
    await makeTiny();
    await this.removeImages("ghcr.io/acme/");
  }

  /** A key pair, made as a user makes it. */
  keys(word = password): Promise<Said> {
    const argv = [process.execPath, join(checkout, "scripts/keys.ts"), "--stdin"];
    return exec(["sh", "-c", 'printf "%s\\n" "$WORD" | "$@"', "sh", ...argv], { ...this.env, WORD: word });
  }

  async mustBuild(...flavors: string[]): Promise<void> {
    const { code, stderr } = await this.slipway("build", "amd64", ...flavors);
    if (code !== 0) throw new Error(stderr);
  }
}
