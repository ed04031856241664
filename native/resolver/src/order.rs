//! Topological order of one task, and the room it takes.

use crate::part::Graph;
use crate::readiness::RunningDone;

/// Reusable room for the kernels; grows to the largest task seen.
#[derive(Debug)]
pub struct Scratch {
    /// Remaining parents of each step of the task.
    pub(crate) remaining: Vec<u32>,
    /// Steps of the task in topological order, relative to its first.
    pub(crate) order: Vec<u32>,
    /// One mark for each step of the task.
    pub(crate) mark: Vec<u8>,
    /// Running count of done parents.
    pub(crate) running: Box<RunningDone>,
}

impl Default for Scratch {
    fn default() -> Self {
        let running = vec![0; 65_536].try_into().expect("as long as the type says");
        Self { remaining: Vec::new(), order: Vec::new(), mark: Vec::new(), running }
    }
}

impl Scratch {
    /// Makes room for a task of `steps` steps.
    pub(crate) fn reserve(&mut self, steps: usize) {
        if self.remaining.len() < steps {
            let size = steps.next_power_of_two().max(1024);
            self.remaining.resize(size, 0);
            self.order.resize(size, 0);
            self.mark.resize(size, 0);
        }
    }
}

/// Orders the steps of one task along its local edges (Kahn, 1962).
///
/// `scratch.order` holds step numbers relative to the task's first; `scratch.remaining` is 0 for each
/// ordered step and positive for each step on a cycle or behind one. Edges from other tasks do not
/// count. O(steps + edges).
///
/// Returns how many steps were ordered; fewer than the task has means that it holds a cycle.
pub(crate) fn order_task(graph: &Graph<'_>, task: usize, scratch: &mut Scratch) -> usize {
    let steps = graph.steps_of(task);
    let (first, count) = (steps.start, steps.len());
    scratch.reserve(count);
    let remaining = &mut scratch.remaining[..count];
    let order = &mut scratch.order[..count];
    let is_local = |node: u32| (node as usize).wrapping_sub(first) < count;
    let mut filled = 0;
    for (at, remaining) in remaining.iter_mut().enumerate() {
        let local = graph.parents_of(first + at).iter().filter(|&&node| is_local(node)).count();
        *remaining = local as u32;
        if local == 0 {
            order[filled] = at as u32;
            filled += 1;
        }
    }
    let mut at = 0;
    while at < filled {
        for &child in graph.children_of(first + order[at] as usize) {
            if !is_local(child) {
                continue;
            }
            let child = child as usize - first;
            // below nothing only where children and parents contradict each other
            remaining[child] = remaining[child].wrapping_sub(1);
            if remaining[child] == 0 {
                order[filled] = child as u32;
                filled += 1;
            }
        }
        at += 1;
    }
    filled
}
