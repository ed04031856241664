//! What a failure takes with it. Counterpart of `src/graph/analysis/blast-radius.ts`.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::codes::state;
use crate::part::Graph;
use crate::threads::Cancelled;

/// Steps that can no longer run if the given nodes fail for good: every step that depends on one,
/// directly or through others, in any task of the snapshot. A step that is done or running is not
/// stopped, and nothing behind it is stopped because of it. Cycles are followed once.
///
/// # Arguments
/// `starts`: steps or ghosts. `cancel`: looked at with every step visited.
///
/// # Returns
/// Step numbers, ascending, the starts left out unless one depends on another.
///
/// # Complexity
/// O(steps) to begin and end with, O(nodes + edges reached) between.
///
/// # Errors
/// The cancellation.
///
/// # Panics
/// Where the graph contradicts itself, or a start does not exist.
pub fn blast_radius(
    graph: &Graph<'_>,
    starts: &[u32],
    cancel: &AtomicBool,
) -> Result<Vec<u32>, Cancelled> {
    let mut stopped = vec![false; graph.counts.steps];
    let mut open = starts.to_vec();
    let mut found = 0;
    while let Some(node) = open.pop() {
        if cancel.load(Ordering::Relaxed) {
            return Err(Cancelled);
        }
        for &child in graph.children_of(node as usize) {
            let code = graph.state[child as usize];
            let runs_on = code >= state::COMPLETE || code == state::IN_PROGRESS;
            if runs_on || stopped[child as usize] {
                continue;
            }
            stopped[child as usize] = true;
            found += 1;
            open.push(child);
        }
    }
    let mut steps = Vec::with_capacity(found);
    steps.extend((0..).zip(&stopped).filter(|&(_, &is)| is).map(|(step, _): (u32, _)| step));
    Ok(steps)
}
