import type { TaskerEntityManager } from './orm.ts';
import type { Row } from './rows.ts';
import { TableRepository } from './table-repository.ts';
import { optionalText, requireText } from './validation.ts';

/** A row of `tasker_annotation_types`. */
export type AnnotationTypeRow = Row<'tasker_annotation_types'>;

/** Values of a new annotation type. */
export interface NewAnnotationType {
  readonly name: string;
  readonly description?: string | null;
}

/** Kinds of annotations. */
export class AnnotationTypeRepository extends TableRepository<'tasker_annotation_types'> {
  constructor(em: TaskerEntityManager) {
    super(em, 'tasker_annotation_types', 'annotationTypeId');
  }

  /** Creates a type; `TASKER_DUPLICATE` when the name is taken. */
  async create(values: NewAnnotationType): Promise<AnnotationTypeRow> {
    requireText('name', values.name, 64);
    optionalText('description', values.description, 255);
    return this.insertRow(values);
  }

  /** Changes name or description. */
  async update(id: bigint, changes: Partial<NewAnnotationType>): Promise<AnnotationTypeRow> {
    if (changes.name !== undefined) requireText('name', changes.name, 64);
    optionalText('description', changes.description, 255);
    return this.updateRow(id, changes);
  }

  /** The type of this name, or undefined. */
  async findByName(name: string): Promise<AnnotationTypeRow | undefined> {
    return this.queries
      .selectFrom('tasker_annotation_types')
      .selectAll()
      .where('name', '=', name)
      .executeTakeFirst();
  }

  /** The type of this name, created if it is new. */
  async findOrCreate(name: string): Promise<AnnotationTypeRow> {
    return this.findElseCreate(
      () => this.findByName(name),
      (em) => new AnnotationTypeRepository(em).create({ name }),
    );
  }
}
