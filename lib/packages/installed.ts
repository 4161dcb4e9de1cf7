/** How each package manager is asked whether a package is installed. A manager that is not here is one more row. */
const asks: ((name: string) => string)[] = [
  (name) => `pacman -Qq -- ${name}`,
  (name) => `dpkg-query -W -f '\${db:Status-Status}' ${name} | grep -x installed`,
  (name) => `rpm -q -- ${name}`,
];

/**
 * A line of sh that succeeds where one of the system's package managers has a package; a manager that is absent does not.
 * @param name a word as sh reads it: quoted, or `"$word"`
 */
export function installedLine(name: string): string {
  return `{ ${asks.map((ask) => ask(name)).join(" || ")}; } >/dev/null 2>&1`;
}
