import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { readProjectFile } from "../project-file.ts";
import { findRemote, type Remote } from "./remote.ts";

/** What is in a repository already that becomes a Slipway project. */
export interface Found {
  /** The Containerfile that makes the image, from the root. */
  containerfile: string | undefined;
  /** It ends with bootc's own check. */
  bootc: boolean;
  /** What the image is called by the files here, else as the repository, else as the folder. */
  name: string;
  /** The public key, from the root; undefined where none is here yet. */
  key: string | undefined;
  remote: Remote | undefined;
  /** It has the form of Universal Blue's image-template. */
  template: boolean;
  /** Its package.json names Slipway, which the workflow then runs. */
  dependency: boolean;
}

const containerfiles = ["Containerfile", "Dockerfile"];
const justfiles = ["Justfile", "justfile", ".justfile"];

/** What the template says before somebody gives it a name. */
const placeholders = ["image-template", "yourimage", "your-image"];

function textOf(root: string, name: string): string | undefined {
  const read = readProjectFile(root, name);
  return "text" in read ? read.text : undefined;
}

/** Pure: `image_name := env("IMAGE_NAME", "x")` of a Justfile. Source: just's manual, "Environment Variables". */
export function justName(text: string): string | undefined {
  const value = `(?:env(?:_var_or_default)?\\(\\s*["']IMAGE_NAME["']\\s*,\\s*)?["']([^"'\\n]*)["']`;
  return new RegExp(`^(?:export[ \\t]+)?image_name[ \\t]*:=[ \\t]*${value}`, "m").exec(text)?.[1];
}

/** Pure: `IMAGE_NAME=x` of image-template.env, which newer Justfiles read. */
export function envName(text: string): string | undefined {
  return /^IMAGE_NAME=["']?([^"'\s]+)/m.exec(text)?.[1];
}

/** Pure: small letters, digits and single dashes, short enough for a part of an image's name; "" where nothing is left. */
export function plainName(text: string): string {
  const words = text.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-");
  return words.slice(0, 50).replaceAll(/^-+|-+$/g, "");
}

function imageName(root: string, remote: Remote | undefined): string {
  const said = [
    envName(textOf(root, "image-template.env") ?? ""),
    ...justfiles.map((name) => justName(textOf(root, name) ?? "")),
  ];
  const named = said.filter((name) => name !== undefined && !placeholders.includes(name));
  const all = [...named, remote?.repository, basename(root)].map((name) => plainName(name ?? ""));
  return all.find(Boolean) ?? "my-system";
}

/** Pure: whether the text of a package.json names Slipway. */
export function namesSlipway(text: string): boolean {
  try {
    const { dependencies, devDependencies } = JSON.parse(text) ?? {};
    return [dependencies, devDependencies].some((names) => Object.hasOwn(names ?? {}, "slipway"));
  } catch {
    return false;
  }
}

/** Looks at a folder, and changes nothing. Only regular files inside it are read, up to a size. */
export async function findWhatIsHere(root: string): Promise<Found> {
  const remote = await findRemote(root);
  const containerfile = containerfiles.find((name) => textOf(root, name) !== undefined);
  const text = containerfile === undefined ? undefined : textOf(root, containerfile);
  return {
    containerfile,
    bootc: /^\s*RUN\b.*\bbootc container lint\b/m.test(text ?? ""),
    name: imageName(root, remote),
    key: textOf(root, "cosign.pub")?.includes("BEGIN PUBLIC KEY") ? "cosign.pub" : undefined,
    remote,
    template: ["build_files", "disk_config"].every((name) => existsSync(join(root, name))),
    dependency: namesSlipway(textOf(root, "package.json") ?? "{}"),
  };
}
