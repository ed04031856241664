//! Everything about one task's shape. Counterpart of `src/graph/analysis/task-analysis.ts`.

use std::sync::atomic::AtomicBool;

use crate::critical_path::critical_path;
use crate::earliest_schedule::{EarliestSchedule, earliest_schedule};
use crate::level_width::level_widths;
use crate::order::Scratch;
use crate::part::Graph;
use crate::redundant_edges::{RedundantEdge, redundant_edges};
use crate::slack::{Slack, slack};
use crate::threads::Cancelled;

/// Shape of one task and what decides its length.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskShape {
    /// When each step starts and ends at the earliest.
    pub schedule: EarliestSchedule,
    /// How much later each step may end.
    pub slack: Slack,
    /// Step numbers of a longest chain, first to last.
    pub path: Vec<u32>,
    /// Steps at each dependency level.
    pub widths: Vec<u32>,
    /// Edges that could go.
    pub redundant: Vec<RedundantEdge>,
}

/// Earliest schedule, slack, critical path, level widths and redundant edges of one task. Reads the
/// graph alone: states do not matter.
///
/// # Arguments
/// `durations`: seconds of each step of the task, by position. `cancel`: see
/// [`redundant_edges`](crate::redundant_edges::redundant_edges).
///
/// # Returns
/// Nothing for a task with a cycle.
///
/// # Complexity
/// O(steps + edges), but for the redundant edges.
///
/// # Errors
/// The cancellation.
///
/// # Panics
/// Where the graph contradicts itself, or `durations` has another length.
pub fn task_shape(
    graph: &Graph<'_>,
    task: usize,
    durations: &[f64],
    scratch: &mut Scratch,
    cancel: &AtomicBool,
) -> Result<Option<TaskShape>, Cancelled> {
    let Some(schedule) = earliest_schedule(graph, task, durations, scratch) else {
        return Ok(None);
    };
    let redundant = redundant_edges(graph, task, &schedule.order, cancel)?;
    Ok(Some(TaskShape {
        slack: slack(graph, &schedule, durations),
        path: critical_path(graph, &schedule),
        widths: level_widths(graph, task, &schedule.order),
        redundant,
        schedule,
    }))
}
