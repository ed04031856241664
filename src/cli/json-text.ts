const raw = (JSON as unknown as { rawJSON(text: string): object }).rawJSON;

const exact = (_key: string, entry: unknown): unknown =>
  typeof entry === 'bigint' ? raw(String(entry)) : entry;

/**
 * JSON text, two blanks deep, in which a bigint keeps all its digits as a number and an infinite
 * number is null.
 */
export function jsonText(value: unknown): string {
  return `${JSON.stringify(value, exact, 2)}\n`;
}

/** As {@link jsonText}, on one line. */
export function jsonLine(value: unknown): string {
  return `${JSON.stringify(value, exact)}\n`;
}
