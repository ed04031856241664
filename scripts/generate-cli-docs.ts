/** `npm run docs:cli`: writes docs/cli.md from the help texts of the command. */
import { writeFileSync } from 'node:fs';
import { cliDocs } from './cli-docs.ts';

writeFileSync(new URL('../docs/cli.md', import.meta.url), await cliDocs());
