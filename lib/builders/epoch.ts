import { exit, Failure } from "../system/errors.ts";
import { projectRoot } from "../system/project.ts";
import { question } from "../system/question.ts";

export interface Origin {
  /** The commit that is built, if there is one. */
  revision: string | undefined;
  /** Seconds since 1970 that every timestamp of the image gets: SOURCE_DATE_EPOCH, or the commit's date. */
  epoch: number;
}

/** Source of the variable: the SOURCE_DATE_EPOCH specification of reproducible-builds.org. */
export async function origin(): Promise<Origin> {
  const git = await question(["git", "-C", projectRoot, "log", "-1", "--format=%H %ct"]);
  const [revision, committed] = git.code === 0 ? git.stdout.trim().split(" ") : [];
  const given = process.env.SOURCE_DATE_EPOCH;
  if (given && !/^\d+$/.test(given))
    throw new Failure(exit.usage, `SOURCE_DATE_EPOCH is \`${given}\`: seconds since 1970 were expected`, {
      next: "unset it, and the date of the commit is taken",
    });
  const epoch = Number(given || (committed ?? 0));
  return { revision, epoch };
}
