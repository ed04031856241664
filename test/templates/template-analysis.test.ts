import { describe, expect, it } from 'vitest';

import { adjustTemplate } from '../../src/templates/adjust-template.ts';
import { createTemplate } from '../../src/templates/create-template.ts';
import { analyzeTemplate } from '../../src/templates/template-analysis.ts';

const handler = (): number => 1;
const template = createTemplate({
  name: 'diamond',
  steps: [
    { name: 'start', description: 'begins', handler },
    { name: 'left', afterStep: 'start', handler, handlerName: 'Left' },
    { name: 'right', after: ['start'], handler },
    { name: 'end', after: ['left', 'right'], handler },
    { name: 'alone', handler },
  ],
});

describe('analyzeTemplate', () => {
  it('describes a graph', () => {
    const analysis = analyzeTemplate(template);
    expect(analysis).toMatchObject({
      topology: ['start', 'alone', 'left', 'right', 'end'],
      cycles: [],
      levels: { start: 0, alone: 0, left: 1, right: 1, end: 2 },
      roots: ['start', 'alone'],
      leaves: ['end', 'alone'],
      summary: {
        totalSteps: 5,
        totalDependencies: 4,
        hasCycles: false,
        maxDepth: 2,
        parallelBranches: 2,
      },
    });
    expect(analysis.nodes[1]).toEqual({
      name: 'left',
      description: 'left',
      handlerClass: 'Left',
      dependencies: ['start'],
      dependencyCount: 1,
    });
    expect(analysis.edges).toEqual([
      { from: 'start', to: 'left', type: 'single' },
      { from: 'start', to: 'right', type: 'multiple' },
      { from: 'left', to: 'end', type: 'multiple' },
      { from: 'right', to: 'end', type: 'multiple' },
    ]);
  });

  it('names true circles only, along the dependencies, and no levels then', () => {
    const step = (name: string, ...dependsOn: string[]) => ({ name, dependsOn });
    const analysis = analyzeTemplate({
      steps: [step('x', 'a'), step('a', 'b'), step('b', 'c'), step('c', 'a'), step('y', 'c')],
    });
    expect(analysis.cycles).toEqual([['a', 'b', 'c', 'a']]);
    expect(analysis).toMatchObject({ topology: [], levels: {}, roots: [], leaves: ['x', 'y'] });
    expect(analysis.summary).toMatchObject({ hasCycles: true, maxDepth: 0, parallelBranches: 1 });
    expect(analyzeTemplate({ steps: [] }).summary.parallelBranches).toBe(1);
    expect(() => analyzeTemplate({ steps: [step('a', 'nobody')] })).toThrow(
      expect.objectContaining({ code: 'TASKER_DANGLING_EDGE' }),
    );
  });
});

describe('adjustTemplate', () => {
  it('adds parents to a copy, and to one copy for the same parents', () => {
    const adjusted = adjustTemplate(template, { end: ['alone', 'left'], left: [] });
    expect(adjusted.steps[3]?.dependsOn).toEqual(['left', 'right', 'alone']);
    expect(adjusted.graph.edges).toBe(5);
    expect(adjusted.hash).not.toBe(template.hash);
    expect(adjusted.steps[0]).toBe(template.steps[0]);
    expect(adjustTemplate(template, { end: ['alone'] })).toBe(adjusted);
    expect(template.steps[3]?.dependsOn).toEqual(['left', 'right']);
  });

  it('is the template itself where nothing is new, and refuses what cannot be', () => {
    expect(adjustTemplate(template)).toBe(template);
    expect(adjustTemplate(template, { end: ['left'] })).toBe(template);
    for (const [wrong, code] of [
      [{ nobody: ['end'] }, 'TASKER_INVALID_TEMPLATE'],
      [{ end: ['nobody'] }, 'TASKER_DANGLING_EDGE'],
      [{ start: ['end'] }, 'TASKER_CYCLE'],
    ] as const) {
      expect(() => adjustTemplate(template, wrong)).toThrow(expect.objectContaining({ code }));
    }
  });
});
