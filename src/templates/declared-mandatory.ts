/** Keywords whose value is one schema (or, for `items`, a list of them). */
const ONE = [
  'additionalItems',
  'additionalProperties',
  'contains',
  'else',
  'if',
  'items',
  'not',
  'propertyNames',
  'then',
] as const;

/** Keywords whose value is a list of schemas. */
const LIST = ['allOf', 'anyOf', 'oneOf', 'prefixItems'] as const;

/** Keywords whose value is an object of schemas. */
const NAMED = [
  '$defs',
  'definitions',
  'dependencies',
  'dependentSchemas',
  'patternProperties',
  'properties',
] as const;

type Schema = Readonly<Record<string, unknown>>;

/**
 * Rewrites a schema so that ordinary validation of a copy with defaults gives the verdicts of the
 * Rails engine's validator (json-schema 2.8.1, strict, inserting defaults).
 *
 * In every schema with `properties`, wherever it stands, each declared property without a default
 * becomes required, and undeclared ones are refused unless `additionalProperties` is given or a
 * pattern of `patternProperties` matches. A listed property with a default is not required. What
 * that library reports twice (missing and listed in `required`) comes once.
 */
export function declaredMandatory(schema: Schema): Schema {
  const result: Record<string, unknown> = { ...schema };
  for (const keyword of ONE) {
    const value = schema[keyword];
    if (value !== undefined) result[keyword] = rewritten(value);
  }
  for (const keyword of LIST) {
    const value = schema[keyword];
    if (Array.isArray(value)) result[keyword] = value.map(rewritten);
  }
  for (const keyword of NAMED) {
    const value = schema[keyword];
    if (isSchema(value)) result[keyword] = rewrittenMembers(value);
  }
  const properties = schema['properties'];
  if (!isSchema(properties)) return result;
  const listed = Array.isArray(schema['required']) ? (schema['required'] as string[]) : [];
  result['required'] = [...new Set([...Object.keys(properties), ...listed])].filter(
    (name) => !hasDefault(properties[name]),
  );
  if (!Object.hasOwn(schema, 'additionalProperties')) result['additionalProperties'] = false;
  return result;
}

function rewritten(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(rewritten);
  return isSchema(value) ? declaredMandatory(value) : value;
}

function rewrittenMembers(members: Schema): Schema {
  return Object.fromEntries(Object.entries(members).map(([name, one]) => [name, rewritten(one)]));
}

function hasDefault(property: unknown): boolean {
  return isSchema(property) && Object.hasOwn(property, 'default');
}

function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
