import type { NewProject } from "./decide.ts";

/** The workflow of a new project: when, where and with which rights. What is done is said by the commands. */

/** As in this repository's own workflows. */
const checkout = "actions/checkout@08c6903cd8c0fde910a37f88322edcfb5dd907a8 # v5.0.0";
const bun = "1.4.5";
/** The one that the lock file of the repository names: what another package of this name is, nobody knows. */
const slipway = "node_modules/.bin/slipway";

/** Secrets of the repository: by GitHub itself for its own registry, else two that somebody has to set. */
function login(host: string): string {
  const own = host === "ghcr.io";
  const [user, password] = own
    ? ["github.actor", "github.token"]
    : ["secrets.REGISTRY_USER", "secrets.REGISTRY_PASSWORD"];
  return `      - env:
          ACTOR: \${{ ${user} }}
          TOKEN: \${{ ${password} }}
        run: printf '%s' "$TOKEN" | sudo podman login ${host} --username "$ACTOR" --password-stdin`;
}

/** .github/workflows/slipway.yml. */
export function workflowText({ registry, arch, found }: NewProject): string {
  const [host = ""] = registry.split("/");
  const key = found.template ? "SIGNING_SECRET" : "COSIGN_PRIVATE_KEY";
  const begin = `    runs-on: ubuntu-latest
    timeout-minutes: 350
    permissions:
      contents: read`;
  const steps = `    steps:
      - uses: ${checkout}
        with:
          persist-credentials: false
      - run: sudo npm install --global bun@${bun}
      - run: bun install --frozen-lockfile --ignore-scripts
      - run: sudo --preserve-env=CI,GITHUB_ACTIONS ${slipway} setup`;
  const build = `      - run: sudo --preserve-env=CI,GITHUB_ACTIONS ${slipway} build ${arch} all`;
  return `# Builds, pushes and signs the images. This file says only when that is done, where, and with which rights.
name: slipway

on:
  schedule:
    - cron: "20 3 */2 * *" # every 2 days
  workflow_dispatch:
  pull_request:

# A job has the rights that it names, and no others.
permissions: {}

concurrency:
  group: slipway-\${{ github.ref }}
  cancel-in-progress: \${{ github.event_name == 'pull_request' }}

jobs:
  # A pull request is built, and nothing of it leaves the runner.
  try:
    if: github.event_name == 'pull_request'
${begin}
${steps}
${build}

  release:
    if: github.event_name != 'pull_request' && github.ref_name == github.event.repository.default_branch
${begin}
      packages: write
${steps}
${login(host)}
${build}
      - run: sudo --preserve-env=CI,GITHUB_ACTIONS ${slipway} push ${arch} all
      # The only step that has the key: everything is built and pushed by now.
      - env:
          COSIGN_PRIVATE_KEY: \${{ secrets.${key} }}
          COSIGN_PASSWORD: \${{ secrets.COSIGN_PASSWORD }}
        run: sudo --preserve-env=CI,GITHUB_ACTIONS,COSIGN_PRIVATE_KEY,COSIGN_PASSWORD ${slipway} sign ${arch} all
`;
}
