/**
 * Paths in podman's options. `--volume` ends a path at a colon and `--file` at a comma, and a project may lie in a folder whose name
 * has both. podman reads `--mount` and `--file` as lines of CSV, in which every path can be written.
 * Sources: podman, pkg/specgenutil/volumes.go (findMountType) and buildah, pkg/cli/common.go (StringSliceVarP); RFC 4180.
 */

/** A word as a field of CSV: in quotes only where it must be. */
export function csvWord(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/**
 * podman's word for a folder or file of this machine that a container sees.
 * @param destination where it sees it; the same path without one
 */
export function bindMount(source: string, destination = source, { readOnly = false } = {}): string {
  const fields = ["type=bind", `source=${source}`, `destination=${destination}`, ...(readOnly ? ["ro"] : [])];
  return `--mount=${fields.map(csvWord).join(",")}`;
}
