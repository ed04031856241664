/**
 * Current states as one byte. Bit 7 says "done" (complete or resolved manually), so that a kernel
 * counts finished parents by a shift; codes 4 to 127 name texts outside the contract, through the
 * snapshot's own table.
 */
export const STATE_CODES = {
  pending: 0,
  in_progress: 1,
  error: 2,
  cancelled: 3,
  complete: 128,
  resolved_manually: 129,
} as const;

/** A state that the contract names. */
export type StateName = keyof typeof STATE_CODES;

/** First code given to a state text that the contract does not name. */
export const FIRST_FOREIGN_STATE = 4;

/** How many distinct foreign state texts one snapshot can name. */
export const MAX_FOREIGN_STATES = 124;

const NAMES: readonly (string | undefined)[] = Object.entries(STATE_CODES).reduce<
  (string | undefined)[]
>((names, [name, code]) => {
  names[code] = name;
  return names;
}, []);

/**
 * Text of a state code.
 *
 * @param foreign texts of the codes from {@link FIRST_FOREIGN_STATE} on
 * @returns the state's text; `unknown(<code>)` where the table holds none
 */
export function stateText(code: number, foreign: readonly string[]): string {
  return NAMES[code] ?? foreign[code - FIRST_FOREIGN_STATE] ?? `unknown(${code})`;
}

/** Gives each state text its code and remembers the texts that the contract does not name. */
export class StateTexts {
  readonly foreign: string[] = [];
  readonly #codes = new Map<string, number>(Object.entries(STATE_CODES));

  /**
   * Code of a state text.
   *
   * @returns the code, or -1 when {@link MAX_FOREIGN_STATES} foreign texts are taken already
   */
  code(text: string): number {
    const known = this.#codes.get(text);
    if (known !== undefined) return known;
    if (this.foreign.length === MAX_FOREIGN_STATES) return -1;
    const code = FIRST_FOREIGN_STATE + this.foreign.length;
    this.foreign.push(text);
    this.#codes.set(text, code);
    return code;
  }
}
