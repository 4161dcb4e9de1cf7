import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureLocalDebian } from "../../lib/tools/debian-image.ts";
import { podmanEnv } from "../../lib/tools/podman.ts";
import { exec, type Said, testStorage } from "./sandbox.ts";

/** Images that tests are based on, each made once and found by a hash of how it is made. */

/** podman on the store of this file. */
export async function podman(...args: string[]): Promise<Said> {
  return exec(["podman", ...args], { ...(await podmanEnv()), ...testStorage() });
}

/** What a program that must succeed said. */
export async function must(said: Promise<Said>): Promise<string> {
  const { code, stdout, stderr } = await said;
  if (code !== 0) throw new Error(stderr);
  return stdout.trim();
}

/**
 * Builds a Containerfile where there is no image of it yet.
 * @param files what it copies: names and texts. @returns its name.
 */
export async function imageOf(
  name: string,
  recipe: string,
  base: string,
  files: Record<string, string> = {},
): Promise<string> {
  const id = await must(podman("image", "inspect", "--format", "{{.Id}}", base));
  const key = new Bun.CryptoHasher("sha256")
    .update(recipe + id + Object.entries(files).flat().join("\0"))
    .digest("hex");
  const reference = `localhost/slipway-tests/${name}:${key.slice(0, 16)}`;
  if ((await podman("image", "exists", reference)).code === 0) return reference;
  const folder = mkdtempSync(join(tmpdir(), "slipway-"));
  try {
    writeFileSync(join(folder, "Containerfile"), recipe);
    for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text, { mode: 0o755 });
    await must(podman("build", "--quiet", "--network=host", "--force-rm", "--tag", reference, folder));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return reference;
}

/** An image with packages on a base. */
export function imageWith(name: string, base: string, packages: string[]): Promise<string> {
  const install = `DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends ${packages.join(" ")}`;
  return imageOf(name, `FROM ${base}\nRUN apt-get -o Acquire::Check-Valid-Until=false update && ${install}\n`, base);
}

/** The name of the smallest image that flavors of the tests can be based on. */
export const tiny = "localhost/slipway-tests/tiny:latest";

const tinyRecipe = (base: string) => `FROM ${base} AS maker
RUN apt-get update && cd /tmp && apt-get download busybox-static && dpkg-deb -x busybox-static_*.deb /tiny && \\
    mkdir -p /tiny/var/lib/dpkg/info && \\
    { dpkg-deb -f busybox-static_*.deb Package Version Architecture; echo 'Status: install ok installed'; } >/tiny/var/lib/dpkg/status && \\
    (cd /tiny && find usr -printf '/%p\\n') >/tiny/var/lib/dpkg/info/busybox-static.list && \\
    ln -s usr/bin /tiny/bin && cd /tiny && mkdir -p etc tmp var/tmp && chroot /tiny /usr/bin/busybox --install -s /usr/bin && \\
    printf 'ID=debian\\nVERSION_CODENAME=trixie\\n' >etc/os-release
FROM scratch
COPY --from=maker /tiny/ /
`;

/** Makes it where it is not there yet. @returns its name. */
export async function makeTiny(base?: string): Promise<string> {
  const debian = base ?? (await ensureLocalDebian("trixie"));
  const made = await imageOf("tiny", tinyRecipe(debian), debian);
  await must(podman("tag", made, tiny));
  return tiny;
}
