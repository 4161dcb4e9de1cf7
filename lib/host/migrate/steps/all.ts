import { oldEntries, oldHome, record } from "./account.ts";
import { afterwards } from "./afterwards.ts";
import { backup } from "./backup.ts";
import { compareData, copyData, newHome } from "./data.ts";
import { nss, pam } from "./login.ts";
import { place } from "./place.ts";
import type { Step } from "./step.ts";

/**
 * A migration, in its order. The data comes before the account: it takes hours at most, the rest takes seconds, and as long as data is
 * copied nothing that anybody logs in by was touched.
 */
export const steps: Step[] = [
  backup,
  newHome,
  copyData,
  compareData,
  pam,
  nss,
  place,
  record,
  oldHome,
  ...oldEntries,
  ...afterwards,
];
