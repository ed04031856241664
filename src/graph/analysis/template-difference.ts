/** A step of a template by its name, with whatever else is to be compared. */
export interface TemplateStep {
  readonly name: string;
  /** Settings by name (retry limit, handler, …); a missing one differs from every value. */
  readonly settings?: Readonly<Record<string, string | number | boolean | null>>;
}

/** A template as a graph: steps by name, edges from step to dependent step. */
export interface TemplateGraph {
  readonly steps: readonly TemplateStep[];
  readonly edges: readonly (readonly [from: string, to: string])[];
}

/** A setting that differs. */
export interface SettingChange {
  readonly setting: string;
  readonly before: string | number | boolean | null | undefined;
  readonly after: string | number | boolean | null | undefined;
}

/** A step that both templates have, not in the same way. */
export interface ChangedStep {
  readonly name: string;
  readonly settings: readonly SettingChange[];
  /** Names of the steps that it depends on in one template only. */
  readonly addedParents: readonly string[];
  readonly removedParents: readonly string[];
}

/** What leads from one template to another; every list in the order of the names. */
export interface TemplateDifference {
  readonly addedSteps: readonly string[];
  readonly removedSteps: readonly string[];
  readonly changedSteps: readonly ChangedStep[];
  /** Edges that only the second has, those of added steps included. */
  readonly addedEdges: readonly (readonly [from: string, to: string])[];
  readonly removedEdges: readonly (readonly [from: string, to: string])[];
}

/**
 * Compares two templates by the names of their steps; order and repeated edges do not matter, and
 * a renamed step is one removed and one added.
 *
 * Complexity: O(n log n) for n steps, settings and edges, expected.
 */
export function templateDifference(
  before: TemplateGraph,
  after: TemplateGraph,
): TemplateDifference {
  const stepsBefore = new Map(before.steps.map((step) => [step.name, step]));
  const stepsAfter = new Map(after.steps.map((step) => [step.name, step]));
  const parentsBefore = parentsOf(before);
  const parentsAfter = parentsOf(after);
  const changedSteps: ChangedStep[] = [];
  for (const name of [...stepsAfter.keys()].sort(byText)) {
    const old = stepsBefore.get(name);
    if (old === undefined) continue;
    const settings = settingChanges(old, stepsAfter.get(name) as TemplateStep);
    const addedParents = missingFrom(parentsBefore.get(name), parentsAfter.get(name));
    const removedParents = missingFrom(parentsAfter.get(name), parentsBefore.get(name));
    if (settings.length + addedParents.length + removedParents.length === 0) continue;
    changedSteps.push({ name, settings, addedParents, removedParents });
  }
  return {
    addedSteps: missingFrom(new Set(stepsBefore.keys()), new Set(stepsAfter.keys())),
    removedSteps: missingFrom(new Set(stepsAfter.keys()), new Set(stepsBefore.keys())),
    changedSteps,
    addedEdges: missingEdges(parentsBefore, parentsAfter),
    removedEdges: missingEdges(parentsAfter, parentsBefore),
  };
}

function parentsOf(template: TemplateGraph): Map<string, Set<string>> {
  const parents = new Map<string, Set<string>>();
  for (const [from, to] of template.edges) {
    const known = parents.get(to);
    if (known === undefined) parents.set(to, new Set([from]));
    else known.add(from);
  }
  return parents;
}

function settingChanges(before: TemplateStep, after: TemplateStep): SettingChange[] {
  const old = new Map(Object.entries(before.settings ?? {}));
  const now = new Map(Object.entries(after.settings ?? {}));
  return [...new Set([...old.keys(), ...now.keys()])]
    .sort(byText)
    .filter((setting) => !Object.is(old.get(setting), now.get(setting)))
    .map((setting) => ({ setting, before: old.get(setting), after: now.get(setting) }));
}

/** Names in the second set that the first lacks, in order. */
function missingFrom(
  has: ReadonlySet<string> | undefined,
  wants: ReadonlySet<string> | undefined,
): string[] {
  return [...(wants ?? [])].filter((name) => has?.has(name) !== true).sort(byText);
}

function missingEdges(
  has: ReadonlyMap<string, ReadonlySet<string>>,
  wants: ReadonlyMap<string, ReadonlySet<string>>,
): [string, string][] {
  const edges: [string, string][] = [];
  for (const [to, parents] of wants) {
    for (const from of missingFrom(has.get(to), parents)) edges.push([from, to]);
  }
  return edges.sort((a, b) => byText(a[0], b[0]) || byText(a[1], b[1]));
}

/** By code units: the same order everywhere, whatever the locale. */
function byText(a: string, b: string): number {
  if (a < b) return -1;
  return a > b ? 1 : 0;
}
