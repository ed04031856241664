/** Characters that Rails escapes beside those that JSON must. */
const ESCAPED = /[<>&\u2028\u2029]/g;

/**
 * JSON as Rails' encoder writes it: as `JSON.stringify`, with `<`, `>`, `&`, U+2028 and U+2029
 * escaped, and numbers in Ruby's spelling (`1.0e-05`). A whole number is taken for an integer;
 * JavaScript cannot tell `1.0` from `1`.
 */
export function railsJson(value: unknown): string {
  // through the ordinary text: what toJSON and undefined mean is settled there
  return write(JSON.parse(JSON.stringify(value)) as Json);
}

type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

function write(value: Json): string {
  if (typeof value === 'string') return text(value);
  if (typeof value === 'number') return number(value);
  if (value === null || typeof value === 'boolean') return String(value);
  if (Array.isArray(value)) return `[${value.map(write).join(',')}]`;
  const fields = Object.entries(value).map(([key, field]) => `${text(key)}:${write(field)}`);
  return `{${fields.join(',')}}`;
}

function text(value: string): string {
  return JSON.stringify(value).replace(
    ESCAPED,
    (symbol) => `\\u${symbol.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Ruby writes a float plainly from 0.0001 up to 10^16, else as `d.de±dd`. */
function number(value: number): string {
  if (Number.isInteger(value)) return String(BigInt(value));
  if (Math.abs(value) >= 1e-4) return String(value);
  const [digits = '', exponent = ''] = value.toExponential().split('e');
  const power = exponent.replace(/\d+$/, (size) => size.padStart(2, '0'));
  return `${digits.includes('.') ? digits : `${digits}.0`}e${power}`;
}
