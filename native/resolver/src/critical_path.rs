//! The chain that decides how long a task takes. Counterpart of `src/graph/analysis/critical-path.ts`.

use crate::earliest_schedule::EarliestSchedule;
use crate::part::Graph;

/// A longest chain of steps of a task, first to last: no step of it can take longer without the task
/// taking longer. Of several such chains, the one through the smallest numbers, found from the end.
/// There is no schedule of a task with a cycle, hence no path.
///
/// # Returns
/// Step numbers in the snapshot; none for a task without steps.
///
/// # Complexity
/// O(steps + edges of the path).
///
/// # Panics
/// Where the graph contradicts itself.
#[must_use]
pub fn critical_path(graph: &Graph<'_>, schedule: &EarliestSchedule) -> Vec<u32> {
    let EarliestSchedule { first, start, finish, seconds, .. } = schedule;
    let mut path = Vec::new();
    let mut next = finish.iter().position(|end| end == seconds).map(|at| first + at);
    while let Some(step) = next {
        path.push(step as u32);
        let deciding = |&parent: &u32| {
            finish.get((parent as usize).wrapping_sub(*first)) == Some(&start[step - first])
        };
        let parents = graph.parents_of(step).iter().copied();
        next = parents.filter(deciding).min().map(|parent| parent as usize);
        // in a graph that contradicts itself a step may come before its parent
        assert!(path.len() <= finish.len(), "the path runs in a circle");
    }
    path.reverse();
    path
}
