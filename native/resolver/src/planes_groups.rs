//! Which tasks of a snapshot have one and the same graph.

use std::collections::HashMap;

use crate::codes::task_flag;
use crate::order::{Scratch, order_task};
use crate::part::Graph;
use crate::rules::Rules;

/// Why a task stands in no group; these codes stand where a group's number would, and are those of
/// `src/graph/planes/graph-signature.ts` and `ready-ids.ts`.
pub mod ungrouped {
    /// Too few tasks have this graph, or it has no steps.
    pub const FEW_ALIKE: i32 = -1;
    /// A step depends on a step of another task.
    pub const FOREIGN_PARENTS: i32 = -2;
    /// A step depends on one with the same or a greater number; there may be a cycle.
    pub const UNORDERED: i32 = -3;
    /// The rows of the task contradict each other.
    pub const REFUSED: i32 = -4;
    /// The task holds a cycle, under `engine`.
    pub const CYCLIC: i32 = -5;
}

/// The graph that the tasks of one group share, by position inside the task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// First edge of each position in `parents`; steps + 1 entries.
    pub parent_offsets: Vec<u32>,
    /// Parent position of each edge, smaller than the child's; duplicates kept.
    pub parents: Vec<u32>,
}

impl Template {
    /// Steps of each task.
    #[must_use]
    pub fn steps(&self) -> usize {
        self.parent_offsets.len() - 1
    }

    /// Parents of a position, in stored order.
    #[must_use]
    pub fn parents_of(&self, step: usize) -> &[u32] {
        &self.parents[self.parent_offsets[step] as usize..self.parent_offsets[step + 1] as usize]
    }
}

/// Tasks that have one graph.
#[derive(Clone, Debug)]
pub struct Group {
    /// The graph.
    pub template: Template,
    /// Task numbers, ascending.
    pub tasks: Vec<u32>,
}

/// The tasks of a snapshot by graph.
#[derive(Clone, Debug)]
pub struct Groups {
    /// Groups in the order of their first tasks.
    pub groups: Vec<Group>,
    /// Number of each task's group, or a code of [`ungrouped`].
    pub group_of_task: Vec<i32>,
}

/// Finds the tasks that share a graph: as many steps, each with the same parents in the same order.
/// The latest graph of the same size is tried first, then what a hash finds; a comparison of every
/// edge decides, so that no two graphs are ever taken for one. `at_least` tasks make a group.
///
/// Expected O(T + N + E). Source: `src/graph/planes/graph-signature.ts`, whose answer this is.
///
/// # Panics
/// Where the graph contradicts itself.
#[must_use]
pub fn group_by_graph(
    graph: &Graph<'_>,
    task_flags: &[u8],
    rules: Rules,
    at_least: usize,
) -> Groups {
    let mut table = GraphTable::default();
    let mut group_of_task: Vec<i32> = task_flags
        .iter()
        .enumerate()
        .map(|(task, &flags)| table.enter(graph, task, flags))
        .collect();
    let mut groups = Vec::new();
    let mut group_of_graph = vec![ungrouped::FEW_ALIKE; table.graphs.len()];
    for (known, group) in table.graphs.iter().zip(&mut group_of_graph) {
        if known.tasks >= at_least {
            *group = groups.len() as i32;
            let template = template_of(graph, known.first);
            groups.push(Group { template, tasks: Vec::with_capacity(known.tasks) });
        }
    }
    let mut scratch = Scratch::default();
    for (task, group) in group_of_task.iter_mut().enumerate() {
        if let Ok(number) = usize::try_from(*group) {
            *group = group_of_graph[number];
            if let Ok(number) = usize::try_from(*group) {
                groups[number].tasks.push(task as u32);
            }
        } else if rules == Rules::Engine && *group > ungrouped::REFUSED && *group < -1 {
            let steps = graph.steps_of(task).len();
            if order_task(graph, task, &mut scratch) < steps {
                *group = ungrouped::CYCLIC;
            }
        }
    }
    Groups { groups, group_of_task }
}

fn template_of(graph: &Graph<'_>, task: usize) -> Template {
    let steps = graph.steps_of(task);
    let (first, offsets, parents) = shape(graph, task);
    let first_edge = offsets[0];
    debug_assert_eq!(offsets.len(), steps.len() + 1);
    Template {
        parent_offsets: offsets.iter().map(|offset| offset - first_edge).collect(),
        parents: parents.iter().map(|parent| parent - first).collect(),
    }
}

