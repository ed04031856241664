const raw = (JSON as unknown as { rawJSON(text: string): object }).rawJSON;

/**
 * JSON text, two blanks deep, in which a bigint keeps all its digits as a number and an infinite
 * number is null.
 */
export function jsonText(value: unknown): string {
  const text = JSON.stringify(
    value,
    (_key, entry: unknown) => (typeof entry === 'bigint' ? raw(String(entry)) : entry),
    2,
  );
  return `${text}\n`;
}
