//! How long steps take, as distributions. Counterpart of `src/graph/analysis/packed-durations.ts`.

use std::fmt;

/// Kinds of distributions, by code.
mod kind {
    /// Always the same.
    pub const FIXED: u8 = 0;
    /// Any length between two, equally likely.
    pub const UNIFORM: u8 = 1;
    /// Between two, likeliest at a third.
    pub const TRIANGULAR: u8 = 2;
    /// One of the lengths seen before, equally likely.
    pub const SEEN: u8 = 3;
    /// Through known quantiles, straight between them.
    pub const QUANTILES: u8 = 4;
}

/// Distributions of the steps of one task; those of several steps may be the same.
#[derive(Clone, Debug)]
pub struct Durations {
    which: Vec<u32>,
    kinds: Vec<u8>,
    offsets: Vec<u32>,
    values: Vec<f64>,
}

/// What is wrong with packed distributions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadDurations(String);

impl fmt::Display for BadDurations {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "The durations {}.", self.0)
    }
}

impl std::error::Error for BadDurations {}

impl Durations {
    /// Takes packed distributions. O(their values and steps).
    ///
    /// # Arguments
    /// `which`: distribution of each step by position. `kinds`: 0 fixed, 1 uniform (least, most),
    /// 2 triangular (least, likeliest, most), 3 seen (any number of lengths), 4 quantiles (shares from
    /// 0 to 1, then as many seconds). `offsets`: first value of each distribution, and the number of
    /// values. `values`: seconds, ascending but for `seen`; the caller has checked them.
    ///
    /// # Errors
    /// Offsets or numbers that do not fit each other.
    pub fn new(
        which: Vec<u32>,
        kinds: Vec<u8>,
        offsets: Vec<u32>,
        values: Vec<f64>,
    ) -> Result<Self, BadDurations> {
        let bad = |what: String| Err(BadDurations(what));
        if offsets.len() != kinds.len() + 1
            || offsets[0] != 0
            || offsets[kinds.len()] as usize != values.len()
        {
            return bad("have offsets that do not fit their kinds and values".to_owned());
        }
        for (at, (&kind, ends)) in kinds.iter().zip(offsets.windows(2)).enumerate() {
            let count = ends[1].checked_sub(ends[0]);
            let fits = match (kind, count) {
                (kind::FIXED, Some(count)) => count == 1,
                (kind::UNIFORM, Some(count)) => count == 2,
                (kind::TRIANGULAR, Some(count)) => count == 3,
                (kind::SEEN, Some(count)) => count > 0,
                (kind::QUANTILES, Some(count)) => count >= 4 && count % 2 == 0,
                _ => false,
            };
            if !fits {
                return bad(format!("have no distribution of kind {kind} at {at}"));
            }
        }
        if let Some(at) = which.iter().position(|&which| which as usize >= kinds.len()) {
            return bad(format!("name a distribution that does not exist for step {at}"));
        }
        Ok(Self { which, kinds, offsets, values })
    }

    /// Number of steps.
    #[must_use]
    pub const fn steps(&self) -> usize {
        self.which.len()
    }

    /// Number of the distribution of the step at a position.
    ///
    /// # Panics
    /// Where there is no such step.
    #[must_use]
    pub fn which(&self, position: usize) -> u32 {
        self.which[position]
    }

    /// The length at a share of a distribution, seconds.
    ///
    /// Additions, multiplications, divisions and square roots alone, which every language rounds in
    /// the same way, in the order of the counterpart: the same to the last bit.
    ///
    /// # Arguments
    /// `which`: number of the distribution. `share`: from 0 to below 1.
    ///
    /// # Complexity
    /// O(1); quantiles O(log of their count).
    ///
    /// # Panics
    /// Where there is no such distribution.
    #[inline]
    #[must_use]
    pub fn at(&self, which: u32, share: f64) -> f64 {
        let which = which as usize;
        let values = &self.values[self.offsets[which] as usize..self.offsets[which + 1] as usize];
        match self.kinds[which] {
            kind::FIXED => values[0],
            kind::UNIFORM => values[0] + share * (values[1] - values[0]),
            kind::TRIANGULAR => triangular(values[0], values[1], values[2], share),
            kind::SEEN => values[(share * values.len() as f64).floor() as usize],
            _ => {
                let (shares, seconds) = values.split_at(values.len() / 2);
                between(shares, seconds, share)
            }
        }
    }
}

fn triangular(least: f64, likeliest: f64, most: f64, share: f64) -> f64 {
    let span = most - least;
    if span == 0.0 {
        return least;
    }
    let turn = (likeliest - least) / span;
    if share < turn {
        return least + (share * span * (likeliest - least)).sqrt();
    }
    most - ((1.0 - share) * span * (most - likeliest)).sqrt()
}

fn between(shares: &[f64], seconds: &[f64], share: f64) -> f64 {
    let mut low = 0;
    let mut high = shares.len() - 1;
    while high - low > 1 {
        let middle = (low + high) / 2;
        if shares[middle] <= share {
            low = middle;
        } else {
            high = middle;
        }
    }
    let (from, to) = (shares[low], shares[high]);
    let least = seconds[low];
    if to == from {
        return least;
    }
    least + ((share - from) / (to - from)) * (seconds[high] - least)
}
