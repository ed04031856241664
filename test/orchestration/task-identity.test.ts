import { createHash } from 'node:crypto';

import { describe, expect, it } from 'vitest';

import { parseInstant } from '../../src/graph/snapshot/instants.ts';
import { isCorrelationId, newCorrelationId } from '../../src/orchestration/correlation-id.ts';
import { railsJson } from '../../src/orchestration/rails-json.ts';
import {
  identityHash,
  railsIdentityText,
  type IdentityFacts,
} from '../../src/orchestration/task-identity.ts';

const FACTS: IdentityFacts = {
  namespace: 'shop',
  name: 'order',
  initiator: 'a <b> & "c"',
  sourceSystem: 'web',
  reason: 'line\u2028break',
  context: { z: 1, a: [1.5, null, true, { '<k>': 'é' }], small: 0.00001 },
  bypassSteps: ['b', 'a'],
  requestedAt: parseInstant('2030-01-02T03:04:59.999999Z') as number,
};

// Written by hand from the description of the contract: order of keys, minute, escapes, Ruby's floats.
const RAILS_TEXT = String.raw`{"name":"order","initiator":"a \u003cb\u003e \u0026 \"c\"","source_system":"web","context":{"z":1,"a":[1.5,null,true,{"\u003ck\u003e":"é"}],"small":1.0e-05},"reason":"line\u2028break","bypass_steps":["b","a"],"requested_at":"2030-01-02 03:04"}`;

describe('the identity of Rails', () => {
  it('is the SHA-256 of its JSON text, byte for byte', () => {
    expect(railsIdentityText(FACTS)).toBe(RAILS_TEXT);
    expect(identityHash('rails', FACTS)).toBe(
      createHash('sha256').update(RAILS_TEXT, 'utf8').digest('hex'),
    );
  });

  it('leaves out namespace, tags and the second, not the order of keys', () => {
    const same = { ...FACTS, namespace: 'other', requestedAt: FACTS.requestedAt - 59_000_000 };
    expect(identityHash('rails', same)).toBe(identityHash('rails', FACTS));
    const first = identityHash('rails', { ...FACTS, context: { a: 1, b: 2 } });
    expect(identityHash('rails', { ...FACTS, context: { b: 2, a: 1 } })).not.toBe(first);
  });
});

describe('the identity of a key', () => {
  it('is bound to namespace and name, and to the border between them', () => {
    const of = (namespace: string, name: string, key: string): string =>
      identityHash({ key }, { ...FACTS, namespace, name });
    expect(of('a', 'b', 'c')).toBe(of('a', 'b', 'c'));
    expect(of('a', 'b', 'c')).toMatch(/^key:[0-9a-f]{64}$/);
    const others = [of('ab', '', 'c'), of('a', 'bc', ''), of('a', 'b', 'd'), of('b', 'a', 'c')];
    expect(new Set([of('a', 'b', 'c'), ...others]).size).toBe(5);
  });
});

it('another identity is new each time', () => {
  expect(identityHash('always', FACTS)).not.toBe(identityHash('always', FACTS));
});

it.each([
  [0, '0'],
  [-0, '0'],
  [1e15, '1000000000000000'],
  [2 ** 60, '1152921504606846976'],
  [1e21, '1000000000000000000000'],
  [0.1, '0.1'],
  [-0.0001, '-0.0001'],
  [0.00012, '0.00012'],
  [0.0000123, '1.23e-05'],
  [1e-10, '1.0e-10'],
  [-5e-324, '-5.0e-324'],
  [Number.NaN, 'null'],
])('writes the number %s as Ruby does: %s', (value, text) => {
  expect(railsJson({ value })).toBe(`{"value":${text}}`);
});

describe('a correlation id', () => {
  it('holds the instant and six symbols', () => {
    const id = newCorrelationId(parseInstant('2030-01-02T03:04:05.678999Z') as number);
    expect(id).toMatch(/^tsk_[0-9a-z]+_[0-9a-z]{6}$/);
    expect(Number.parseInt(id.split('_')[1] as string, 36)).toBe(
      Date.parse('2030-01-02T03:04:05.678Z'),
    );
    expect(isCorrelationId(id)).toBe(true);
    const ids = Array.from({ length: 1000 }, () => newCorrelationId(0));
    expect(new Set(ids).size).toBeGreaterThan(995);
  });

  it.each(['a', '0', 'A-_z', 'x'.repeat(100)])('accepts %s', (text) => {
    expect(isCorrelationId(text)).toBe(true);
  });

  it.each(['', '_a', '-a', 'a b', 'a\n', 'é', 'x'.repeat(101)])('refuses %j', (text) => {
    expect(isCorrelationId(text)).toBe(false);
  });
});
