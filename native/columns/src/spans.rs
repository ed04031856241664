//! Which elements of the snapshot are rows of an answer: all of them, but for those of tasks that are
//! set apart.

use std::ops::Range;

/// Ranges of elements, ascending, with the row at which each begins.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spans {
    ranges: Vec<(usize, Range<usize>)>,
    rows: usize,
}

impl Spans {
    /// Takes one more element range, which must not begin before the last one ended.
    pub fn push(&mut self, range: Range<usize>) {
        let rows = range.len();
        match self.ranges.last_mut() {
            Some((_, last)) if last.end == range.start => last.end = range.end,
            _ => self.ranges.push((self.rows, range)),
        }
        self.rows += rows;
    }

    /// Number of rows.
    pub const fn len(&self) -> usize {
        self.rows
    }

    /// The ranges of elements.
    pub fn ranges(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        self.ranges.iter().map(|(_, range)| range.clone())
    }

    /// The element of a row. O(log ranges).
    pub fn element(&self, row: usize) -> usize {
        assert!(row < self.rows, "there is no row {row} of {}", self.rows);
        let after = self.ranges.partition_point(|&(first, _)| first <= row);
        let (first, range) = &self.ranges[after - 1];
        range.start + (row - first)
    }

    /// Copies the elements' values.
    pub fn copy<T: Copy>(&self, values: &[T], out: &mut [T]) {
        self.require(out.len());
        let mut rest = out;
        for range in self.ranges() {
            let (own, behind) = rest.split_at_mut(range.len());
            own.copy_from_slice(&values[range]);
            rest = behind;
        }
    }

    /// Writes what `value` makes of each element.
    #[inline]
    pub fn write<T>(&self, out: &mut [T], mut value: impl FnMut(usize) -> T) {
        self.require(out.len());
        let mut rest = out;
        for range in self.ranges() {
            let (own, behind) = rest.split_at_mut(range.len());
            for (slot, element) in own.iter_mut().zip(range) {
                *slot = value(element);
            }
            rest = behind;
        }
    }

    fn require(&self, length: usize) {
        assert_eq!(length, self.rows, "there is room for {length} rows instead of {}", self.rows);
    }
}
