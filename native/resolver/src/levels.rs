//! Dependency levels.

use crate::codes::task_flag;
use crate::order::Scratch;
use crate::part::{Graph, Part};
use crate::planes_groups::same_graph;

/// Sizes of tasks whose latest graph is remembered.
const SIZES: usize = 64;
/// Smaller tasks are passed over as quickly as compared.
const WORTH_COMPARING: usize = 4;

/// Dependency levels of the part's tasks: the longest path, in edges, from a step without any parent
/// along edges inside the task; -1 where no such path leads to the step, or where it leads through a
/// cycle. An unreached parent does not hold its child back.
///
/// Writes `level`, and the task flag `CYCLE_REACHABLE` where a root leads into a cycle. One forward
/// pass where ids are in topological order, else Kahn over the reached steps; O(steps + edges) either
/// way. Tasks that share a graph share its levels: comparing two graphs takes a third of the time
/// that a forward pass takes. Source: contract readiness §6.
pub fn resolve_levels(graph: &Graph<'_>, part: &mut Part<'_>, scratch: &mut Scratch) {
    let mut latest = [None; SIZES];
    for (at, task) in part.tasks.clone().enumerate() {
        let steps = graph.steps_of(task);
        let first = steps.start;
        let local = part.local(&steps);
        let level = &mut part.level[local];
        let flags = part.task_flags[at];
        if flags & task_flag::TOPOLOGICAL != 0 {
            if level.len() < WORTH_COMPARING {
                forward_levels(graph, first, level);
                continue;
            }
            let edges = graph.parent_offsets[steps.end].wrapping_sub(graph.parent_offsets[first]);
            let latest = &mut latest[(steps.len() * 7 + edges as usize) % SIZES];
            match *latest {
                Some(known) if same_graph(graph, known, task) => {
                    let own = part.local(&steps);
                    let known = part.local(&graph.steps_of(known));
                    part.level.copy_within(known, own.start);
                }
                _ => {
                    forward_levels(graph, first, level);
                    *latest = Some(task);
                }
            }
        } else if kahn_levels(graph, first, level, scratch) {
            part.task_flags[at] = flags | task_flag::CYCLE_REACHABLE;
        } else {
            part.task_flags[at] = flags & !task_flag::CYCLE_REACHABLE;
        }
    }
}

fn forward_levels(graph: &Graph<'_>, first: usize, level: &mut [i32]) {
    let offsets = &graph.parent_offsets[first..=first + level.len()];
    let mut rest = &graph.parents[offsets[0] as usize..];
    for step in 0..level.len() {
        let (parents, others) = rest.split_at((offsets[step + 1] - offsets[step]) as usize);
        rest = others;
        let mut longest = if parents.is_empty() { 0 } else { -1 };
        for &parent in parents {
            let parent = (parent as usize).wrapping_sub(first);
            let through = level.get(parent).copied().unwrap_or(-1);
            longest = longest.max(if through < 0 { -1 } else { through + 1 });
        }
        level[step] = longest;
    }
}

/// Returns whether a root leads into a cycle.
fn kahn_levels(graph: &Graph<'_>, first: usize, level: &mut [i32], scratch: &mut Scratch) -> bool {
    let count = level.len();
    scratch.reserve(count);
    let remaining = &mut scratch.remaining[..count];
    let order = &mut scratch.order[..count];
    level.fill(-1);
    remaining.fill(0);
    let mut reached = 0;
    for (step, level) in level.iter_mut().enumerate() {
        if graph.parents_of(first + step).is_empty() {
            order[reached] = step as u32;
            reached += 1;
            *level = 0;
        }
    }
    let mut taken = reached;
    let local_children = |step: u32| {
        let children = graph.children_of(first + step as usize).iter();
        children.map(|&child| (child as usize).wrapping_sub(first)).filter(|&child| child < count)
    };
    // breadth first: which steps a root reaches, and by how many edges from reached steps
    let mut at = 0;
    while at < reached {
        for child in local_children(order[at]) {
            if remaining[child] == 0 {
                order[reached] = child as u32;
                reached += 1;
            }
            remaining[child] += 1;
        }
        at += 1;
    }
    at = 0;
    while at < taken {
        let step = order[at];
        let next = level[step as usize] + 1;
        for child in local_children(step) {
            level[child] = level[child].max(next);
            remaining[child] = remaining[child].wrapping_sub(1);
            if remaining[child] == 0 {
                order[taken] = child as u32;
                taken += 1;
            }
        }
        at += 1;
    }
    if taken == reached {
        return false;
    }
    for (level, &left) in level.iter_mut().zip(remaining.iter()) {
        if left > 0 {
            *level = -1;
        }
    }
    true
}
