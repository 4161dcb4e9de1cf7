// The family's default image. Tests take it (Project.takeMinimal), or build it again from its layers in podman's cache.
// needs: debian
import { madeMinimal, minimal, Project } from "../support/sandbox.ts";

const project = new Project();
try {
  // a build of the same inputs has nothing to do
  await project.podman("tag", madeMinimal, minimal);
  const { code, stderr } = await project.slipway("build", "amd64", "minimal");
  if (code !== 0) throw new Error(stderr);
  // under a name that no test asks for, so that a test begins without it
  await project.podman("tag", minimal, madeMinimal);
  await project.podman("untag", minimal, minimal);
} finally {
  project.remove();
}
