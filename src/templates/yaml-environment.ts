import { isYamlMap, setMember, type YamlMap, type YamlPlaces } from './yaml-source.ts';

/**
 * Merges `environments.<name>` over the rest of a task's YAML and leaves `environments` out.
 *
 * Mappings merge member by member; `step_templates`, wherever they stand, by step name, where an
 * environment changes steps but adds, removes and reorders none; anything else is replaced.
 *
 * @param environment without one, or without an entry for it, the base alone
 */
export function mergeEnvironment(
  file: YamlMap,
  environment: string | undefined,
  places: YamlPlaces,
): YamlMap {
  const { environments, ...base } = file;
  places.copy(file, base);
  if (environment === undefined || !isYamlMap(environments)) return base;
  const changes = Object.hasOwn(environments, environment) ? environments[environment] : undefined;
  return isYamlMap(changes) ? merge(base, changes, places) : base;
}

function merge(base: YamlMap, changes: YamlMap, places: YamlPlaces): YamlMap {
  const result = { ...base };
  places.copy(base, result);
  for (const [key, change] of Object.entries(changes)) {
    const old = Object.hasOwn(base, key) ? base[key] : undefined;
    if (key === 'step_templates' && Array.isArray(old) && Array.isArray(change)) {
      setMember(result, key, mergeSteps(old as unknown[], change as unknown[], places));
    } else if (isYamlMap(old) && isYamlMap(change)) {
      setMember(result, key, merge(old, change, places));
    } else {
      setMember(result, key, change);
      places.note(result, key, places.offset(changes, key));
    }
  }
  return result;
}

function mergeSteps(
  steps: readonly unknown[],
  changes: readonly unknown[],
  places: YamlPlaces,
): unknown[] {
  const merged = steps.map((step) => {
    if (!isYamlMap(step)) return step;
    const own = changes.filter(isYamlMap).filter((change) => change['name'] === step['name']);
    return own.reduce((result, change) => merge(result, change, places), step);
  });
  places.copy(steps, merged);
  return merged;
}
