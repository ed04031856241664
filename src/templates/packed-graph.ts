import { TaskerError } from '../errors.ts';
import { compileRows } from './compile-graph.ts';
import type { CompiledGraph, StepTemplate } from './task-template.ts';

/** What of a step is stored with its graph. */
export type PackedStep = Pick<
  StepTemplate,
  'name' | 'dependentSystem' | 'retryLimit' | 'retryable' | 'skippable'
>;

/** A graph as it was stored. */
export interface UnpackedGraph {
  readonly steps: readonly PackedStep[];
  readonly graph: CompiledGraph;
}

/** `TKG1`, little-endian. */
const MAGIC = 0x31_47_4b_54;
const HEADER_WORDS = 5;
const RETRYABLE = 1;
const SKIPPABLE = 2;

/**
 * Writes the graph of a template as bytes, the same ones for the same graph.
 *
 * Little-endian words of 32 bits: magic, steps n, edges e, systems s, bytes of text t; parent
 * offsets (n + 1), parents (e), retry limits (n), positions of systems (n), flags (n: 1 retryable,
 * 2 skippable), lengths in bytes of the n + s texts; then the texts in UTF-8, step names first,
 * systems after in the order of their first use.
 */
export function packGraph(steps: readonly PackedStep[], graph: CompiledGraph): Uint8Array {
  const systems = [...new Set(steps.map((step) => step.dependentSystem))];
  const systemAt = new Map(systems.map((system, position) => [system, position]));
  const encoder = new TextEncoder();
  const texts = [...steps.map((step) => step.name), ...systems].map((text) => encoder.encode(text));
  const textBytes = texts.reduce((sum, text) => sum + text.length, 0);
  const words = [
    MAGIC,
    steps.length,
    graph.edges,
    systems.length,
    textBytes,
    ...graph.parentOffsets,
    ...graph.parents,
    ...steps.map((step) => step.retryLimit),
    ...steps.map((step) => systemAt.get(step.dependentSystem) as number),
    ...steps.map((step) => (step.retryable ? RETRYABLE : 0) | (step.skippable ? SKIPPABLE : 0)),
    ...texts.map((text) => text.length),
  ];
  const bytes = new Uint8Array(words.length * 4 + textBytes);
  const view = new DataView(bytes.buffer);
  for (const [index, word] of words.entries()) view.setUint32(index * 4, word, true);
  let offset = words.length * 4;
  for (const text of texts) {
    bytes.set(text, offset);
    offset += text.length;
  }
  return bytes;
}

/**
 * Reads what {@link packGraph} wrote.
 *
 * @throws TaskerError `TASKER_BAD_GRAPH` for anything else, `TASKER_CYCLE` for a graph with one
 */
export function unpackGraph(bytes: Uint8Array): UnpackedGraph {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < HEADER_WORDS * 4) throw bad('it is cut off');
  const header = Array.from({ length: HEADER_WORDS }, (_, index) =>
    view.getUint32(index * 4, true),
  );
  const [magic, steps, edges, systems, textBytes] = header as [
    number,
    number,
    number,
    number,
    number,
  ];
  if (magic !== MAGIC) throw bad('it does not begin with TKG1');
  const words = HEADER_WORDS + (steps + 1) + edges + 3 * steps + (steps + systems);
  if (bytes.length !== words * 4 + textBytes) {
    throw bad(`it has ${bytes.length} bytes where its header asks for ${words * 4 + textBytes}`);
  }
  let word = HEADER_WORDS;
  const take = (count: number): Uint32Array => {
    const section = new Uint32Array(count);
    for (let index = 0; index < count; index++) section[index] = view.getUint32(word++ * 4, true);
    return section;
  };
  const parentOffsets = take(steps + 1);
  const parents = take(edges);
  const retryLimits = take(steps);
  const systemOf = take(steps);
  const flags = take(steps);
  const lengths = take(steps + systems);
  checkOffsets(parentOffsets, edges);
  if (parents.some((parent) => parent >= steps)) throw bad('an edge names no step');
  if (systemOf.some((system) => system >= systems)) throw bad('a step names no system');
  const texts = readTexts(bytes, words * 4, lengths);
  const unpacked = Array.from({ length: steps }, (_, step) => ({
    name: texts[step] as string,
    dependentSystem: texts[steps + (systemOf[step] as number)] as string,
    retryLimit: retryLimits[step] as number,
    retryable: ((flags[step] as number) & RETRYABLE) !== 0,
    skippable: ((flags[step] as number) & SKIPPABLE) !== 0,
  }));
  return { steps: unpacked, graph: compileRows(unpacked, { parentOffsets, parents }) };
}

function checkOffsets(offsets: Uint32Array, edges: number): void {
  const descends = offsets.some((offset, step) => step > 0 && offset < (offsets[step - 1] ?? 0));
  if (offsets[0] !== 0 || offsets.at(-1) !== edges || descends) {
    throw bad('its parent offsets contradict its edges');
  }
}

function readTexts(bytes: Uint8Array, start: number, lengths: Uint32Array): string[] {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  let offset = start;
  const texts: string[] = [];
  try {
    for (const length of lengths) {
      texts.push(decoder.decode(bytes.subarray(offset, offset + length)));
      offset += length;
    }
  } catch (error) {
    throw bad('its names are not UTF-8', error);
  }
  if (offset !== bytes.length) throw bad('the lengths of its names contradict its size');
  return texts;
}

function bad(reason: string, cause?: unknown): TaskerError {
  return new TaskerError('TASKER_BAD_GRAPH', `A stored graph cannot be read: ${reason}.`, {
    remedy: 'It was written by another version or altered; restore tasker_core_graphs.',
    data: { reason },
    cause,
  });
}
