/** One SQL function of the shared schema: its interface is the contract's, its body ours. */
export interface FunctionDefinition {
  readonly name: string;
  /** Types alone, as `to_regprocedure` wants them. */
  readonly argumentTypes: string;
  /** Names, types and defaults. */
  readonly parameters: string;
  /** Names and types of the answer's columns. */
  readonly columns: string;
  /** Variables of the body, if any. */
  readonly variables?: string;
  /** PL/pgSQL statements; `clock` is the expression for the current instant as naive UTC. */
  readonly body: (clock: string) => string;
}

/**
 * The naive UTC instant at which the transaction began. Said in UTC rather than left to the session's zone: a
 * client that forgot to set its zone gets right answers instead of ones that are hours off.
 */
export const TRANSACTION_CLOCK = "(NOW() AT TIME ZONE 'UTC')";
