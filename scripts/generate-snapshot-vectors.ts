/**
 * `npm run vectors:update`: writes the snapshots and answers that the kernels in Rust are held to, and
 * the columns and answers that every binding is.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { COLUMN_VECTORS, columnVectorFile } from '../test/support/column-vectors.ts';
import { SNAPSHOT_VECTORS, snapshotVectorFile } from '../test/support/snapshot-vectors.ts';

function write(file: string, content: string | Uint8Array): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
}

for (const [name, make] of Object.entries(SNAPSHOT_VECTORS))
  write(snapshotVectorFile(name), await make());
for (const [name, make] of Object.entries(COLUMN_VECTORS))
  write(columnVectorFile(name), await make());
