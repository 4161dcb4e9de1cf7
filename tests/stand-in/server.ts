/** What a build asks the outside for, answered on this machine; every request is written down. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { aurBases, firstVersion } from "./aur.ts";
import { makePackage } from "./package.ts";

export type Server = {
  url: string;
  /** Method and path. */
  requests: string[];
  /** Those that got no answer. */
  missed: string[];
  /** Versions in the AUR, by base, of which there is not the first one only. */
  versions: Map<string, string>;
  stop: () => Promise<void>;
};

/** The address of the server is a build argument, and a build with other arguments makes every step anew. */
const usualPort = 47_011;

const json = (value: unknown) =>
  new Response(JSON.stringify(value), { headers: { "content-type": "application/json" } });
const missing = () => new Response("not found\n", { status: 404 });

/** The AUR's answer about packages: only those that it has are in it. */
function rpc(url: URL, bases: Map<string, readonly string[]>, versions: Map<string, string>): Response {
  const results = url.searchParams.getAll("arg[]").flatMap((name) => {
    for (const [base, names] of bases) {
      if (names.includes(name)) return [{ Name: name, PackageBase: base, Version: versions.get(base) ?? firstVersion }];
    }
    return [];
  });
  return json({ version: 5, type: "multiinfo", resultcount: results.length, results });
}

const chaotic: Record<string, Uint8Array> = {
  "chaotic-keyring.pkg.tar.zst": makePackage({
    name: "chaotic-keyring",
    files: { "usr/share/pacman/keyrings/chaotic.gpg": "" },
  }).bytes,
  "chaotic-mirrorlist.pkg.tar.zst": makePackage({
    name: "chaotic-mirrorlist",
    files: { "etc/pacman.d/chaotic-mirrorlist": "Server = file:///usr/lib/stand-in/repository/$repo\n" },
  }).bytes,
};

/** Repositories over git's own protocol, because a shallow clone is impossible with plain files. */
async function git(request: Request, url: URL, folder: string): Promise<Response> {
  const body = request.body === null ? new Uint8Array() : await request.bytes();
  const child = Bun.spawn(["git", "http-backend"], {
    env: {
      ...process.env,
      GIT_PROJECT_ROOT: folder,
      GIT_HTTP_EXPORT_ALL: "1",
      GIT_CONFIG_COUNT: "1",
      GIT_CONFIG_KEY_0: "safe.directory",
      GIT_CONFIG_VALUE_0: "*",
      // A working copy serves as well as a bare repository.
      PATH_INFO: url.pathname.replace(/\.git\//, ".git/.git/"),
      QUERY_STRING: url.search.slice(1),
      REQUEST_METHOD: request.method,
      CONTENT_TYPE: request.headers.get("content-type") ?? "",
      CONTENT_LENGTH: `${body.length}`,
      HTTP_CONTENT_ENCODING: request.headers.get("content-encoding") ?? "",
      GIT_PROTOCOL: request.headers.get("git-protocol") ?? "",
    },
    stdin: body,
    stdout: "pipe",
    stderr: "inherit",
  });
  const output = await new Response(child.stdout).bytes();
  const end = Buffer.from(output).indexOf("\r\n\r\n");
  const headers = new Headers();
  let status = 200;
  for (const line of Buffer.from(output.subarray(0, end)).toString().split("\r\n")) {
    const [key = "", value = ""] = line.split(/: (.*)/);
    if (key === "Status") status = Number.parseInt(value, 10);
    else headers.append(key, value);
  }
  return new Response(output.subarray(end + 4), { status, headers });
}

/** @param folder repositories as aur.ts made them. */
export function serve(folder: string, aur: readonly string[]): Server {
  const bases = aurBases(aur);
  const requests: string[] = [];
  const missed: string[] = [];
  const versions = new Map<string, string>();

  const answer = (request: Request, url: URL): Response | Promise<Response> => {
    if (url.pathname.startsWith("/aur/rpc/v5/info")) return rpc(url, bases, versions);
    if (url.pathname.includes(".git/")) {
      return existsSync(join(folder, url.pathname.replace(/\.git\/.*/, ".git")))
        ? git(request, url, folder)
        : missing();
    }
    if (url.pathname.startsWith("/chaotic-aur/")) {
      const bytes = chaotic[url.pathname.slice("/chaotic-aur/".length)];
      return bytes === undefined ? missing() : new Response(bytes);
    }
    return missing();
  };
  const start = (port: number) =>
    Bun.serve({
      // Builds run in the network of the host.
      hostname: "127.0.0.1",
      port,
      async fetch(request) {
        const url = new URL(request.url);
        const line = `${request.method} ${url.pathname}${url.search}`;
        requests.push(line);
        const response = await answer(request, url);
        if (!response.ok) missed.push(line);
        return response;
      },
    });
  let server: ReturnType<typeof start>;
  try {
    server = start(usualPort);
  } catch {
    server = start(0);
  }
  return { url: `http://127.0.0.1:${server.port}`, requests, missed, versions, stop: () => server.stop(true) };
}
