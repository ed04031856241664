//! Finds the position of an id.

const NONE: u32 = u32::MAX;

/// A plain table where the ids are nearly consecutive, open addressing elsewhere.
#[derive(Debug)]
pub(crate) struct IdIndex<'a> {
    ids: &'a [i64],
    table: Vec<u32>,
    /// Least id of a plain table.
    base: Option<i64>,
}

impl<'a> IdIndex<'a> {
    /// Indexes ids and calls `duplicate` with each position whose id an earlier one has. Expected O(n).
    pub fn new(ids: &'a [i64], mut duplicate: impl FnMut(usize)) -> Self {
        let least = ids.iter().copied().min().unwrap_or(0);
        let greatest = ids.iter().copied().max().unwrap_or(0);
        let range = greatest.abs_diff(least);
        let dense = range < ids.len() as u64 * 4 + 64;
        let size = if dense { range as usize + 1 } else { (ids.len() * 2).next_power_of_two() };
        let mut index = Self { ids, table: vec![NONE; size], base: dense.then_some(least) };
        for (at, &id) in ids.iter().enumerate() {
            let slot = index.slot(id);
            if index.table[slot] == NONE {
                index.table[slot] = at as u32;
            } else {
                duplicate(at);
            }
        }
        index
    }

    /// First position of an id. Expected O(1).
    #[inline]
    pub fn find(&self, id: i64) -> Option<usize> {
        let at = match self.base {
            // an id below the least one is far behind the end
            Some(base) => *self.table.get(id.wrapping_sub(base) as u64 as usize)?,
            None => self.table[self.slot(id)],
        };
        (at != NONE).then_some(at as usize)
    }

    /// Where the id stands, or would stand; it must lie in a plain table.
    #[inline]
    fn slot(&self, id: i64) -> usize {
        if let Some(base) = self.base {
            return id.wrapping_sub(base) as u64 as usize;
        }
        let mask = self.table.len() - 1;
        let mut slot = mixed(id as u64) as usize & mask;
        loop {
            let at = self.table[slot];
            if at == NONE || self.ids[at as usize] == id {
                return slot;
            }
            slot = (slot + 1) & mask;
        }
    }
}

/// The finalizer of MurmurHash3: every bit of the id changes half of the result.
fn mixed(id: u64) -> u64 {
    let mut bits = (id ^ (id >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    bits = (bits ^ (bits >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    bits ^ (bits >> 33)
}

#[cfg(test)]
mod tests {
    use super::IdIndex;

    fn check(ids: &[i64], absent: &[i64]) {
        let mut duplicates = Vec::new();
        let index = IdIndex::new(ids, |at| duplicates.push(at));
        for (at, &id) in ids.iter().enumerate() {
            let first = ids.iter().position(|&other| other == id);
            assert_eq!(index.find(id), first);
            assert_eq!(duplicates.contains(&at), first != Some(at));
        }
        for &id in absent {
            assert_eq!(index.find(id), None);
        }
    }

    #[test]
    fn ids_are_found_wherever_they_lie() {
        check(&[], &[0, -1, i64::MAX, i64::MIN]);
        check(&[7], &[6, 8, i64::MIN, i64::MAX]);
        check(&[3, 5, 3, 4, 5], &[2, 6, i64::MIN, i64::MAX]);
        check(&[i64::MIN, i64::MAX, 0, -1, 1, i64::MAX], &[2, -2]);
        check(&[i64::MAX - 1, i64::MAX], &[i64::MIN, 0]);
        check(&[i64::MIN, i64::MIN + 2], &[i64::MIN + 1, i64::MAX]);
        let spread: Vec<i64> = (0..5000).map(|at| at * 1_000_003 % 99_991 * 65_536).collect();
        check(&spread, &[1, -65_536]);
    }
}
