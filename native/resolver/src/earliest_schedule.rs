//! The forward pass of the critical path method. Counterpart of `src/graph/analysis/earliest-schedule.ts`.

use crate::order::{Scratch, order_task};
use crate::part::Graph;

/// When each step of one task starts and ends if it starts as soon as its parents have ended; vectors
/// by position in the task.
#[derive(Clone, Debug, PartialEq)]
pub struct EarliestSchedule {
    /// First step of the task.
    pub first: usize,
    /// Seconds from the start of the task.
    pub start: Vec<f64>,
    /// Seconds from the start of the task.
    pub finish: Vec<f64>,
    /// Positions in topological order.
    pub order: Vec<u32>,
    /// When the last step ends, seconds; 0 for a task without steps.
    pub seconds: f64,
}

/// Schedules one task, as many steps at a time as the edges allow, edges from other tasks left out.
///
/// # Arguments
/// `durations`: seconds of each step of the task by position, 0 or more, finite and so that their sum
/// is.
///
/// # Returns
/// Nothing for a task with a cycle.
///
/// # Complexity
/// O(steps + edges).
///
/// # Panics
/// Where the graph contradicts itself, or `durations` has another length.
///
/// Source: Kelley and Walker, "Critical-Path Planning and Scheduling", 1959.
#[must_use]
pub fn earliest_schedule(
    graph: &Graph<'_>,
    task: usize,
    durations: &[f64],
    scratch: &mut Scratch,
) -> Option<EarliestSchedule> {
    let steps = graph.steps_of(task);
    let (first, count) = (steps.start, steps.len());
    assert_eq!(durations.len(), count, "one duration a step");
    if order_task(graph, task, scratch) < count {
        return None;
    }
    let order = scratch.order[..count].to_vec();
    let mut start = vec![0.0; count];
    let mut finish = vec![0.0; count];
    let mut seconds = 0.0;
    for &position in &order {
        let position = position as usize;
        let mut begin = 0.0;
        for &parent in graph.parents_of(first + position) {
            // a parent in another task lies outside of the slice
            if let Some(&end) = finish.get((parent as usize).wrapping_sub(first))
                && end > begin
            {
                begin = end;
            }
        }
        let end = begin + durations[position];
        start[position] = begin;
        finish[position] = end;
        if end > seconds {
            seconds = end;
        }
    }
    Some(EarliestSchedule { first, start, finish, order, seconds })
}
