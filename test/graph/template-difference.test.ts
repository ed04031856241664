import fc from 'fast-check';
import { expect, test } from 'vitest';

import {
  templateDifference,
  type TemplateDifference,
  type TemplateGraph,
} from '../../src/graph/analysis/template-difference.ts';

const nameArb = fc.constantFrom('fetch', 'check', 'pay', 'ship', 'mail', '', 'käse', '__proto__');
const valueArb = fc.constantFrom(0, 1, '1', true, null);
const settingsArb = fc.uniqueArray(fc.tuple(fc.constantFrom('limit', 'handler'), valueArb), {
  selector: ([name]) => name,
});
const templateArb: fc.Arbitrary<TemplateGraph> = fc.record({
  steps: fc.uniqueArray(
    fc
      .tuple(nameArb, settingsArb)
      .map(([name, settings]) => ({ name, settings: Object.fromEntries(settings) })),
    { selector: ({ name }) => name },
  ),
  edges: fc.array(fc.tuple(nameArb, nameArb), { maxLength: 10 }),
});

interface Plain {
  readonly steps: readonly string[];
  readonly edges: readonly string[];
}

const plainStep = (name: string, settings: ReadonlyMap<string, unknown>): string =>
  JSON.stringify([name, [...settings].toSorted(([a], [b]) => (a < b ? -1 : 1))]);

/** A template as sorted texts. */
const plainOf = (template: TemplateGraph): Plain => ({
  steps: template.steps
    .map(({ name, settings }) => plainStep(name, new Map(Object.entries(settings ?? {}))))
    .toSorted(),
  edges: [...new Set(template.edges.map((edge) => JSON.stringify(edge)))].toSorted(),
});

/** The first template with the difference carried out; added steps are taken from the second. */
function applied(before: TemplateGraph, after: TemplateGraph, change: TemplateDifference): Plain {
  const steps = new Map(
    before.steps.map(({ name, settings }) => [name, new Map(Object.entries(settings ?? {}))]),
  );
  for (const name of change.removedSteps) expect(steps.delete(name)).toBe(true);
  for (const name of change.addedSteps) {
    expect(steps.has(name)).toBe(false);
    const added = after.steps.find((step) => step.name === name);
    steps.set(name, new Map(Object.entries(added?.settings ?? {})));
  }
  for (const { name, settings } of change.changedSteps) {
    for (const { setting, before: old, after: now } of settings) {
      expect(steps.get(name)?.get(setting)).toBe(old);
      if (now === undefined) steps.get(name)?.delete(setting);
      else steps.get(name)?.set(setting, now);
    }
  }
  const edges = new Set(before.edges.map((edge) => JSON.stringify(edge)));
  for (const edge of change.removedEdges) expect(edges.delete(JSON.stringify(edge))).toBe(true);
  for (const edge of change.addedEdges) {
    expect(edges.has(JSON.stringify(edge))).toBe(false);
    edges.add(JSON.stringify(edge));
  }
  return {
    steps: [...steps].map(([name, settings]) => plainStep(name, settings)).toSorted(),
    edges: [...edges].toSorted(),
  };
}

// fast-check prints seed and path of a counterexample with the failure
test('carried out on the first template, it gives the second', () => {
  fc.assert(
    fc.property(templateArb, templateArb, (before, after) => {
      const change = templateDifference(before, after);
      expect(applied(before, after, change)).toStrictEqual(plainOf(after));
    }),
    { numRuns: 1000 },
  );
});

test('read backwards, it is the difference the other way round', () => {
  fc.assert(
    fc.property(templateArb, templateArb, (before, after) => {
      const there = templateDifference(before, after);
      const back = templateDifference(after, before);
      expect(back.addedSteps).toStrictEqual(there.removedSteps);
      expect(back.removedSteps).toStrictEqual(there.addedSteps);
      expect(back.addedEdges).toStrictEqual(there.removedEdges);
      expect(back.changedSteps.map((step) => step.addedParents)).toStrictEqual(
        there.changedSteps.map((step) => step.removedParents),
      );
    }),
  );
});

test('order and repeated edges make no difference', () => {
  const same = templateArb.chain((template) =>
    fc.record({
      template: fc.constant(template),
      steps: fc.shuffledSubarray([...template.steps], { minLength: template.steps.length }),
      edges: fc.shuffledSubarray([...template.edges], { minLength: template.edges.length }),
    }),
  );
  fc.assert(
    fc.property(same, ({ template, steps, edges }) => {
      const other = { steps, edges: [...edges, ...edges] };
      expect(Object.values(templateDifference(template, other)).flat()).toStrictEqual([]);
    }),
  );
});

test('names what a reader wants to know', () => {
  const before: TemplateGraph = {
    steps: [{ name: 'fetch', settings: { limit: 3 } }, { name: 'pay' }, { name: 'mail' }],
    edges: [
      ['fetch', 'pay'],
      ['pay', 'mail'],
    ],
  };
  const after: TemplateGraph = {
    steps: [{ name: 'fetch', settings: { limit: 5 } }, { name: 'check' }, { name: 'pay' }],
    edges: [
      ['fetch', 'check'],
      ['check', 'pay'],
    ],
  };
  expect(templateDifference(before, after)).toStrictEqual({
    addedSteps: ['check'],
    removedSteps: ['mail'],
    changedSteps: [
      {
        name: 'fetch',
        settings: [{ setting: 'limit', before: 3, after: 5 }],
        addedParents: [],
        removedParents: [],
      },
      { name: 'pay', settings: [], addedParents: ['check'], removedParents: ['fetch'] },
    ],
    addedEdges: [
      ['check', 'pay'],
      ['fetch', 'check'],
    ],
    removedEdges: [
      ['fetch', 'pay'],
      ['pay', 'mail'],
    ],
  });
});
