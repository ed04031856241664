//! Circles of steps inside a task.

use crate::codes::{result, task_flag};
use crate::order::{Scratch, order_task};
use crate::part::{Graph, Part};

const ON_WALK: u8 = 1;
const SETTLED: u8 = 2;
const STALE: u8 = task_flag::CYCLIC | task_flag::CYCLE_REACHABLE;

/// A circle of steps inside one task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cycle {
    /// Number of the task in the snapshot.
    pub task: usize,
    /// Step numbers along the edges; an edge leads from the last to the first.
    pub path: Vec<u32>,
}

/// Finds the cycles of the part's tasks: at least one for each task that has any, and one for each
/// group of steps that hang on different circles.
///
/// Sets the task flag `CYCLIC` and the result bit `ON_CYCLE` of the steps on the paths. Tasks flagged
/// topological cost nothing; the others O(steps + edges). Edges between tasks are not followed.
pub fn find_cycles(
    graph: &Graph<'_>,
    part: &mut Part<'_>,
    scratch: &mut Scratch,
    into: &mut Vec<Cycle>,
) {
    for (at, task) in part.tasks.clone().enumerate() {
        let flags = part.task_flags[at];
        let topological = flags & task_flag::TOPOLOGICAL != 0;
        if topological || order_task(graph, task, scratch) == graph.steps_of(task).len() {
            // what another program left in the buffer, or an earlier run over other rows
            if flags & STALE != 0 {
                part.task_flags[at] = flags & !STALE;
            }
            continue;
        }
        part.task_flags[at] = flags | task_flag::CYCLIC;
        trace_cycles(graph, part, task, scratch, into);
    }
}

/// Walks from each step that Kahn left over to a left-over parent until the walk meets itself.
fn trace_cycles(
    graph: &Graph<'_>,
    part: &mut Part<'_>,
    task: usize,
    scratch: &mut Scratch,
    into: &mut Vec<Cycle>,
) {
    let steps = graph.steps_of(task);
    let (first, count) = (steps.start, steps.len());
    let remaining = &scratch.remaining[..count];
    let mark = &mut scratch.mark[..count];
    mark.fill(0);
    let local = part.local(&steps);
    let bits = &mut part.bits[local];
    let mut walk = Vec::new();
    for start in 0..count {
        if remaining[start] == 0 || mark[start] != 0 {
            continue;
        }
        walk.clear();
        let mut step = start;
        while mark[step] == 0 {
            mark[step] = ON_WALK;
            walk.push(step as u32);
            step = left_over_parent(graph, first, step, remaining);
        }
        if mark[step] == ON_WALK {
            let from = walk.iter().position(|&met| met as usize == step).unwrap_or(0);
            let circle = walk[from..].iter().rev();
            for &member in circle.clone() {
                bits[member as usize] |= result::ON_CYCLE;
            }
            into.push(Cycle { task, path: circle.map(|&member| member + first as u32).collect() });
        }
        for &visited in &walk {
            mark[visited as usize] = SETTLED;
        }
    }
}

/// A left-over step always has a left-over parent, or Kahn would have taken it.
fn left_over_parent(graph: &Graph<'_>, first: usize, step: usize, remaining: &[u32]) -> usize {
    graph
        .parents_of(first + step)
        .iter()
        .map(|&parent| (parent as usize).wrapping_sub(first))
        .find(|&parent| remaining.get(parent).is_some_and(|&left| left > 0))
        .unwrap_or(step)
}
