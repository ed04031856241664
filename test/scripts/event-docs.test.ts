import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { eventDocs } from '../../scripts/event-docs.ts';
import { ENVELOPE_FIELDS, EVENT_CATALOG, PAYLOAD_FIELDS } from '../../src/events/catalog.ts';

test('docs/events.md is what `npm run docs:events` writes', () => {
  const stored = readFileSync(new URL('../../docs/events.md', import.meta.url), 'utf8');
  expect(stored).toBe(eventDocs());
});

test('has one row for each name and each field', () => {
  const rows = [...eventDocs().matchAll(/^\| `([^`]+)` \|/gm)].map(([, name = '']) => name);
  const expected = [EVENT_CATALOG, ENVELOPE_FIELDS, PAYLOAD_FIELDS].flatMap(Object.keys);
  expect(rows.toSorted()).toEqual(expected.toSorted());
});

test('says of each name how it is published, and why where it is not', () => {
  const docs = eventDocs();
  expect(docs).toContain('| `step.completed` | A step returned its results. | stored |');
  expect(docs).toContain('| alias of `task.completed` |');
  expect(docs).toMatch(/^\| `task\.cancelled` \|.*\| stored; only an operator/m);
});
