//! The backward pass of the critical path method. Counterpart of `src/graph/analysis/slack.ts`.

use crate::earliest_schedule::EarliestSchedule;
use crate::part::Graph;

/// How much later each step of one task can end, seconds, by position in the task.
#[derive(Clone, Debug, PartialEq)]
pub struct Slack {
    /// Without the task ending later; 0 on a critical path, but for rounding.
    pub total: Vec<f64>,
    /// Without any child starting later.
    pub free: Vec<f64>,
}

/// Latest ends from the task's end backwards, and what lies between them and the earliest ones. Never
/// negative. There is no schedule of a task with a cycle, hence no slack.
///
/// # Arguments
/// `durations`: seconds of each step of the task, the same as for the schedule.
///
/// # Complexity
/// O(steps + edges).
///
/// # Panics
/// Where the graph contradicts itself, or `durations` has another length.
///
/// Source: Kelley and Walker, "Critical-Path Planning and Scheduling", 1959.
#[must_use]
pub fn slack(graph: &Graph<'_>, schedule: &EarliestSchedule, durations: &[f64]) -> Slack {
    let EarliestSchedule { first, start, finish, order, seconds } = schedule;
    let mut latest = vec![0.0; order.len()];
    let mut total = vec![0.0; order.len()];
    let mut free = vec![0.0; order.len()];
    for &position in order.iter().rev() {
        let position = position as usize;
        let mut latest_end = *seconds;
        let mut next_start = *seconds;
        for &child in graph.children_of(first + position) {
            let child = (child as usize).wrapping_sub(*first);
            if child >= order.len() {
                continue;
            }
            let child_latest = latest[child] - durations[child];
            if child_latest < latest_end {
                latest_end = child_latest;
            }
            if start[child] < next_start {
                next_start = start[child];
            }
        }
        latest[position] = latest_end;
        let end = finish[position];
        if latest_end > end {
            total[position] = latest_end - end;
        }
        if next_start > end {
            free[position] = next_start - end;
        }
    }
    Slack { total, free }
}
