//! The rule sets and the failure wait.

/// Which rules decide: those of the Rails engine's SQL, or the corrected ones of this engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rules {
    /// Answers as the Rails engine's SQL does.
    Rails,
    /// Corrects what strands tasks.
    Engine,
}

/// Longest failure wait, µs.
const FAILURE_WAIT_CAP_MICROS: f64 = 30_000_000.0;

/// Wait after a failure: `least(2^attempts, 30)` seconds, in µs; null attempts count as 1.
///
/// Saturates for any attempts; negative ones give a fraction of a second, rounded half to even as
/// PostgreSQL rounds an interval product. Source: contract readiness R8. O(1).
#[must_use]
pub fn failure_wait_micros(attempts: i32, attempts_null: bool) -> f64 {
    let exponent = if attempts_null { 1 } else { attempts };
    match exponent {
        5.. => FAILURE_WAIT_CAP_MICROS,
        0..=4 => f64::from(1_000_000 << exponent),
        // below, the wait is less than half a microsecond
        -32..0 => (1_000_000.0 / (1_u64 << -exponent) as f64).round_ties_even(),
        _ => 0.0,
    }
}

/// Limit of attempts that the `engine` rules read from a stored limit (null is 3 already).
#[must_use]
pub const fn engine_retry_limit(limit: i32) -> i32 {
    if limit == 0 { 1 } else { limit }
}

#[cfg(test)]
mod tests {
    use super::{engine_retry_limit, failure_wait_micros};

    #[test]
    fn waits_double_up_to_half_a_minute() {
        let waits: Vec<f64> = (0..6).map(|attempts| failure_wait_micros(attempts, false)).collect();
        assert_eq!(waits, [1e6, 2e6, 4e6, 8e6, 16e6, 30e6]);
        assert_eq!(failure_wait_micros(i32::MAX, false), 30e6);
    }

    #[test]
    fn null_attempts_count_as_one() {
        assert_eq!(failure_wait_micros(0, true), 2e6);
        assert_eq!(failure_wait_micros(i32::MIN, true), 2e6);
    }

    #[test]
    fn negative_attempts_round_half_to_even() {
        assert_eq!(failure_wait_micros(-1, false), 500_000.0);
        assert_eq!(failure_wait_micros(-7, false), 7812.0); // 7812.5
        assert_eq!(failure_wait_micros(-8, false), 3906.0); // 3906.25
        assert_eq!(failure_wait_micros(-20, false), 1.0); // 0.95
        assert_eq!(failure_wait_micros(-21, false), 0.0); // 0.48
        assert_eq!(failure_wait_micros(-33, false), 0.0);
        assert_eq!(failure_wait_micros(i32::MIN, false).to_bits(), 0.0_f64.to_bits());
    }

    #[test]
    fn a_limit_of_nothing_allows_the_first_attempt() {
        assert_eq!([0, 1, -1, i32::MAX].map(engine_retry_limit), [1, 1, -1, i32::MAX]);
    }
}
