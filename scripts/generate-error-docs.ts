/** `npm run docs:errors`: writes docs/errors.md from the table in src/errors.ts. */
import { writeFileSync } from 'node:fs';
import { errorDocs } from './error-docs.ts';

writeFileSync(new URL('../docs/errors.md', import.meta.url), errorDocs());
