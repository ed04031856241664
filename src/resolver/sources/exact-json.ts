/** Stands in a parsed value for a number that a double may not hold as it was written. */
interface WrittenNumber {
  readonly '\0number': string;
}

/**
 * A field whose number is long, or has a fraction or an exponent. Timestamps, whose seconds have a
 * fraction in nearly every row, do not look like it.
 */
const LONG_NUMBER = /"\s*:\s*-?\d+(?:\d{15}|[.eE])/;

const NUMBER = /^-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const MINUS = 0x2d;

/**
 * `JSON.parse`, but for numbers that may not be exact, which {@link writtenNumber} tells as they were written.
 * However deep the value is, the stack does not grow. O(length).
 *
 * @throws what `JSON.parse` throws
 */
export function parseExactJson(text: string): unknown {
  if (!LONG_NUMBER.test(text)) return JSON.parse(text);
  try {
    return JSON.parse(withWrittenNumbers(text));
  } catch {
    return JSON.parse(text); // the error has to quote what was written
  }
}

/** The digits of a number that {@link parseExactJson} left as it was written, or undefined for any other value. */
export function writtenNumber(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || !('\0number' in value)) return undefined;
  const text = (value as WrittenNumber)['\0number'];
  return typeof text === 'string' && NUMBER.test(text) ? text : undefined;
}

/**
 * The whole number that a text stands for, however it is written (`2`, `2.0`, `20e-1`), where it is a
 * safe one.
 */
export function wholeNumber(written: string): number | undefined {
  const [mantissa, exponent = '0'] = written.toLowerCase().split('e');
  const [whole, fraction = ''] = (mantissa as string).split('.');
  const digits = `${whole}${fraction}`.replace(/0+$/, '');
  const zeros = `${whole}${fraction}`.length - digits.length;
  const value = Number(written);
  const exact = /^-?$/.test(digits) || Number(exponent) - fraction.length + zeros >= 0;
  return exact && Number.isSafeInteger(value) ? value : undefined;
}

/** The text with an object in place of each number that may not be exact. */
function withWrittenNumbers(text: string): string {
  const parts: string[] = [];
  let copied = 0;
  for (let at = 0; at < text.length;) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      at = stringEnd(text, at + 1);
    } else if (code === MINUS || isDigit(code)) {
      const end = numberEnd(text, at + 1);
      const number = text.slice(at, end);
      const match = NUMBER.exec(number);
      const decimal = match?.[1] !== undefined || match?.[2] !== undefined;
      if (match !== null && (decimal || !Number.isSafeInteger(Number(number)))) {
        parts.push(text.slice(copied, at), `{"\\u0000number":"${number}"}`);
        copied = end;
      }
      at = end;
    } else at++;
  }
  return parts.join('') + text.slice(copied);
}

const isDigit = (code: number): boolean => code >= 0x30 && code <= 0x39;

/** The position behind a string that began before `at`. */
function stringEnd(text: string, at: number): number {
  let next = at;
  while (next < text.length) {
    const code = text.charCodeAt(next);
    if (code === QUOTE) return next + 1;
    next += code === BACKSLASH ? 2 : 1;
  }
  return next;
}

function numberEnd(text: string, at: number): number {
  let next = at;
  while (next < text.length && /[\d.eE+-]/.test(text.charAt(next))) next++;
  return next;
}
