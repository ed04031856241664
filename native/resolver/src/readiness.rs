//! Which steps may run: dependencies, retries and waits.

use crate::codes::{flag, result, state};
use crate::part::{Graph, Steps};
use crate::rules::{Rules, failure_wait_micros};

/// Steps worked off at a time: their edges' running count stays in the first-level cache.
const BLOCK_STEPS: usize = 4096;
/// A block with more edges than this is counted step by step; the count fits into 16 bits.
const BLOCK_EDGES: usize = 32_768;

/// Room for the running count of a block: a slot for every 16-bit index, so that none is out of
/// bounds.
pub type RunningDone = [u16; 65_536];

/// Everything of readiness that no clock can change: dependencies, retry eligibility, and readiness
/// with the waits left out; under `engine` also which steps are dead for their own sake.
///
/// Writes `bits` and `completed_parents`. O(steps + edges), no allocation. States are too mixed for a
/// branch predictor, hence arithmetic: done parents are the difference of a running count at both
/// ends of a step's edges, and the conditions are combined 16 or more steps at a time.
///
/// Source: contract readiness D, E and R1-R6; under `engine` the limit 0 is 1 and a step that is not
/// retryable may run while it is pending.
///
/// This is the form for any processor; [`vectors`](crate::vectors) chooses a faster one at run time.
#[inline(always)]
pub fn resolve_dependencies_anywhere(
    graph: &Graph<'_>,
    steps: &mut Steps<'_>,
    rules: Rules,
    running: &mut RunningDone,
) {
    let blocks =
        steps.bits.chunks_mut(BLOCK_STEPS).zip(steps.completed_parents.chunks_mut(BLOCK_STEPS));
    let mut first = steps.steps.start;
    for (bits, completed) in blocks {
        let end = first + bits.len();
        count_done_parents(graph, first, end, completed, bits, running);
        let inputs = Inputs {
            state: &graph.state[first..end],
            flags: &graph.flags[first..end],
            attempts: &graph.attempts[first..end],
            retry_limit: &graph.retry_limit[first..end],
        };
        match rules {
            Rules::Rails => combine_conditions::<false>(inputs, bits),
            Rules::Engine => combine_conditions::<true>(inputs, bits),
        }
        first = end;
    }
}

/// Writes the done parents of a block, and into the bits whether these are all.
#[inline(always)]
fn count_done_parents(
    graph: &Graph<'_>,
    first: usize,
    end: usize,
    completed: &mut [u32],
    bits: &mut [u8],
    running: &mut RunningDone,
) {
    let offsets = &graph.parent_offsets[first..=end];
    let first_edge = offsets[0];
    let parents = &graph.parents[first_edge as usize..offsets[end - first] as usize];
    let done = |node: u32| graph.state[node as usize] >> 7;
    let out = completed.iter_mut().zip(bits);
    if parents.len() > BLOCK_EDGES {
        let mut rest = parents;
        for (ends, (completed, bits)) in offsets.windows(2).zip(out) {
            let (own, others) = rest.split_at((ends[1] - ends[0]) as usize);
            rest = others;
            let count = own.iter().map(|&parent| u32::from(done(parent))).sum::<u32>();
            *completed = count;
            *bits = u8::from(count as usize == own.len());
        }
        return;
    }
    let mut count = 0;
    for (slot, &parent) in running[1..].iter_mut().zip(parents) {
        count += u16::from(done(parent));
        *slot = count;
    }
    let mut before = 0;
    let mut edge = first_edge;
    for (&last, (completed, bits)) in offsets[1..].iter().zip(out) {
        let after = running[usize::from(last.wrapping_sub(first_edge) as u16)];
        let count = u32::from(after.wrapping_sub(before));
        *completed = count;
        *bits = u8::from(count == last.wrapping_sub(edge));
        before = after;
        edge = last;
    }
}

/// What each node's own row says but its waits, as the bits of [`own`](crate::planes::own). O(N + G).
///
/// A step without parents is ready where its own row lets it be, so that no rule is written twice.
#[must_use]
pub fn own_candidates(graph: &Graph<'_>, rules: Rules) -> Vec<u8> {
    let mut codes = vec![result::SATISFIED; graph.counts.nodes()];
    let Graph { state, flags, attempts, retry_limit, .. } = *graph;
    let inputs = Inputs { state, flags, attempts, retry_limit };
    match rules {
        Rules::Rails => combine_conditions::<false>(inputs, &mut codes),
        Rules::Engine => combine_conditions::<true>(inputs, &mut codes),
    }
    for (code, &state) in codes.iter_mut().zip(state) {
        *code = u8::from(*code & result::READY != 0) | ((state >> 7) << 1);
    }
    codes
}

