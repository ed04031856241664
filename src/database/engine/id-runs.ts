import type { Queries } from '../id-block.ts';

/** A shorter rest of a run is not kept for a shorter request. */
const SHORT = 64;

interface Run {
  next: bigint;
  left: number;
}

const RESERVE = `
SELECT string_agg(first || '+' || length, ',' ORDER BY first) AS runs
  FROM (SELECT min(id) AS first, count(*) AS length
          FROM (SELECT id, id - row_number() OVER (ORDER BY id) AS run
                  FROM (SELECT nextval($1::regclass) AS id FROM generate_series(1, $2::int)) AS drawn
               ) AS placed
         GROUP BY run) AS runs`;

/**
 * Ids of a sequence in runs without a gap, fetched in blocks, so that only the first id of a run
 * needs to travel. Other sessions draw from the sequence meanwhile and cut blocks into several runs;
 * what is too short for a request is left unused.
 */
export class IdRuns {
  readonly #sequence: string;
  readonly #size: number;
  #runs: Run[] = [];

  /** @param size ids of one block */
  constructor(sequence: string, size: number) {
    this.#sequence = sequence;
    this.#size = size;
  }

  /**
   * The first ids of `count` runs of `length` ids each, ascending within a block. One query for a
   * block, more where other sessions leave too few long runs. O(count).
   */
  async take(client: Queries, count: number, length: number): Promise<bigint[]> {
    const firsts: bigint[] = [];
    if (length === 0) return Array.from({ length: count }, () => 0n);
    for (;;) {
      this.#cut(firsts, count, length);
      if (firsts.length === count) return firsts;
      await this.#reserve(client, (count - firsts.length) * length);
    }
  }

  #cut(firsts: bigint[], count: number, length: number): void {
    const width = BigInt(length);
    for (const run of this.#runs) {
      while (run.left >= length && firsts.length < count) {
        firsts.push(run.next);
        run.next += width;
        run.left -= length;
      }
    }
    this.#runs = this.#runs.filter(({ left }) => left >= Math.min(length, SHORT));
  }

  async #reserve(client: Queries, wanted: number): Promise<void> {
    const { rows } = await client.query<{ runs: string }>({
      name: 'tasker_id_runs',
      text: RESERVE,
      values: [this.#sequence, Math.max(wanted, this.#size)],
    });
    for (const text of rows[0]?.runs.split(',') ?? []) {
      const [first = '', length = ''] = text.split('+');
      this.#runs.push({ next: BigInt(first), left: Number(length) });
    }
  }
}
