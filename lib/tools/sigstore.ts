import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "../system/shell.ts";
import { workFolder } from "../system/work-folder.ts";

/** Debian 12 builds skopeo with sigstore switched off, and only an attempt to sign tells: before it looks at the key. */
export async function lacksSigstore(skopeo: string): Promise<string | undefined> {
  const { path: folder, remove } = workFolder();
  const image = join(folder, "image");
  mkdirSync(image, { recursive: true });
  const file = (name: string, text: string) => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const config = JSON.stringify({ architecture: "amd64", os: "linux", rootfs: { type: "layers", diff_ids: [] } });
  const digest = new Bun.CryptoHasher("sha256").update(config).digest("hex");
  const type = (name: string) => `application/vnd.oci.image.${name}.v1+json`;
  const manifest = {
    schemaVersion: 2,
    mediaType: type("manifest"),
    config: { mediaType: type("config"), digest: `sha256:${digest}`, size: config.length },
    layers: [],
  };
  file(`image/${digest}`, config);
  file("image/manifest.json", JSON.stringify(manifest));
  file("image/version", "Directory Transport Version: 1.1\n");
  try {
    const { said } = await run([
      skopeo,
      ...["--policy", file("policy.json", JSON.stringify({ default: [{ type: "insecureAcceptAnything" }] }))],
      ...["copy", "--sign-by-sigstore-private-key", file("no.key", "no key\n")],
      ...["--sign-passphrase-file", file("no.pass", "")],
      ...["--sign-identity", "localhost/slipway-probe:1"],
      ...[`dir:${image}`, `dir:${join(folder, "copy")}`],
    ]);
    return /sigstore disabled|unknown flag/i.test(said) ? "built without sigstore: cannot sign or verify" : undefined;
  } finally {
    remove();
  }
}
