/**
 * How to reach a registry. Only this file decides that for our own reader, and which files skopeo in a container needs to
 * decide the same. Sources: containers-certs.d(5); containers/image, docker/docker_client.go and pkg/tlsclientconfig.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Credentials, credentialsFor } from "./login.ts";
import { nameOf, type Reference } from "./reference.ts";
import { home, pullSources, registryFiles } from "./registries-conf.ts";
import { SettingsFailure } from "./settings-failure.ts";

export interface Tls {
  ca?: string[];
  cert?: string;
  key?: string;
  rejectUnauthorized?: false;
}

/** One way to an image. */
export interface Access {
  at: Reference;
  /** The host that answers: Docker Hub's images are not where their names say. */
  host: string;
  /** The administrator said so: certificates are not checked, and it may speak http. */
  insecure: boolean;
  tls: Tls;
  credentials(): Promise<Credentials | undefined>;
}

const bundles = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];

function certificateFolders(): string[] {
  return [join(home(), ".config/containers/certs.d"), "/etc/containers/certs.d", "/etc/docker/certs.d"];
}

const hasCertificate = (pem: string) => pem.includes("-----BEGIN ");

/** This machine's certificate authorities, and the authorities and client certificate in the registry's first folder. */
function tlsOf(host: string, insecure: boolean): Tls {
  const folder = certificateFolders()
    .map((f) => join(f, host))
    .find((f) => existsSync(f));
  const names = folder ? readdirSync(folder) : [];
  const file = (name: string) => readFileSync(join(folder ?? "", name), "utf8");
  const bundle = process.env.SSL_CERT_FILE || bundles.find((path) => existsSync(path));
  const own = names.filter((n) => n.endsWith(".crt")).map(file);
  const all = [...(bundle && existsSync(bundle) ? [readFileSync(bundle, "utf8")] : []), ...own];
  // an empty one among others would be an error; none at all must not mean those that Bun brings along
  const ca = all.some(hasCertificate) ? all.filter(hasCertificate) : all.slice(0, 1);
  const pairs = names.filter((n) => /\.(cert|key)$/.test(n)).map((n) => n.replace(/\.(cert|key)$/, ""));
  const lonely = pairs.find((n) => !names.includes(`${n}.cert`) || !names.includes(`${n}.key`));
  if (lonely !== undefined)
    throw new SettingsFailure(`${folder}/${lonely} is half of a pair`, {
      next: "a client certificate has a .cert and a .key; an authority ends with .crt",
    });
  const [client] = pairs;
  return {
    ...(ca.length && !insecure ? { ca } : {}),
    ...(client === undefined ? {} : { cert: file(`${client}.cert`), key: file(`${client}.key`) }),
    ...(insecure ? { rejectUnauthorized: false as const } : {}),
  };
}

/**
 * Every way to an image, in the order in which they are tried: mirrors first.
 * @throws Failure where the administrator forbids all of them, or a file of settings is wrong
 */
export function accessTo(reference: Reference): Access[] {
  const sources = pullSources(reference);
  const open = sources.filter((s) => !s.blocked);
  if (open.length === 0)
    throw new SettingsFailure(`${nameOf(reference)} is blocked on this machine`, {
      tried: [`blocked = true in ${registryFiles().main}, or in a file next to it`],
      next: "take another registry, or ask who wrote that file",
    });
  return open.map(({ at, insecure }) => ({
    at,
    host: at.host === "docker.io" ? "registry-1.docker.io" : at.host,
    insecure,
    tls: tlsOf(at.host, insecure),
    credentials: () => credentialsFor(nameOf(at)),
  }));
}

/** The files on which all this depends, as far as they exist: a tool in a container needs them too. */
export function accessFiles(): string[] {
  const { main, folders } = registryFiles();
  return [main, ...folders, ...certificateFolders()].filter((path) => existsSync(path));
}
