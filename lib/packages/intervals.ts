/** The words of the manifest for how often something changes, in days. */
const days: Record<string, number> = {
  daily: 1,
  weekly: 7,
  biweekly: 14,
  monthly: 30,
  quarterly: 91,
  yearly: 365,
};

/** The word comes from an image, and may not even be a string. */
export function daysOf(word: unknown): number | undefined {
  return typeof word === "string" && Object.hasOwn(days, word) ? days[word] : undefined;
}