/// The inputs of a block, all of its length.
struct Inputs<'a> {
    state: &'a [u8],
    flags: &'a [u8],
    attempts: &'a [i32],
    retry_limit: &'a [i32],
}

/// Combines the conditions of a block, under `engine` with what makes a step dead; no branch depends
/// on the data, so that the compiler makes vectors of it.
#[inline(always)]
fn combine_conditions<const ENGINE: bool>(inputs: Inputs<'_>, bits: &mut [u8]) {
    const PASSED: u8 = flag::PROCESSED | flag::IN_PROCESS;
    const NEVER: u8 = PASSED | flag::NOT_RETRYABLE;
    /// Cancelled and the foreign states are the codes from cancelled to complete.
    const COMPLETE_AFTER_CANCELLED: u8 = state::COMPLETE - state::CANCELLED;
    let zero_limit = i32::from(ENGINE);
    let nodes = inputs.state.iter().zip(inputs.flags);
    let tries = inputs.attempts.iter().zip(inputs.retry_limit);
    for ((bits, (&code, &flags)), (&attempts, &limit)) in bits.iter_mut().zip(nodes).zip(tries) {
        let satisfied = *bits;
        let limit = if limit == 0 { zero_limit } else { limit };
        let eligible = u8::from(attempts < limit);
        let again = u8::from(flags & NEVER == 0);
        let at_all = if ENGINE { u8::from(flags & PASSED == 0) } else { again };
        let failed = u8::from(code == state::ERROR);
        let runnable = (u8::from(code == state::PENDING) & at_all) | (failed & again);
        let run = satisfied & eligible & runnable;
        let exhausted = failed & (eligible ^ 1);
        let dead = if ENGINE {
            // reachability::is_dead, without its branches
            let running = u8::from(code == state::IN_PROGRESS);
            let stopped = u8::from(code.wrapping_sub(state::CANCELLED) < COMPLETE_AFTER_CANCELLED);
            let open = (code >> 7 | running) ^ 1;
            let passed = u8::from(flags & flag::PROCESSED != 0);
            let final_failure = failed & u8::from(flags & flag::NOT_RETRYABLE != 0);
            open & (stopped | passed | (eligible ^ 1) | final_failure)
        } else {
            0
        };
        *bits = satisfied | (eligible << 1) | (run << 2) | (dead << 4) | (exhausted << 7);
    }
}

/// When the explicit wait and the failure wait of a timed step end, µs since the epoch; NaN for none.
/// O(1). Source: contract readiness R7, R8.
#[inline]
pub(crate) fn wait_ends(graph: &Graph<'_>, step: usize, failed_at: f64) -> (f64, f64) {
    let flags = graph.flags[step];
    let explicit_end = if flags & flag::BACKOFF_NULL == 0 {
        let wait = f64::from(graph.backoff_seconds[step]) * 1_000_000.0;
        graph.last_attempted_at[step] + wait
    } else {
        f64::NAN
    };
    let attempts_null = flags & flag::ATTEMPTS_NULL != 0;
    (explicit_end, failed_at + failure_wait_micros(graph.attempts[step], attempts_null))
}

/// The waits of the timed steps: writes `next_retry_at` and turns `ready` into `waiting` where a wait
/// is not over at `now_micros` (µs since the epoch). A wait that ends now is over. O(timed steps).
///
/// Source: contract readiness R7, R8 and N; under `engine` a stored next attempt decides alone.
pub fn resolve_waits(graph: &Graph<'_>, steps: &mut Steps<'_>, rules: Rules, now_micros: f64) {
    let timed = steps.timed.clone();
    let instants = graph.failed_at[timed.clone()].iter().zip(&graph.next_attempt_at[timed.clone()]);
    let rows = graph.timed_step[timed].iter().zip(instants).zip(steps.next_retry_at.iter_mut());
    for ((&step, (&failed_at, &next_attempt_at)), next_retry_at) in rows {
        let step = step as usize;
        let (explicit_end, failure_end) = wait_ends(graph, step, failed_at);
        let stored = if rules == Rules::Engine { next_attempt_at } else { f64::NAN };
        let over;
        if stored.is_nan() {
            // a comparison with NaN is false: no such wait, nothing to wait for
            over = !(explicit_end > now_micros || failure_end > now_micros);
            *next_retry_at = if explicit_end.is_nan() { failure_end } else { explicit_end };
        } else {
            over = stored <= now_micros;
            *next_retry_at = stored;
        }
        let bits = &mut steps.bits[step - steps.steps.start];
        if !over && *bits & result::READY != 0 {
            *bits = (*bits & !result::READY) | result::WAITING;
        }
    }
}
