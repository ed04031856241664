import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import type { CircuitChange, CircuitPermit } from '../../src/policies/circuit-breaker.ts';
import { CircuitBreaker } from '../../src/policies/circuit-breaker.ts';
import type { KeyedCircuitChange } from '../../src/policies/circuit-breakers.ts';
import { CircuitBreakers } from '../../src/policies/circuit-breakers.ts';
import type { CircuitBreakerOptions } from '../../src/options.ts';
import { circuitRules } from '../../src/policies/circuit-options.ts';
import { describeFailure } from '../../src/policies/failure.ts';
import { PermanentError } from '../../src/policies/step-errors.ts';

const SECOND = 1_000_000;
const START = 1_795_000_000_000_000;
const failure = describeFailure(new Error('down'));
const permanent = describeFailure(new PermanentError('declined'));

/** A circuit with a clock that the test turns, and what it told. */
function circuit(options: CircuitBreakerOptions = {}) {
  const changes: CircuitChange[] = [];
  const breaker = new CircuitBreaker(circuitRules(options), (change) => changes.push(change));
  const clock = { now: START };
  const permit = (): CircuitPermit => {
    const answer = breaker.acquire(clock.now);
    if (!answer.allowed) throw new Error(`refused until ${answer.notBefore}`);
    return answer;
  };
  return {
    breaker,
    changes,
    clock,
    permit,
    events: () => changes.map(({ event, cause }) => `${event}: ${cause}`),
    fail: (times = 1) => {
      for (let call = 0; call < times; call++) breaker.failed(permit(), failure, clock.now);
    },
    succeed: (times = 1) => {
      for (let call = 0; call < times; call++) breaker.succeeded(permit(), clock.now);
    },
  };
}

describe('a closed circuit', () => {
  test('opens after failures in a row, and says when to ask again', () => {
    const { breaker, clock, changes, fail } = circuit({ consecutiveFailures: 3, openSeconds: 7 });
    fail(2);
    expect(breaker.state).toBe('closed');
    fail();
    expect(breaker.state).toBe('open');
    expect(breaker.acquire(clock.now)).toEqual({ allowed: false, notBefore: START + 7 * SECOND });
    expect(changes).toEqual([
      {
        event: 'opened',
        from: 'closed',
        to: 'open',
        cause: 'consecutive_failures',
        at: START,
        until: START + 7 * SECOND,
        calls: 3,
        failures: 3,
      },
    ]);
  });

  test('a success ends the row', () => {
    const { breaker, fail, succeed } = circuit({ consecutiveFailures: 3, minimumCalls: 100 });
    for (let round = 0; round < 5; round++) {
      fail(2);
      succeed();
    }
    expect(breaker.state).toBe('closed');
  });

  test('opens at the failure rate, once there are calls enough', () => {
    const { breaker, events, fail, succeed } = circuit({ minimumCalls: 6, failureRate: 0.5 });
    succeed(3);
    fail(2);
    expect(breaker.state).toBe('closed');
    fail();
    expect(events()).toEqual(['opened: failure_rate']);
  });

  test('forgets what has left the window', () => {
    const { breaker, clock, fail, succeed } = circuit({ minimumCalls: 4, windowSeconds: 10 });
    fail(3);
    clock.now += 11 * SECOND;
    succeed();
    fail();
    expect(breaker.state).toBe('closed');
    clock.now += 5 * SECOND;
    fail(2);
    expect(breaker.state).toBe('open');
  });

  test('a permanent error is an answer; which failures count is an option', () => {
    const usual = circuit({ consecutiveFailures: 1 });
    usual.breaker.failed(usual.permit(), permanent, START);
    expect(usual.breaker.state).toBe('closed');
    const strict = circuit({ consecutiveFailures: 1, counts: () => true });
    strict.breaker.failed(strict.permit(), permanent, START);
    expect(strict.breaker.state).toBe('open');
  });
});

