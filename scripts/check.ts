/** What one check found. */
export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

/** One row of the table that `npm run verify` goes through. */
export interface Check {
  /** Selects the check: `npm run verify -- lint`. */
  readonly name: string;
  /** Program of node_modules/.bin or of the PATH, and its arguments. */
  readonly command: readonly [program: string, ...args: string[]];
  /** Set for this check beside what is set already. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Reads the check's own report; without it a check counts as one, by its exit code. */
  readonly count?: (output: string) => Counts;
  /** Names what failed, from the check's own report; printed in place of all that it printed. */
  readonly failures?: () => string;
  /** Why the check cannot run here; it is then skipped, with this reason in the table. */
  readonly unavailable?: () => string | undefined;
}
