//! Which steps can never run (`engine` rules).

use crate::codes::{flag, result, state, task_flag};
use crate::order::{Scratch, order_task};
use crate::part::{Graph, Part};
use crate::rules::engine_retry_limit;

/// True when the step itself will never run or complete again without an operator: cancelled, failed
/// for good, out of attempts, marked processed without being done, or in a state that nobody knows.
/// O(1).
#[must_use]
pub fn is_dead(graph: &Graph<'_>, node: usize) -> bool {
    let code = graph.state[node];
    if code >= state::COMPLETE || code == state::IN_PROGRESS {
        return false;
    }
    if code == state::CANCELLED || state::is_foreign(code) {
        return true;
    }
    let flags = graph.flags[node];
    flags & flag::PROCESSED != 0
        || graph.attempts[node] >= engine_retry_limit(graph.retry_limit[node])
        || (code == state::ERROR && flags & flag::NOT_RETRYABLE != 0)
}

/// Marks the steps of the part's tasks that can never run: the result bit `DEAD` for the step's own
/// sake, `UNREACHABLE` for an ancestor's or a cycle's.
///
/// A parent in another task counts by its own row alone, so that the answer does not depend on which
/// tasks share a snapshot. O(steps + edges).
pub fn resolve_reachability(graph: &Graph<'_>, part: &mut Part<'_>, scratch: &mut Scratch) {
    for (at, task) in part.tasks.clone().enumerate() {
        let steps = graph.steps_of(task);
        let first = steps.start;
        let local = part.local(&steps);
        let bits = &mut part.bits[local];
        if part.task_flags[at] & task_flag::TOPOLOGICAL != 0 {
            for step in 0..bits.len() {
                mark_step(graph, first, step, bits);
            }
            continue;
        }
        let ordered = order_task(graph, task, scratch);
        for &step in &scratch.order[..ordered] {
            mark_step(graph, first, step as usize, bits);
        }
        if ordered < bits.len() {
            set_apart(&graph.state[steps], bits);
        }
    }
}

#[inline]
fn mark_step(graph: &Graph<'_>, first: usize, step: usize, bits: &mut [u8]) {
    let code = graph.state[first + step];
    if code >= state::COMPLETE || code == state::IN_PROGRESS {
        return;
    }
    if is_dead(graph, first + step) {
        bits[step] |= result::DEAD;
        return;
    }
    let blocked = graph.parents_of(first + step).iter().any(|&parent| {
        match bits.get((parent as usize).wrapping_sub(first)) {
            Some(&local) => local & result::DEAD_END != 0,
            None => is_dead(graph, parent as usize),
        }
    });
    if blocked {
        bits[step] |= result::UNREACHABLE;
    }
}

/// A task with a cycle is set apart: none of its steps may run.
fn set_apart(states: &[u8], bits: &mut [u8]) {
    for (bits, &code) in bits.iter_mut().zip(states) {
        *bits &= !(result::READY | result::WAITING);
        if code < state::COMPLETE {
            *bits |= result::UNREACHABLE;
        }
    }
}
