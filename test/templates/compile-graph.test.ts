import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { isTaskerError, type TaskerError } from '../../src/errors.ts';
import { compileGraph, findCircles, parentRows } from '../../src/templates/compile-graph.ts';
import { packGraph, unpackGraph } from '../../src/templates/packed-graph.ts';

interface Sketch {
  readonly name: string;
  readonly dependsOn: readonly string[];
}

/** Graphs of any kind, circles and repeated edges included; names are positions. */
const anyGraph = fc
  .integer({ min: 0, max: 12 })
  .chain((steps) =>
    fc.array(fc.array(fc.integer({ min: 0, max: Math.max(0, steps - 1) }), { maxLength: 3 }), {
      minLength: steps,
      maxLength: steps,
    }),
  )
  .map(sketch);

/** Graphs without circles, their steps shuffled. */
const acyclicGraph = fc
  .array(fc.array(fc.nat(), { maxLength: 4 }), { maxLength: 14 })
  .chain((parents) =>
    fc.shuffledSubarray([...parents.keys()], { minLength: parents.length }).map((places) =>
      parents
        .map((own, step) => ({
          name: `${step}`,
          dependsOn: step === 0 ? [] : own.map((parent) => `${parent % step}`),
        }))
        .map((_, at, all) => all[places[at] as number] as Sketch),
    ),
  );

function sketch(parents: readonly (readonly number[])[]): Sketch[] {
  return parents.map((own, step) => ({ name: `${step}`, dependsOn: own.map(String) }));
}

/** Longest path to each step by definition, or nothing where a circle leads to it. */
function levelsByDefinition(steps: readonly Sketch[]): Map<string, number> | undefined {
  const byName = new Map(steps.map((step) => [step.name, step]));
  const level = (name: string, below: ReadonlySet<string>): number => {
    if (below.has(name)) throw new RangeError('circle');
    const parents = (byName.get(name) as Sketch).dependsOn;
    return Math.max(-1, ...parents.map((parent) => level(parent, new Set([...below, name])))) + 1;
  };
  try {
    return new Map(steps.map(({ name }) => [name, level(name, new Set())]));
  } catch {
    return undefined;
  }
}

function failure(run: () => unknown): TaskerError {
  try {
    run();
  } catch (error) {
    if (isTaskerError(error)) return error;
  }
  throw new Error('no coded error was thrown');
}

function readingOf(bytes: Uint8Array): string {
  try {
    return `${unpackGraph(bytes).steps.length} steps`;
  } catch (error) {
    return isTaskerError(error) ? error.code : String(error);
  }
}

