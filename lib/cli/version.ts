/** As in package.json, which the compiled program does not have beside it. */
export const version = "0.1.0";
