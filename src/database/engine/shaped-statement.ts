/** A statement as node-postgres prepares it, with the names of its parameters in order. */
export interface ShapedStatement {
  readonly name: string;
  readonly text: string;
  readonly parameters: readonly string[];
}

/** How the statements of a kind are made from their shapes. */
export interface StatementMaker<Shape> {
  /** First part of the names. */
  readonly name: string;
  /** Parameters of a shape in order, each a name and a type. */
  readonly parameters: (shape: Shape) => readonly string[];
  readonly text: (shape: Shape) => string;
}

/**
 * Statements that leave out the parts which a shape lacks: made once a process for each shape that
 * occurs, and prepared once a session under a name of their own.
 */
export function shapedStatements<Shape extends object>(
  maker: StatementMaker<Shape>,
): (shape: Shape) => ShapedStatement {
  const statements = new Map<string, ShapedStatement>();
  return (shape) => {
    // one digit for each part: the server cuts names off after 63 bytes, and would take one for another
    const parts = Object.values(shape).map((present) => (present === true ? '1' : '0'));
    const name = `${maker.name}_${parts.join('')}`;
    let statement = statements.get(name);
    if (statement === undefined) {
      const parameters = maker.parameters(shape).map((text) => text.slice(0, text.indexOf(' ')));
      statement = { name, text: maker.text(shape), parameters };
      statements.set(name, statement);
    }
    return statement;
  };
}
