//! Looks up both ends of the edges and groups them by child.

use std::collections::HashMap;

use crate::id_index::IdIndex;
use crate::problem::{Code, RowProblem};
use crate::read::NO_ROW;
use crate::stage::Staged;
use crate::tables::Table;

/// Edges by child, with their parents numbered as in the snapshot.
#[derive(Debug)]
pub(crate) struct Grouped {
    /// First edge of each owned step; N + 1 entries.
    pub offsets: Vec<u32>,
    /// Parent of each edge: a step, or a ghost behind the steps.
    pub parents: Vec<u32>,
    pub ghosts: Vec<Ghost>,
}

/// A parent that is no step of the tasks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ghost {
    pub id: i64,
    /// Its row of the steps, [`NO_ROW`] for a step that does not exist.
    pub row: u32,
    /// Its position among the staged steps, where it has one.
    position: Option<u32>,
}

/// No staged step.
const NOBODY: u32 = u32::MAX;

/// The two ends of an edge among the staged steps; eight bytes, because there may be billions of them.
#[derive(Clone, Copy)]
struct Ends {
    parent: u32,
    child: u32,
}

/// Groups the edges by child, in the order of the input. An edge from a step that does not exist
/// counts as one from an unfinished parent and is reported; one to such a step is reported. O(edges).
pub(crate) fn group_edges(
    staged: &Staged<'_>,
    problems: &mut Vec<RowProblem>,
    index: &IdIndex<'_>,
    [from, to]: [&[i64]; 2],
    has_foreign_steps: bool,
) -> Grouped {
    let owned = staged.owned as u32;
    let find = |id| index.find(id).map_or(NOBODY, |at| at as u32);
    let mut offsets = vec![0; staged.owned + 1];
    // edges between these steps alone, as nearly all inputs have them, need no second look
    let mut is_closed = true;
    let lookup = |(&from, &to): (&i64, &i64)| {
        let ends = Ends { parent: find(from), child: find(to) };
        is_closed &= ends.parent < owned && ends.child < owned;
        if ends.child < owned {
            offsets[ends.child as usize + 1] += 1;
        }
        ends
    };
    let mut ends: Vec<Ends> = from.iter().zip(to).map(lookup).collect();
    for at in 1..offsets.len() {
        offsets[at] += offsets[at - 1];
    }
    let mut ghosts = Vec::new();
    if !is_closed {
        ghosts = find_ghosts(staged, &ends, from);
        report_missing(staged, problems, &ends, [from, to], has_foreign_steps);
        let node_of = numbers_of(&ghosts, staged.owned);
        for (ends, &id) in ends.iter_mut().zip(from) {
            if ends.parent >= owned && ends.child < owned {
                let ghost = if ends.parent == NOBODY { Err(id) } else { Ok(ends.parent) };
                ends.parent = node_of[&ghost];
            }
        }
    }
    let mut fill = offsets[..staged.owned].to_vec();
    let mut parents = vec![0; offsets[staged.owned] as usize];
    for Ends { parent, child } in ends {
        if child < owned {
            let slot = &mut fill[child as usize];
            parents[*slot as usize] = parent;
            *slot += 1;
        }
    }
    Grouped { offsets, parents, ghosts }
}

/// The number of each ghost by its position, or by its id where it does not exist.
fn numbers_of(ghosts: &[Ghost], owned: usize) -> HashMap<Result<u32, i64>, u32> {
    let key = |ghost: &Ghost| ghost.position.ok_or(ghost.id);
    ghosts.iter().enumerate().map(|(at, ghost)| (key(ghost), (owned + at) as u32)).collect()
}

/// Parents outside of the owned steps: those that exist by id, then the others as edges name them.
fn find_ghosts(staged: &Staged<'_>, ends: &[Ends], from: &[i64]) -> Vec<Ghost> {
    let owned = staged.owned as u32;
    let mut strays = vec![false; staged.steps.ids.len() - staged.owned];
    let mut missing = HashMap::new();
    let mut unknown = Vec::new();
    for (&Ends { parent, child }, &id) in ends.iter().zip(from) {
        if parent == NOBODY && child != NOBODY {
            // one that only a foreign step depends on takes its turn, but no place
            let at = *missing.entry(id).or_insert_with(|| {
                unknown.push((id, false));
                unknown.len() - 1
            });
            unknown[at].1 |= child < owned;
        } else if parent != NOBODY && parent >= owned && child < owned {
            strays[(parent - owned) as usize] = true;
        }
    }
    let known = (owned..).zip(strays).filter(|&(_, is)| is).map(|(position, _)| Ghost {
        id: staged.steps.ids[position as usize],
        row: staged.steps.row(position as usize),
        position: Some(position),
    });
    let unknown = unknown.into_iter().filter(|&(_, is)| is);
    known.chain(unknown.map(|(id, _)| Ghost { id, row: NO_ROW, position: None })).collect()
}

fn report_missing(
    staged: &Staged<'_>,
    problems: &mut Vec<RowProblem>,
    ends: &[Ends],
    [from, to]: [&[i64]; 2],
    has_foreign_steps: bool,
) {
    let dangling = |message: String, id: i64, task_id: Option<i64>| RowProblem {
        code: Code::DanglingEdge,
        message,
        table: Table::Edges,
        id,
        task_id,
        refused: false,
    };
    let edges = || ends.iter().zip(from.iter().zip(to));
    for (Ends { parent, child }, (&from, &to)) in edges() {
        if *parent != NOBODY || *child == NOBODY {
            continue;
        }
        let message = format!(
            "Edge {from} -> {to} comes from a step that does not exist; it counts as an unfinished parent."
        );
        let task_id = staged.task_of(*child as usize).map(|task| staged.tasks.ids[task]);
        problems.push(dangling(message, from, task_id));
    }
    for (Ends { child, .. }, (&from, &to)) in edges() {
        if *child == NOBODY && !has_foreign_steps {
            let message = format!(
                "Edge {from} -> {to} leads to a step that does not exist; no answer depends on it."
            );
            problems.push(dangling(message, to, None));
        }
    }
}