describe('an open circuit', () => {
  const options = { consecutiveFailures: 1, openSeconds: 10, probes: 2, probeSuccesses: 3 };

  test('lets a few probes through when its time is over, and closes when enough succeed', () => {
    const { breaker, clock, events, fail, permit, succeed } = circuit(options);
    fail();
    clock.now += 10 * SECOND - 1;
    expect(breaker.acquire(clock.now).allowed).toBe(false);
    clock.now += 1;
    const [first, second] = [permit(), permit()];
    expect(breaker.acquire(clock.now)).toEqual({
      allowed: false,
      notBefore: clock.now + 10 * SECOND,
    });
    breaker.succeeded(first, clock.now);
    breaker.succeeded(second, clock.now);
    expect(breaker.state).toBe('half_open');
    succeed();
    expect(events()).toEqual([
      'opened: consecutive_failures',
      'half_opened: open_time_over',
      'closed: probes_succeeded',
    ]);
  });

  test('a failed probe opens it for longer, up to the cap; closing starts over', () => {
    const { breaker, changes, clock, fail, succeed } = circuit({
      ...options,
      probeSuccesses: 1,
      openGrowth: 3,
      maxOpenSeconds: 60,
    });
    fail();
    for (let round = 0; round < 4; round++) {
      clock.now = changes.at(-1)!.until!;
      fail();
    }
    const opened = changes.filter(({ event }) => event === 'opened');
    expect(opened.map(({ at, until }) => (until! - at) / SECOND)).toEqual([10, 30, 60, 60, 60]);
    clock.now = opened.at(-1)!.until!;
    succeed();
    fail();
    expect(changes.at(-1)!.until).toBe(clock.now + 10 * SECOND);
    expect(breaker.state).toBe('open');
  });

  test('outcomes of calls begun before it opened change nothing', () => {
    const { breaker, clock, fail, permit } = circuit({ ...options, openSeconds: 1 });
    const [old, older] = [permit(), permit()];
    fail();
    breaker.succeeded(old, clock.now);
    breaker.failed(older, failure, clock.now);
    clock.now += SECOND;
    permit();
    expect(breaker.state).toBe('half_open');
    breaker.failed(older, failure, clock.now);
    breaker.succeeded(old, clock.now);
    expect(breaker.state).toBe('half_open');
  });

  test('a probe that is released, or never heard of again, frees its place', () => {
    const { breaker, clock, fail, permit } = circuit({ ...options, probes: 1, probeSeconds: 4 });
    fail();
    clock.now += 10 * SECOND;
    breaker.released(permit());
    permit();
    expect(breaker.acquire(clock.now)).toEqual({
      allowed: false,
      notBefore: clock.now + 4 * SECOND,
    });
    clock.now += 4 * SECOND;
    expect(breaker.acquire(clock.now).allowed).toBe(true);
  });
});

describe('an operator', () => {
  test('holds a circuit open, with and without an end', () => {
    const { breaker, clock, events, permit } = circuit();
    breaker.forceOpen(clock.now);
    clock.now += 3600 * SECOND;
    expect(breaker.acquire(clock.now)).toEqual({
      allowed: false,
      notBefore: clock.now + 60 * SECOND,
    });
    expect(breaker.forced).toBe(true);
    breaker.release(clock.now);
    permit();
    breaker.forceOpen(clock.now, clock.now + 5 * SECOND);
    expect(breaker.acquire(clock.now)).toEqual({
      allowed: false,
      notBefore: clock.now + 5 * SECOND,
    });
    clock.now += 5 * SECOND;
    permit();
    expect(breaker.state).toBe('half_open');
    expect(events()).toEqual([
      'opened: forced',
      'closed: released',
      'opened: forced',
      'half_opened: open_time_over',
    ]);
  });

  test('holds a circuit closed whatever fails', () => {
    const { breaker, clock, fail } = circuit({ consecutiveFailures: 2, minimumCalls: 2 });
    breaker.forceClose(clock.now);
    fail(100);
    expect(breaker.state).toBe('closed');
    breaker.release(clock.now);
    fail(2);
    expect(breaker.state).toBe('open');
    breaker.forceClose(clock.now);
    expect(breaker.acquire(clock.now).allowed).toBe(true);
  });
});