/// First step, offsets and parents of a task.
fn shape<'a>(graph: &Graph<'a>, task: usize) -> (u32, &'a [u32], &'a [u32]) {
    let steps = graph.steps_of(task);
    let offsets = &graph.parent_offsets[steps.start..=steps.end];
    let parents = &graph.parents[offsets[0] as usize..offsets[steps.len()] as usize];
    (steps.start as u32, offsets, parents)
}

/// One graph met, by its first task.
struct Known {
    first: usize,
    tasks: usize,
}

/// Sizes of tasks, as a power of two, whose latest graph is remembered.
const GUESSES: usize = 1024;

#[derive(Default)]
struct GraphTable {
    graphs: Vec<Known>,
    /// Graphs of each hash.
    by_hash: HashMap<u64, Vec<usize>>,
    /// Graph number plus one by size.
    guesses: Vec<usize>,
}

impl GraphTable {
    fn enter(&mut self, graph: &Graph<'_>, task: usize, flags: u8) -> i32 {
        if flags & task_flag::REFUSED != 0 {
            return ungrouped::REFUSED;
        }
        let (_, offsets, parents) = shape(graph, task);
        if offsets.len() == 1 {
            return ungrouped::FEW_ALIKE;
        }
        self.guesses.resize(GUESSES, 0);
        let guess = (offsets.len() * 67 + parents.len()) % GUESSES;
        let number = match self.guesses[guess].checked_sub(1) {
            Some(number) if same_graph(graph, self.graphs[number].first, task) => number,
            _ => match self.find(graph, task) {
                Ok(number) => number,
                Err(reason) => return reason,
            },
        };
        self.guesses[guess] = number + 1;
        self.graphs[number].tasks += 1;
        number as i32
    }

    fn find(&mut self, graph: &Graph<'_>, task: usize) -> Result<usize, i32> {
        let hash = hash_of(graph, task)?;
        let alike = self.by_hash.entry(hash).or_default();
        let known =
            alike.iter().copied().find(|&at| same_graph(graph, self.graphs[at].first, task));
        Ok(known.unwrap_or_else(|| {
            alike.push(self.graphs.len());
            self.graphs.push(Known { first: task, tasks: 0 });
            self.graphs.len() - 1
        }))
    }
}

/// FNV-1a over sizes and parents, or why the task has no graph of its own.
fn hash_of(graph: &Graph<'_>, task: usize) -> Result<u64, i32> {
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    let steps = graph.steps_of(task);
    let mut hash = 0xcbf2_9ce4_8422_2325 ^ steps.len() as u64;
    for step in steps.clone() {
        let parents = graph.parents_of(step);
        hash = (hash ^ parents.len() as u64).wrapping_mul(PRIME);
        for &parent in parents {
            let parent = parent as usize;
            if !steps.contains(&parent) {
                return Err(ungrouped::FOREIGN_PARENTS);
            }
            if parent >= step {
                return Err(ungrouped::UNORDERED);
            }
            hash = (hash ^ (parent - steps.start) as u64).wrapping_mul(PRIME);
        }
    }
    Ok(hash)
}

/// True where two tasks have the same parents, in the same order, each relative to its task's first
/// step. O(steps + edges), in vectors.
pub(crate) fn same_graph(graph: &Graph<'_>, one: usize, other: usize) -> bool {
    let (first, offsets, parents) = shape(graph, one);
    let (other_first, other_offsets, other_parents) = shape(graph, other);
    offsets.len() == other_offsets.len()
        && parents.len() == other_parents.len()
        && all_apart(offsets, other_offsets, other_offsets[0].wrapping_sub(offsets[0]))
        && all_apart(parents, other_parents, other_first.wrapping_sub(first))
}

/// True where each number is `apart` more than its counterpart; no branch depends on the data.
fn all_apart(one: &[u32], other: &[u32], apart: u32) -> bool {
    let differ = |sum: u32, (one, other): (&u32, &u32)| sum | (other.wrapping_sub(*one) ^ apart);
    one.iter().zip(other).fold(0, differ) == 0
}
