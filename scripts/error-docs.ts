import { ERROR_CODES } from '../src/errors.ts';

/** The text of docs/errors.md: one row for each error code, in alphabetical order. */
export function errorDocs(codes: Readonly<Record<string, string>> = ERROR_CODES): string {
  const rows = Object.entries(codes)
    .toSorted(([left], [right]) => (left < right ? -1 : 1))
    .map(([code, meaning]) => `| \`${code}\` | ${meaning.replaceAll('|', '\\|')} |`);
  return `# Error codes

Every error that this package raises is a \`TaskerError\` with one of these codes. The codes are part
of the public interface: match on \`error.code\`, never on the message. \`error.remedy\` says what can
be done, \`error.data\` names the rows, fields or files concerned, and \`error.cause\` holds the error
that led to it.

| code | meaning |
| --- | --- |
${rows.join('\n')}

<!-- Generated from src/errors.ts by \`npm run docs:errors\`; edit the table there. -->
`;
}
