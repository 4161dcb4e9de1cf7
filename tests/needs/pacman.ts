// Debian with pacman, which stands in for CachyOS.
// needs: debian
import { rootImage } from "../stand-in/rootfs.ts";
import { testStorage } from "../support/sandbox.ts";

Object.assign(process.env, testStorage());
await rootImage();
