import { createHash } from 'node:crypto';

import type { CatalogStep, StorableTemplate } from '../../src/database/engine/template-catalog.ts';

/** A template for storing: parents by step name, in declared order. */
export function storableTemplate(
  name: string,
  parents: Readonly<Record<string, readonly string[]>>,
  settings: Readonly<Record<string, Partial<CatalogStep>>> = {},
): StorableTemplate {
  const names = Object.keys(parents);
  const positions = names.map((step) =>
    (parents[step] as readonly string[])
      .map((parent) => names.indexOf(parent))
      .sort((a, b) => a - b),
  );
  const offsets = [0];
  for (const list of positions) offsets.push((offsets.at(-1) as number) + list.length);
  const steps = names.map((step) => ({
    name: step,
    dependentSystem: 'system',
    retryable: true,
    retryLimit: 3,
    skippable: false,
    ...settings[step],
  }));
  const packed = Buffer.from(JSON.stringify([parents, steps]));
  return {
    namespace: 'default',
    name,
    version: '0.1.0',
    steps,
    graph: {
      steps: names.length,
      edges: positions.flat().length,
      parentOffsets: Uint32Array.from(offsets),
      parents: Uint32Array.from(positions.flat()),
    },
    hash: createHash('sha256').update(packed).digest('hex'),
    packed,
  };
}
