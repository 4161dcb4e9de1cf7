/**
 * A registry in this process: as much of the distribution protocol as skopeo and podman use to push and pull. It counts what
 * is asked, so that a test can say what was not downloaded.
 */
export interface Registry {
  /** Host and port, as in a reference. */
  host: string;
  /** What was asked so far: method and path. */
  requests: string[];
  /** Puts a manifest under a tag, as a push of somebody else's would. */
  tag: (repository: string, tag: string, digest: string) => void;
  stop: () => Promise<void>;
}

interface Manifest {
  type: string;
  body: Uint8Array;
}

const sha256 = (data: Uint8Array) => `sha256:${new Bun.CryptoHasher("sha256").update(data).digest("hex")}`;

function missing(code: string): Response {
  return Response.json({ errors: [{ code, message: code.toLowerCase() }] }, { status: 404 });
}

export function startRegistry(): Registry {
  const blobs = new Map<string, Uint8Array>();
  const manifests = new Map<string, Manifest>();
  const uploads = new Map<string, Uint8Array[]>();
  const requests: string[] = [];

  async function upload(request: Request, url: URL, repository: string, id: string): Promise<Response> {
    const parts = uploads.get(id) ?? [];
    uploads.set(id, parts);
    const chunk = new Uint8Array(await request.arrayBuffer());
    if (chunk.length) parts.push(chunk);
    const digest = url.searchParams.get("digest");
    const location = `/v2/${repository}/blobs/uploads/${id}`;
    if (request.method !== "PUT" || digest === null)
      return new Response(null, { status: 202, headers: { Location: location, Range: "0-0" } });
    const whole = new Uint8Array(Buffer.concat(parts));
    uploads.delete(id);
    if (sha256(whole) !== digest) return missing("DIGEST_INVALID");
    blobs.set(digest, whole);
    return new Response(null, { status: 201, headers: { "Docker-Content-Digest": digest } });
  }

  async function manifest(request: Request, repository: string, name: string): Promise<Response> {
    if (request.method === "PUT") {
      const body = new Uint8Array(await request.arrayBuffer());
      const kept = { type: request.headers.get("content-type") ?? "", body };
      for (const key of [name, sha256(body)]) manifests.set(`${repository} ${key}`, kept);
      return new Response(null, { status: 201, headers: { "Docker-Content-Digest": sha256(body) } });
    }
    const kept = manifests.get(`${repository} ${name}`);
    if (!kept) return missing("MANIFEST_UNKNOWN");
    const headers = { "Content-Type": kept.type, "Docker-Content-Digest": sha256(kept.body) };
    return new Response(request.method === "HEAD" ? null : new Uint8Array(kept.body), { headers });
  }

  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      const url = new URL(request.url);
      requests.push(`${request.method} ${url.pathname}`);
      if (url.pathname === "/v2/") return Response.json({});
      const [, repository = "", kind, rest = ""] =
        /^\/v2\/(.+)\/(manifests|blobs\/uploads|blobs)\/(.*)$/.exec(url.pathname) ?? [];
      if (kind === "manifests") return manifest(request, repository, rest);
      if (kind === "blobs/uploads") return upload(request, url, repository, rest || crypto.randomUUID());
      const blob = blobs.get(rest);
      if (kind !== "blobs" || !blob) return missing("BLOB_UNKNOWN");
      const headers = { "Docker-Content-Digest": rest, "Content-Length": String(blob.length) };
      return new Response(request.method === "HEAD" ? null : new Uint8Array(blob), { headers });
    },
  });
  return {
    host: `127.0.0.1:${server.port}`,
    requests,
    tag: (repository, tag, digest) => {
      const kept = manifests.get(`${repository} ${digest}`);
      if (kept) manifests.set(`${repository} ${tag}`, kept);
    },
    stop: () => server.stop(true),
  };
}

if (import.meta.main) {
  const registry = startRegistry();
  console.log(registry.host);
}
