import { hash, randomUUID } from 'node:crypto';

import { formatNaive } from '../graph/snapshot/instants.ts';
import { railsJson } from './rails-json.ts';

/**
 * What makes two requests the same task.
 *
 * - `always`: nothing, each is a task of its own;
 * - `{ key }`: the key, within namespace and name, whatever the version;
 * - `rails`: the `hash` strategy of the Rails engine, equal for requests of one minute with equal
 *   name, initiator, source system, context (order of keys included), reason and bypassed steps,
 *   of whatever namespace.
 */
export type TaskIdentity = 'always' | 'rails' | { readonly key: string };

/** What an identity is made of. */
export interface IdentityFacts {
  readonly namespace: string;
  readonly name: string;
  readonly initiator: string;
  readonly sourceSystem: string;
  readonly reason: string;
  readonly context: unknown;
  readonly bypassSteps: readonly string[];
  /** µs since the epoch. */
  readonly requestedAt: number;
}

/** The text that no two tasks share, at most 68 characters. O(size of the context) for `rails`. */
export function identityHash(identity: TaskIdentity, facts: IdentityFacts): string {
  if (identity === 'always') return randomUUID();
  if (identity === 'rails') return hash('sha256', railsIdentityText(facts), 'hex');
  const { namespace, name } = facts;
  return `key:${hash('sha256', JSON.stringify([namespace, name, identity.key]), 'hex')}`;
}

/** The JSON text that the Rails engine hashes, byte for byte. */
export function railsIdentityText(facts: IdentityFacts): string {
  return railsJson({
    name: facts.name,
    initiator: facts.initiator,
    source_system: facts.sourceSystem,
    context: facts.context,
    reason: facts.reason,
    bypass_steps: facts.bypassSteps,
    requested_at: formatNaive(facts.requestedAt).slice(0, 16).replace('T', ' '),
  });
}
