import type { PayloadField } from './catalog-fields.ts';

/**
 * What becomes of an event.
 *
 * - `durable`: a row of `tasker_core_events`, written by the statement that makes the fact true
 * - `in_process`: told to subscribers of the same process, never stored
 * - `alias`: states the same fact as another event and is therefore not published
 * - `never`: a name of the contract that this engine has no use for
 */
export type Durability = 'durable' | 'in_process' | 'alias' | 'never';

/** What a name of the catalogue stands for. */
export interface EventDefinition {
  /** One sentence: the fact that the event states. */
  readonly fact: string;
  readonly durability: Durability;
  /** Value of `event_type` in payloads. */
  readonly kind: string;
  /** Fields that every payload has beside the envelope. */
  readonly requires: readonly PayloadField[];
  /** Fields that a payload may have. */
  readonly mayHave: readonly PayloadField[];
  /** Of an alias: the event that is published. */
  readonly aliasOf?: string;
  /** Why the sample workflows do not publish it. */
  readonly unpublished?: string;
}
