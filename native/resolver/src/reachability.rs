//! Which steps can never run (`engine` rules).

use std::ops::Range;

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

/// Marks the steps of the part's tasks that can never run for an ancestor's sake or a cycle's: the
/// result bit `UNREACHABLE`. Comes after readiness, which marks the dead ones, and the cycles.
///
/// A parent in another task counts by its own row alone, so that the answer does not depend on which
/// tasks share a snapshot. O(steps + edges); a task whose steps are all alive and have their parents
/// inside of it, as most are, costs two scans without a branch.
pub fn resolve_reachability(graph: &Graph<'_>, part: &mut Part<'_>, scratch: &mut Scratch) {
    for (at, task) in part.tasks.clone().enumerate() {
        let steps = graph.steps_of(task);
        let local = part.local(&steps);
        let bits = &mut part.bits[local];
        let flags = part.task_flags[at];
        if flags & task_flag::CYCLIC == 0 && !any_dead(bits) && !any_foreign(graph, &steps) {
            continue;
        }
        if flags & task_flag::TOPOLOGICAL != 0 {
            for step in 0..bits.len() {
                mark_step(graph, steps.start, step, bits);
            }
            continue;
        }
        let ordered = order_task(graph, task, scratch);
        for &step in &scratch.order[..ordered] {
            mark_step(graph, steps.start, step as usize, bits);
        }
        if ordered < bits.len() {
            set_apart(&graph.state[steps], &scratch.remaining, bits);
        }
    }
}

fn any_dead(bits: &[u8]) -> bool {
    bits.iter().fold(0, |all, &bits| all | bits) & result::DEAD != 0
}

/// True when a step has a parent in another task.
fn any_foreign(graph: &Graph<'_>, steps: &Range<usize>) -> bool {
    let edges =
        graph.parent_offsets[steps.start] as usize..graph.parent_offsets[steps.end] as usize;
    let (first, count) = (steps.start as u32, steps.len() as u32);
    let foreign = |&parent: &u32| parent.wrapping_sub(first) >= count;
    graph.parents[edges].iter().fold(false, |any, parent| any | foreign(parent))
}

#[inline]
fn mark_step(graph: &Graph<'_>, first: usize, step: usize, bits: &mut [u8]) {
    let code = graph.state[first + step];
    if code >= state::COMPLETE || code == state::IN_PROGRESS || bits[step] & result::DEAD != 0 {
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

/// A task with a cycle is set apart: none of its steps may run, and what stands on the cycle or
/// behind it is unreachable for that reason alone.
fn set_apart(states: &[u8], remaining: &[u32], bits: &mut [u8]) {
    for ((bits, &code), &left) in bits.iter_mut().zip(states).zip(remaining) {
        let own = if left > 0 { result::DEAD } else { 0 };
        *bits &= !(result::READY | result::WAITING | own);
        if code < state::COMPLETE {
            *bits |= result::UNREACHABLE;
        }
    }
}
