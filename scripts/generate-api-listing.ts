/** `npm run api:update`: writes the listing of each public entry to test/public-api. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { listApi } from './api-listing.ts';

const folder = new URL('../test/public-api/', import.meta.url);
mkdirSync(folder, { recursive: true });
for (const { entry, text } of listApi()) writeFileSync(new URL(`${entry}.txt`, folder), text);
