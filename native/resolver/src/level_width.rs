//! How many steps stand side by side. Counterpart of `src/graph/analysis/level-width.ts`.

use crate::part::Graph;

/// Counts the steps at each dependency level of one task: the longest path, in edges, from a step
/// without any parent along edges inside the task. Steps that no such path leads to (their only roots
/// are in other tasks) have no level and are not counted. The greatest width is a lower bound of what
/// can run at a time.
///
/// # Arguments
/// `order`: positions of all steps of the task in topological order, so that there is no cycle.
///
/// # Returns
/// Steps of level 0, 1, and so on.
///
/// # Complexity
/// O(steps + edges).
///
/// # Panics
/// Where the graph contradicts itself, or `order` is no order of the task.
///
/// Source: contract readiness §6.
#[must_use]
pub fn level_widths(graph: &Graph<'_>, task: usize, order: &[u32]) -> Vec<u32> {
    let first = graph.steps_of(task).start;
    let mut level = vec![-1_i32; order.len()];
    let mut widths = Vec::new();
    for &position in order {
        let parents = graph.parents_of(first + position as usize);
        let mut own = if parents.is_empty() { 0 } else { -1 };
        for &parent in parents {
            let through = level.get((parent as usize).wrapping_sub(first)).copied().unwrap_or(-1);
            if through >= 0 && through >= own {
                own = through + 1;
            }
        }
        level[position as usize] = own;
        if own >= 0 {
            let own = own as usize;
            if own >= widths.len() {
                widths.resize(own + 1, 0);
            }
            widths[own] += 1;
        }
    }
    widths
}
