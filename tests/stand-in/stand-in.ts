#!/usr/bin/env bun
/**
 * The outside world of an Arch build, on this machine: container images, package repositories, the AUR, Chaotic-AUR
 * and the sources that are cloned. As a program it stays until it is stopped, and prints the build
 * arguments that lead there: bun tests/stand-in/stand-in.ts
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { aurBases, head, release, repositories } from "./aur.ts";
import { brewImage, makeImages } from "./images.ts";
import { wanted } from "./manifest.ts";
import { serve } from "./server.ts";

export type StandIn = {
  /** Values of the recipes' ARGs. */
  buildArgs: Record<string, string>;
  /** What was asked for so far, method and path; and what of that got no answer. */
  requests: string[];
  missed: string[];
  /** Packages in the repositories. */
  packages: number;
  /** Puts a new version of a base into the AUR; a stale one has other sources than its recipe says. */
  release: (base: string, version: string, stale?: boolean) => Promise<void>;
  /** The commit of a base's recipe in the AUR. */
  recipe: (base: string) => Promise<string>;
  stop: () => Promise<void>;
};

/** The settings that `bun run build` takes the build arguments from. */
export function settings(buildArgs: Record<string, string>): Record<string, string> {
  const pairs = Object.entries(buildArgs).map(([name, value]) => `${name}=${value}`);
  return { SLIPWAY_BUILD_ARGS: pairs.join(";") };
}

/**
 * @param project the folder with flavors/ and overlays/.
 * @param env what podman is given, such as the storage of a test.
 */
export async function startStandIn(project: string, env: Record<string, string> = {}): Promise<StandIn> {
  const folder = mkdtempSync(join(tmpdir(), "slipway-stand-in-"));
  const removeFolder = () => rmSync(folder, { recursive: true, force: true });
  try {
    const asked = wanted(project);
    const [packages] = await Promise.all([makeImages(folder, project, asked, env), repositories(folder, asked.aur)]);
    const { url, requests, missed, versions, stop } = serve(folder, asked.aur);
    return {
      buildArgs: {
        KEYSERVER: "hkp://keyserver.stand-in",
        CHAOTIC_MIRROR: `${url}/chaotic-aur`,
        AUR: `${url}/aur`,
        BREW_IMAGE: brewImage,
        POP_SHELL_REPO: `${url}/pop-os/shell.git#${await head(join(folder, "pop-os/shell.git"))}`,
        BLUR_MY_SHELL_REPO: `${url}/aunetx/blur-my-shell.git`,
      },
      requests,
      missed,
      packages,
      release: async (base, version, stale) => {
        await release(folder, base, aurBases(asked.aur).get(base) ?? [base], version, stale);
        versions.set(base, version);
      },
      recipe: (base) => head(join(folder, `aur/${base}.git`)),
      stop: async () => {
        await stop();
        removeFolder();
      },
    };
  } catch (error) {
    removeFolder();
    throw error;
  }
}

if (import.meta.main) {
  const standIn = await startStandIn(resolve(import.meta.dir, "../.."));
  console.log(JSON.stringify(standIn.buildArgs));
  const end = async () => {
    await standIn.stop();
    process.exit(0);
  };
  process.on("SIGINT", end);
  process.on("SIGTERM", end);
}
