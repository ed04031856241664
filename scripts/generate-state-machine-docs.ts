/** `npm run docs:state-machines`: writes docs/state-machines.md from the tables in src/state-machine. */
import { writeFileSync } from 'node:fs';
import { stateMachineDocs } from './state-machine-docs.ts';

writeFileSync(new URL('../docs/state-machines.md', import.meta.url), stateMachineDocs());
