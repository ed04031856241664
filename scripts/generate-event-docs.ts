/** `npm run docs:events`: writes docs/events.md from the catalogue of events. */
import { writeFileSync } from 'node:fs';
import { eventDocs } from './event-docs.ts';

writeFileSync(new URL('../docs/events.md', import.meta.url), eventDocs());
