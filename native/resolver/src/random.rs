//! Random numbers that follow from a seed, the same in every language.

/// The polynomial by which xoshiro128 jumps 2^64 numbers ahead, lowest words first.
const JUMP: [u32; 4] = [0x8764_000b, 0xf542_d2d3, 0x6fa0_35c3, 0x77f2_db5b];

/// xoshiro128** over four words, filled by splitmix32. Counterpart of `src/graph/random.ts`.
///
/// Source: Blackman and Vigna, "Scrambled Linear Pseudorandom Number Generators", 2018.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeededRandom {
    state: [u32; 4],
}

impl SeededRandom {
    /// A generator whose numbers follow from `seed`. O(1).
    #[must_use]
    pub fn new(seed: u32) -> Self {
        let mut counter = seed;
        let state = std::array::from_fn(|_| {
            counter = counter.wrapping_add(0x9e37_79b9);
            let mut mixed = (counter ^ (counter >> 16)).wrapping_mul(0x21f0_aaad);
            mixed = (mixed ^ (mixed >> 15)).wrapping_mul(0x735a_2d97);
            mixed ^ (mixed >> 15)
        });
        Self { state }
    }

    /// The next number, from 0 to below 1, in steps of 2^-32. O(1).
    #[inline]
    pub fn next_share(&mut self) -> f64 {
        let state = &mut self.state;
        let second = state[1];
        let result = second.wrapping_mul(5).rotate_left(7).wrapping_mul(9);
        state[2] ^= state[0];
        state[3] ^= second;
        state[1] = second ^ state[2];
        state[0] ^= state[3];
        state[2] ^= second << 9;
        state[3] = state[3].rotate_left(11);
        f64::from(result) / 4_294_967_296.0
    }

    /// A generator of the next 2^64 numbers; this one goes on behind them. Generators that are forked
    /// one after another never meet, so that each can serve a thread of its own. O(1).
    #[must_use]
    pub fn fork(&mut self) -> Self {
        let fork = self.clone();
        let mut ahead = [0; 4];
        for word in JUMP {
            for bit in 0..32 {
                if word >> bit & 1 == 1 {
                    for (ahead, own) in ahead.iter_mut().zip(self.state) {
                        *ahead ^= own;
                    }
                }
                self.next_share();
            }
        }
        self.state = ahead;
        fork
    }
}

#[cfg(test)]
mod tests {
    use super::SeededRandom;

    /// The generator's state as one number.
    fn joined(random: &SeededRandom) -> u128 {
        random.state.iter().rev().fold(0, |all, &word| all << 32 | u128::from(word))
    }

    /// Every step is linear over the bits of the state: column `bit` is what becomes of that bit.
    fn apply(columns: &[u128; 128], state: u128) -> u128 {
        let set = (0..128).filter(|bit| state >> bit & 1 == 1);
        set.fold(0, |sum, bit| sum ^ columns[bit])
    }

    #[test]
    fn a_fork_leaves_the_next_2_to_the_64_numbers_behind() {
        let mut columns: [u128; 128] = std::array::from_fn(|bit| {
            let state = std::array::from_fn(|word| ((1_u128 << bit) >> (word * 32)) as u32);
            let mut random = SeededRandom { state };
            random.next_share();
            joined(&random)
        });
        for _ in 0..64 {
            columns = std::array::from_fn(|bit| apply(&columns, columns[bit]));
        }
        for seed in [0, 1, 12_345, u32::MAX] {
            let start = SeededRandom::new(seed);
            let mut behind = start.clone();
            assert_eq!(behind.fork(), start);
            assert_eq!(joined(&behind), apply(&columns, joined(&start)));
        }
    }

    #[test]
    fn shares_fill_the_range_evenly() {
        let mut random = SeededRandom::new(5);
        let mut tenths = [0; 10];
        for _ in 0..100_000 {
            tenths[(random.next_share() * 10.0) as usize] += 1;
        }
        assert!(tenths.iter().all(|count| (9_600..10_400).contains(count)), "{tenths:?}");
    }
}