describe('compileGraph', () => {
  it('gives the diamond that it is told', () => {
    const graph = compileGraph([
      { name: 'end', dependsOn: ['right', 'left', 'right'] },
      { name: 'left', dependsOn: ['start'] },
      { name: 'right', dependsOn: ['start'] },
      { name: 'start', dependsOn: [] },
    ]);
    expect(graph).toEqual({
      steps: 4,
      edges: 4,
      parentOffsets: Uint32Array.of(0, 2, 3, 4, 4),
      parents: Uint32Array.of(1, 2, 3, 3),
      childOffsets: Uint32Array.of(0, 0, 1, 2, 4),
      children: Uint32Array.of(0, 0, 1, 2),
      order: Uint32Array.of(3, 1, 2, 0),
      levels: Uint32Array.of(2, 1, 1, 0),
      roots: Uint32Array.of(3),
      leaves: Uint32Array.of(0),
    });
  });

  it('agrees with the definition of levels, order, roots and leaves', () => {
    fc.assert(
      fc.property(acyclicGraph, (steps) => {
        const graph = compileGraph(steps);
        const levels = levelsByDefinition(steps) as Map<string, number>;
        expect([...graph.levels]).toEqual(steps.map(({ name }) => levels.get(name)));
        const placeOf = new Map([...graph.order].map((step, place) => [step, place]));
        expect(placeOf.size).toBe(steps.length);
        const positions = new Map(steps.map(({ name }, position) => [name, position]));
        for (const [step, { dependsOn }] of steps.entries()) {
          const parents = new Set(dependsOn.map((name) => positions.get(name) as number));
          const compiled = graph.parents.subarray(
            graph.parentOffsets[step],
            graph.parentOffsets[step + 1],
          );
          expect([...compiled]).toEqual([...parents].sort((a, b) => a - b));
          for (const parent of parents) {
            expect(placeOf.get(parent)).toBeLessThan(placeOf.get(step) as number);
            const children = graph.children.subarray(
              graph.childOffsets[parent],
              graph.childOffsets[parent + 1],
            );
            expect(children).toContain(step);
          }
        }
        const used = new Set(steps.flatMap(({ dependsOn }) => dependsOn));
        expect([...graph.roots].map((step) => steps[step]?.dependsOn)).toEqual(
          steps.filter(({ dependsOn }) => dependsOn.length === 0).map(() => []),
        );
        expect([...graph.leaves].map((step) => steps[step]?.name)).toEqual(
          steps.map(({ name }) => name).filter((name) => !used.has(name)),
        );
        expect(graph.children).toHaveLength(graph.edges);
      }),
    );
  });

  it('reports circles, and nothing but circles, exactly where there is one', () => {
    fc.assert(
      fc.property(anyGraph, (steps) => {
        const circles = findCircles(steps.length, parentRows(steps));
        expect(circles.length > 0).toBe(levelsByDefinition(steps) === undefined);
        for (const circle of circles) {
          expect(new Set(circle).size).toBe(circle.length);
          for (const [at, step] of circle.entries()) {
            const parent = steps[circle.at(at - 1) as number]?.name;
            expect(steps[step]?.dependsOn).toContain(parent);
          }
        }
        if (circles.length === 0) return;
        expect(failure(() => compileGraph(steps)).code).toBe('TASKER_CYCLE');
      }),
    );
  });

  it('names the circles along their edges', () => {
    const error = failure(() =>
      compileGraph([
        { name: 'a', dependsOn: ['c', 'root'] },
        { name: 'b', dependsOn: ['a'] },
        { name: 'c', dependsOn: ['b'] },
        { name: 'root', dependsOn: [] },
        { name: 'behind', dependsOn: ['c'] },
        { name: 'self', dependsOn: ['self'] },
      ]),
    );
    expect(error.code).toBe('TASKER_CYCLE');
    expect(error.data['cycles']).toEqual([
      ['b', 'c', 'a', 'b'],
      ['self', 'self'],
    ]);
    expect(error.message).toContain('b → c → a → b; self → self');
  });

  it('names a parent that does not exist', () => {
    const error = failure(() => compileGraph([{ name: 'a', dependsOn: ['nobody'] }]));
    expect(error).toMatchObject({ code: 'TASKER_DANGLING_EDGE', data: { parent: 'nobody' } });
  });

  it('walks a chain of 100,000 steps', () => {
    const steps = Array.from({ length: 100_000 }, (_, step) => ({
      name: `s${step}`,
      dependsOn: step === 0 ? [] : [`s${step - 1}`],
    }));
    expect(compileGraph(steps).levels.at(-1)).toBe(99_999);
  });
});

describe('packGraph', () => {
  const packed = acyclicGraph.chain((steps) =>
    fc.record({
      steps: fc.constant(steps),
      settings: fc.array(
        fc.record({
          dependentSystem: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 5 }),
          retryLimit: fc.integer({ min: 0, max: 2_147_483_647 }),
          retryable: fc.boolean(),
          skippable: fc.boolean(),
        }),
        { minLength: steps.length, maxLength: steps.length },
      ),
    }),
  );

  it('is read back as it was', () => {
    fc.assert(
      fc.property(packed, ({ steps, settings }) => {
        const graph = compileGraph(steps);
        const all = steps.map(({ name }, step) => ({
          name: `${name}é\uFEFF`,
          ...(settings[step] as (typeof settings)[number]),
        }));
        const bytes = packGraph(all, graph);
        expect(unpackGraph(bytes)).toEqual({ steps: all, graph });
        // as a view into something larger, which is how a driver hands bytes out
        const larger = new Uint8Array(bytes.length + 3);
        larger.set(bytes, 3);
        expect(unpackGraph(larger.subarray(3))).toEqual({ steps: all, graph });
      }),
    );
  });

  it('refuses altered bytes by code, or reads another graph of them', () => {
    const steps = [
      { name: 'a', dependsOn: [] },
      { name: 'b', dependsOn: ['a'] },
    ];
    const settings = { dependentSystem: 'x', retryLimit: 3, retryable: true, skippable: false };
    const bytes = packGraph(
      steps.map(({ name }) => ({ name, ...settings })),
      compileGraph(steps),
    );
    const altered = fc.record({ at: fc.nat(bytes.length - 1), to: fc.nat(255) });
    fc.assert(
      fc.property(altered, ({ at, to }) => {
        const copy = bytes.slice();
        copy[at] = to;
        expect(['2 steps', 'TASKER_BAD_GRAPH', 'TASKER_CYCLE']).toContain(readingOf(copy));
      }),
    );
    for (let length = 0; length < bytes.length; length++) {
      expect(failure(() => unpackGraph(bytes.subarray(0, length))).code).toBe('TASKER_BAD_GRAPH');
    }
  });
});
