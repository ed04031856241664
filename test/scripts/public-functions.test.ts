import { describe, expect, test } from 'vitest';

import { functionsThatRan, publicFunctions, unreached } from '../../scripts/public-functions.ts';

const SOURCE = `//! A module.
pub fn plain(a: u32) -> u32 { hidden(a) }
fn hidden(a: u32) -> u32 { a }
pub(crate) fn inside() {}
impl Thing {
    /// Documented.
    #[must_use]
    pub const fn of_a_type(&self) {}
    pub unsafe fn daring() {}
}
#[inline(always)]
pub fn inlined<T>() {}
#[cfg(test)]
mod tests {
    pub fn only_here() {}
}
`;

const PROFILE = `events: Ir
fn=(1) tasker::things::plain
+1 3
cfn=(2) <tasker::things::Thing<'a>>::of_a_type
calls=1 2
fn=(3) core::ptr::drop_in_place<tasker::things::Thing::daring>
fn=(4) tasker::others::daring
fn=(5) tasker::deep::things::sunk<alloc::vec::Vec<u8>>
`;

describe('public functions', () => {
  test('are those of types too, but none of tests', () => {
    const names = publicFunctions('things', SOURCE).map(({ name }) => name);
    expect(names).toEqual(['plain', 'of_a_type', 'daring', 'inlined']);
    expect(publicFunctions('things', SOURCE).map((found) => found.isInlined)).toEqual([
      false,
      false,
      false,
      true,
    ]);
  });

  test('count as reached where they ran in their own module', () => {
    const ran = functionsThatRan(PROFILE);
    const missing = (tests: string): string[] =>
      unreached('tasker', publicFunctions('things', SOURCE), ran, tests).map(({ name }) => name);
    expect(missing('')).toEqual(['daring', 'inlined']);
    expect(missing('inlined(&part)')).toEqual(['daring']);
    const sunk = [{ module: 'things', name: 'sunk', isInlined: false }];
    expect(unreached('tasker', sunk, ran, '')).toEqual([]);
  });
});
