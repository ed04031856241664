import { randomInt } from 'node:crypto';

const SYMBOLS = 'abcdefghijklmnopqrstuvwxyz0123456789';

/** What is accepted as a correlation id. */
const ACCEPTED = /^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$/;

/** True for text of at most 100 letters, digits, `_` and `-` that begins with a letter or digit. */
export function isCorrelationId(text: string): boolean {
  return ACCEPTED.test(text);
}

/** A new id: `tsk_`, the instant in ms to the base 36, `_`, six random letters or digits. */
export function newCorrelationId(nowMicros: number): string {
  let random = '';
  // one draw holds six symbols
  let rest = randomInt(SYMBOLS.length ** 6);
  for (let count = 0; count < 6; count++) {
    random += SYMBOLS.charAt(rest % SYMBOLS.length);
    rest = Math.floor(rest / SYMBOLS.length);
  }
  return `tsk_${Math.floor(nowMicros / 1000).toString(36)}_${random}`;
}
