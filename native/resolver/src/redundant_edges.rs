//! What a transitive reduction leaves out. Counterpart of `src/graph/analysis/redundant-edges.ts`.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::part::Graph;
use crate::threads::Cancelled;

/// Why an edge could go without any step running earlier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Redundancy {
    /// The same edge once more.
    Repeated = 0,
    /// A longer way leads there as well.
    Implied = 1,
}

/// An edge of a task that could go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RedundantEdge {
    /// Step number in the snapshot.
    pub parent: u32,
    /// Step number in the snapshot.
    pub child: u32,
    /// Why.
    pub reason: Redundancy,
}

/// Edges inside a task that its transitive reduction does without, by parent, then child.
///
/// From each step with several children, the graph is walked up to the last of them in topological
/// order: a child that another child leads to is implied.
///
/// # Arguments
/// `order`: positions of all steps of the task in topological order, so that there is no cycle (the
/// reduction of a cyclic graph is not unique). `cancel`: looked at with every step visited.
///
/// # Complexity
/// Layered graphs cost O(steps + edges), the worst case O(steps x edges), room O(steps).
///
/// # Errors
/// The cancellation.
///
/// # Panics
/// Where the graph contradicts itself, or `order` is no order of the task.
///
/// Source: Aho, Garey and Ullman, "The Transitive Reduction of a Directed Graph", 1972.
pub fn redundant_edges(
    graph: &Graph<'_>,
    task: usize,
    order: &[u32],
    cancel: &AtomicBool,
) -> Result<Vec<RedundantEdge>, Cancelled> {
    let first = graph.steps_of(task).start;
    let mut place = vec![0; order.len()];
    for (at, &position) in order.iter().enumerate() {
        place[position as usize] = at as u32;
    }
    let reached_from = vec![0; order.len()];
    let mut walk = Walk { graph, first, place, reached_from, open: Vec::new(), cancel };
    let mut redundant = Vec::new();
    let mut children = Vec::new();
    for position in 0..order.len() {
        walk.judge(position, &mut children, &mut redundant)?;
    }
    Ok(redundant)
}

/// The walks from every step of one task, over shared marks.
struct Walk<'a> {
    graph: &'a Graph<'a>,
    first: usize,
    /// Place of each position in the topological order.
    place: Vec<u32>,
    /// Step from which a position was last reached, plus one.
    reached_from: Vec<u32>,
    open: Vec<usize>,
    cancel: &'a AtomicBool,
}

impl Walk<'_> {
    fn judge(
        &mut self,
        position: usize,
        children: &mut Vec<usize>,
        redundant: &mut Vec<RedundantEdge>,
    ) -> Result<(), Cancelled> {
        self.requested()?;
        children.clear();
        children.extend(self.children_of(position));
        let known = redundant.len();
        let mark = position as u32 + 1;
        children.sort_by_key(|&child| self.place[child]);
        let &[_, .., last] = children.as_slice() else { return Ok(()) };
        let end = self.place[last];
        let mut before = usize::MAX;
        for &child in &*children {
            let reason = match child {
                _ if child == before => Some(Redundancy::Repeated),
                _ if self.reached_from[child] == mark => Some(Redundancy::Implied),
                _ => None,
            };
            before = child;
            match reason {
                Some(reason) => redundant.push(RedundantEdge {
                    parent: (self.first + position) as u32,
                    child: (self.first + child) as u32,
                    reason,
                }),
                None => self.mark(child, mark, end)?,
            }
        }
        // stable: of equal children the implied one stands before its copies
        redundant[known..].sort_by_key(|edge| edge.child);
        Ok(())
    }

    /// Marks everything behind a position up to a place in the order.
    fn mark(&mut self, from: usize, mark: u32, end: u32) -> Result<(), Cancelled> {
        self.open.push(from);
        while let Some(at) = self.open.pop() {
            self.requested()?;
            for &child in self.graph.children_of(self.first + at) {
                let child = (child as usize).wrapping_sub(self.first);
                let Some(reached) = self.reached_from.get_mut(child) else { continue };
                if *reached == mark || self.place[child] > end {
                    continue;
                }
                *reached = mark;
                self.open.push(child);
            }
        }
        Ok(())
    }

    fn children_of(&self, position: usize) -> impl Iterator<Item = usize> {
        let (first, count) = (self.first, self.place.len());
        let children = self.graph.children_of(first + position).iter();
        children
            .map(move |&child| (child as usize).wrapping_sub(first))
            .filter(move |&child| child < count)
    }

    fn requested(&self) -> Result<(), Cancelled> {
        if self.cancel.load(Ordering::Relaxed) { Err(Cancelled) } else { Ok(()) }
    }
}
