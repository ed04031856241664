import type { TaskerEntityManager } from './orm.ts';
import type { Page, PageRequest, Row } from './rows.ts';
import { TableRepository } from './table-repository.ts';
import { pageLimit, requireText } from './validation.ts';

/** A row of `tasker_dependent_system_object_maps`. */
export type DependentSystemObjectMapRow = Row<'tasker_dependent_system_object_maps'>;

/** What one thing is called in two systems. */
export interface NewDependentSystemObjectMap {
  readonly dependentSystemOneId: bigint;
  readonly remoteIdOne: string;
  readonly dependentSystemTwoId: bigint;
  readonly remoteIdTwo: string;
}

/** Which ids of two systems mean the same thing. */
export class DependentSystemObjectMapRepository extends TableRepository<'tasker_dependent_system_object_maps'> {
  constructor(em: TaskerEntityManager) {
    super(em, 'tasker_dependent_system_object_maps', 'dependentSystemObjectMapId');
  }

  /** Creates a pair; `TASKER_DUPLICATE` when the same four values are there in this order. */
  async create(values: NewDependentSystemObjectMap): Promise<DependentSystemObjectMapRow> {
    requireText('remoteIdOne', values.remoteIdOne, 128);
    requireText('remoteIdTwo', values.remoteIdTwo, 128);
    return this.insertRow(values);
  }

  /** Changes the columns that are named. */
  async update(
    id: bigint,
    changes: Partial<NewDependentSystemObjectMap>,
  ): Promise<DependentSystemObjectMapRow> {
    for (const field of ['remoteIdOne', 'remoteIdTwo'] as const) {
      if (changes[field] !== undefined) requireText(field, changes[field], 128);
    }
    return this.updateRow(id, changes);
  }

  /** The pair in either order: (one, two) and (two, one) say the same. */
  async findPair(
    pair: NewDependentSystemObjectMap,
  ): Promise<DependentSystemObjectMapRow | undefined> {
    return (await this.#findInOrder(pair)) ?? (await this.#findInOrder(mirrored(pair)));
  }

  /** The pair in either order, created in the given one if it is new. */
  async findOrCreate(pair: NewDependentSystemObjectMap): Promise<DependentSystemObjectMapRow> {
    return this.findElseCreate(
      () => this.findPair(pair),
      (em) => new DependentSystemObjectMapRepository(em).create(pair),
    );
  }

  /** Pairs in which the system's id stands on either side, in the order of their keys. */
  async byRemoteId(
    dependentSystemId: bigint,
    remoteId: string,
    page: PageRequest = {},
  ): Promise<Page<DependentSystemObjectMapRow>> {
    const limit = pageLimit(page);
    const rows = await this.queries
      .selectFrom('tasker_dependent_system_object_maps')
      .selectAll()
      .where(({ and, eb, or }) =>
        or([
          and([
            eb('remoteIdOne', '=', remoteId),
            eb('dependentSystemOneId', '=', dependentSystemId),
          ]),
          and([
            eb('remoteIdTwo', '=', remoteId),
            eb('dependentSystemTwoId', '=', dependentSystemId),
          ]),
        ]),
      )
      .where('dependentSystemObjectMapId', '>', page.after ?? 0n)
      .orderBy('dependentSystemObjectMapId')
      .limit(limit + 1)
      .execute();
    return this.toPage(rows, limit);
  }

  async #findInOrder(
    pair: NewDependentSystemObjectMap,
  ): Promise<DependentSystemObjectMapRow | undefined> {
    return this.queries
      .selectFrom('tasker_dependent_system_object_maps')
      .selectAll()
      .where('dependentSystemOneId', '=', pair.dependentSystemOneId)
      .where('dependentSystemTwoId', '=', pair.dependentSystemTwoId)
      .where('remoteIdOne', '=', pair.remoteIdOne)
      .where('remoteIdTwo', '=', pair.remoteIdTwo)
      .executeTakeFirst();
  }
}

function mirrored(pair: NewDependentSystemObjectMap): NewDependentSystemObjectMap {
  return {
    dependentSystemOneId: pair.dependentSystemTwoId,
    remoteIdOne: pair.remoteIdTwo,
    dependentSystemTwoId: pair.dependentSystemOneId,
    remoteIdTwo: pair.remoteIdOne,
  };
}
