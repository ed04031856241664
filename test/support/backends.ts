import { SECTIONS, type SnapshotViews } from '../../src/graph/snapshot/layout.ts';
import type { Rules } from '../../src/graph/rules/rules.ts';
import { SECTION_NAMES } from '../../src/graph/snapshot/snapshot.ts';
import type { BackendName } from '../../src/resolver/backend.ts';
import { loadNative } from '../../src/resolver/native.ts';
import { createResolver, type Resolver } from '../../src/resolver/resolver.ts';

/** Every backend that can be used here; the conformance suite runs over all of them. */
export const BACKENDS: readonly BackendName[] =
  loadNative(process.env).backend === undefined ? ['inline', 'pool'] : ['inline', 'pool', 'native'];

/** A resolver that insists on one backend, on two threads. */
export function resolverOn(backend: BackendName, rules: Rules): Resolver {
  return createResolver({ backend, rules, threads: 2 });
}

/** The bytes of every output section, by name, with the task flags that the kernels write. */
export function outputBytes(views: SnapshotViews): Map<string, Buffer> {
  const bytes = new Map<string, Buffer>();
  for (const name of SECTION_NAMES) {
    if (SECTIONS[name].part !== 'output' && name !== 'taskFlags') continue;
    bytes.set(name, bytesOf(views, name));
  }
  return bytes;
}

/** The bytes of everything that no kernel may write. */
export function inputBytes(views: SnapshotViews): Map<string, Buffer> {
  const bytes = new Map<string, Buffer>();
  for (const name of SECTION_NAMES) {
    if (SECTIONS[name].part !== 'output' && name !== 'taskFlags')
      bytes.set(name, bytesOf(views, name));
  }
  return bytes;
}

/** Fills every output section with `byte`, so that what is not written shows. */
export function spoilOutputs(views: SnapshotViews, byte: number): void {
  for (const name of SECTION_NAMES) {
    if (SECTIONS[name].part !== 'output') continue;
    const { buffer, byteOffset, byteLength } = views[name];
    new Uint8Array(buffer, byteOffset, byteLength).fill(byte);
  }
}

/** Names of the sections whose bytes differ. */
export function differing(
  a: ReadonlyMap<string, Buffer>,
  b: ReadonlyMap<string, Buffer>,
): string[] {
  return [...a]
    .filter(([name, bytes]) => b.get(name)?.equals(bytes) !== true)
    .map(([name]) => name);
}

function bytesOf(views: SnapshotViews, name: (typeof SECTION_NAMES)[number]): Buffer {
  const { buffer, byteOffset, byteLength } = views[name];
  return Buffer.from(new Uint8Array(buffer, byteOffset, byteLength).slice());
}
