#!/usr/bin/env bun
/**
 * The outside world of an Arch build, on this machine: container images, package repositories, the AUR, Chaotic-AUR,
 * extensions.gnome.org and the sources that are cloned. As a program it stays until it is stopped, and prints the build
 * arguments that lead there: bun tests/stand-in/stand-in.ts
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { repositories } from "./aur.ts";
import { makeImages } from "./images.ts";
import { wanted } from "./manifest.ts";
import { serve } from "./server.ts";

export type StandIn = {
  /** Values of the recipes' ARGs. */
  buildArgs: Record<string, string>;
  /** What was asked for so far: method and path. */
  requests: string[];
  /** Packages in the repositories. */
  packages: number;
  stop: () => Promise<void>;
};

/** @param project the folder with flavors/ and overlays/. */
export async function startStandIn(project: string): Promise<StandIn> {
  const folder = mkdtempSync(join(tmpdir(), "slipway-stand-in-"));
  const removeFolder = () => rmSync(folder, { recursive: true, force: true });
  try {
    const asked = wanted(project);
    const [packages] = await Promise.all([makeImages(folder, project, asked), repositories(folder, asked.aur)]);
    const { url, requests, stop } = serve(folder, asked.aur);
    return {
      buildArgs: {
        KEYSERVER: "hkp://keyserver.stand-in",
        CHAOTIC_MIRROR: `${url}/chaotic-aur`,
        AUR: `${url}/aur`,
        POP_SHELL_REPO: `${url}/pop-os/shell.git`,
        GNOME_EXTENSIONS_URL: url,
      },
      requests,
      packages,
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
