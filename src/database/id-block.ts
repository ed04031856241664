import type pg from 'pg';

/** What runs one statement. */
export type Queries = Pick<pg.ClientBase, 'query'>;

/**
 * Ids of a sequence, fetched in blocks and handed out one by one. What is left when the process ends
 * is never used: gaps do no harm.
 */
export class IdBlock {
  readonly #sequence: string;
  readonly #size: number;
  #ids: bigint[] = [];
  #at = 0;

  /** @param size ids of one block */
  constructor(sequence: string, size = 1000) {
    this.#sequence = sequence;
    this.#size = size;
  }

  /** As many ids, also while other callers draw. One query where they are not there. */
  async draw(client: Queries, count: number): Promise<bigint[]> {
    // another caller may take what this one waited for
    while (this.#left < count) await this.#fetch(client, count - this.#left);
    const from = this.#at;
    this.#at += count;
    return this.#ids.slice(from, this.#at);
  }

  /** Fetches a first block ahead of the first draw. */
  async fill(client: Queries): Promise<void> {
    if (this.#left === 0) await this.#fetch(client, 0);
  }

  get #left(): number {
    return this.#ids.length - this.#at;
  }

  async #fetch(client: Queries, missing: number): Promise<void> {
    const { rows } = await client.query<{ ids: string[] }>({
      name: 'tasker_id_block',
      text: 'SELECT array_agg(nextval($1::regclass)) AS ids FROM generate_series(1, $2::int)',
      values: [this.#sequence, Math.max(missing, this.#size)],
    });
    // Fetched by two callers at once, both blocks are kept.
    this.#ids = [...this.#ids.slice(this.#at), ...(rows[0]?.ids ?? []).map(BigInt)];
    this.#at = 0;
  }
}