test('whatever happens: no more probes than allowed, no leave while open, and it can always be closed', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constantFrom('acquire', 'succeed', 'fail', 'release' as const) }),
    fc.record({
      kind: fc.constant('wait' as const),
      micros: fc.integer({ min: 0, max: 20 * SECOND }),
    }),
  );
  const rules = {
    consecutiveFailures: 3,
    minimumCalls: 5,
    probes: 2,
    probeSuccesses: 2,
    probeSeconds: 86_400,
  };
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const { breaker, changes, clock } = circuit(rules);
      const permits: { permit: CircuitPermit; changes: number }[] = [];
      const wrong: string[] = [];
      for (const action of steps) {
        if (action.kind === 'wait') clock.now += action.micros;
        else if (action.kind === 'acquire') {
          const open = changes.at(-1)?.to === 'open' ? changes.at(-1)!.until! : 0;
          const answer = breaker.acquire(clock.now);
          if (answer.allowed && clock.now < open) wrong.push('leave while open');
          if (answer.allowed) permits.push({ permit: answer, changes: changes.length });
          if (!answer.allowed && answer.notBefore <= clock.now) wrong.push('refused for no time');
        } else {
          const { permit } = permits.shift() ?? {};
          if (permit === undefined) continue;
          if (action.kind === 'succeed') breaker.succeeded(permit, clock.now);
          else if (action.kind === 'fail') breaker.failed(permit, failure, clock.now);
          else breaker.released(permit);
        }
        const probing = permits.filter((each) => each.changes === changes.length).length;
        if (breaker.state === 'half_open' && probing > rules.probes) wrong.push('too many probes');
      }
      expect(wrong).toEqual([]);
      for (const { permit } of permits) breaker.released(permit);
      for (let round = 0; round < 3 && breaker.state !== 'closed'; round++) {
        clock.now += 300 * SECOND;
        const answer = breaker.acquire(clock.now);
        expect(answer.allowed).toBe(true);
        if (answer.allowed) breaker.succeeded(answer, clock.now);
      }
      expect(breaker.state).toBe('closed');
    }),
    { numRuns: 500 },
  );
});

describe('CircuitBreakers', () => {
  test('keeps a circuit for each key, with options of its own', () => {
    const changes: KeyedCircuitChange[] = [];
    const breakers = new CircuitBreakers({
      defaults: { consecutiveFailures: 2, openSeconds: 9 },
      byKey: { bank: { consecutiveFailures: 1 } },
      onChange: (change) => changes.push(change),
    });
    for (const key of ['bank', 'mail']) {
      const permit = breakers.acquire(key, START);
      if (permit.allowed) breakers.failed(permit, failure, START);
    }
    expect(breakers.acquire('bank', START)).toEqual({
      allowed: false,
      notBefore: START + 9 * SECOND,
    });
    expect(breakers.acquire('mail', START).allowed).toBe(true);
    expect(changes).toMatchObject([{ key: 'bank', event: 'opened' }]);
    breakers.forceClose('bank', START);
    breakers.forceOpen('mail', START, START + SECOND);
    expect([...breakers.states()]).toEqual([
      ['bank', 'closed'],
      ['mail', 'open'],
    ]);
    breakers.release('mail', START);
    breakers.release('unknown', START);
    expect(breakers.states().get('mail')).toBe('closed');
    const permit = breakers.acquire('mail', START);
    if (permit.allowed) breakers.succeeded(permit, START);
    const other = breakers.acquire('mail', START);
    if (other.allowed) breakers.released(other);
  });

  test('drops idle circuits, and none that would be missed', () => {
    const breakers = new CircuitBreakers();
    breakers.forceOpen('held', START);
    const permit = breakers.acquire('busy', START);
    if (permit.allowed) breakers.failed(permit, failure, START);
    for (let key = 0; key < 5000; key++) breakers.acquire(`key ${key}`, START);
    expect(breakers.states().size).toBeLessThan(2000);
    expect(breakers.states().get('held')).toBe('open');
    expect(breakers.states().has('busy')).toBe(true);
  });

  test('a listener that throws becomes a warning', async () => {
    const breakers = new CircuitBreakers({
      onChange: () => {
        throw new Error('listener');
      },
    });
    const warned = new Promise((resolve) => process.once('warning', resolve));
    breakers.forceOpen('key', START);
    expect(await warned).toMatchObject({ message: 'listener' });
    expect(breakers.states().get('key')).toBe('open');
  });

  test.each([
    [{ failureRate: 0 }, 'failureRate', '0'],
    [{ failureRate: 1.1 }, 'failureRate', '1.1'],
    [{ minimumCalls: 1.5 }, 'minimumCalls', '1.5'],
    [{ probes: 0 }, 'probes', '0'],
    [{ openSeconds: 400 }, 'openSeconds', '400'],
    [{ openGrowth: 0.5 }, 'openGrowth', '0.5'],
    [{ windowSeconds: Infinity }, 'windowSeconds', 'Infinity'],
    [{ counts: true }, 'counts', 'true'],
    [{ treshold: 1 }, 'treshold', '1'],
  ])('refuses %j', (defaults, field, value) => {
    expect(() => new CircuitBreakers({ defaults: defaults as CircuitBreakerOptions })).toThrow(
      expect.objectContaining({
        code: 'TASKER_BAD_ARGUMENT',
        data: { field: `circuitBreakers.defaults.${field}`, value },
      }),
    );
  });
});
