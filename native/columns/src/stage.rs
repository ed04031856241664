//! Puts tasks and steps in order and finds out whose steps are whose. Counterpart of
//! `src/graph/snapshot/staged-rows.ts` and `src/graph/snapshot/order-rows.ts`, whose problems it reports word for word.

use std::borrow::Cow;
use std::collections::HashSet;

use tasker_resolver::codes::task_flag;

use crate::id_index::IdIndex;
use crate::problem::{Code, Problem, RowProblem};
use crate::read::{Named, Rows};
use crate::tables::{Edges, Input, Table};

/// The owner of a step whose task is not in the input.
const NO_TASK: u32 = u32::MAX;

/// An ordered column of ids and the rows they come from.
#[derive(Debug)]
pub(crate) struct Ordered<'a> {
    pub ids: Cow<'a, [i64]>,
    /// Row of each position; nothing where the input was in order.
    pub rows: Option<Vec<u32>>,
}

impl Ordered<'_> {
    /// The first `count` rows.
    pub fn first_rows(&self, count: usize) -> Rows<'_> {
        self.rows.as_ref().map_or(Rows::All(count), |rows| Rows::Listed(&rows[..count]))
    }

    /// The row of a position.
    pub fn row(&self, at: usize) -> u32 {
        self.rows.as_ref().map_or(at as u32, |rows| rows[at])
    }
}

/// Tasks and steps in order, the steps of no task behind the others.
#[derive(Debug)]
pub(crate) struct Staged<'a> {
    pub tasks: Ordered<'a>,
    pub steps: Ordered<'a>,
    /// Steps that have a task.
    pub owned: usize,
    /// First step of each task; T + 1 entries.
    pub task_steps: Vec<u32>,
}

impl Staged<'_> {
    /// Task of a step that has one. O(log T).
    pub fn task_of(&self, step: usize) -> Option<usize> {
        let task = || self.task_steps.partition_point(|&first| first as usize <= step) - 1;
        (step < self.owned).then(task)
    }
}

/// What is wrong with the rows.
#[derive(Debug)]
pub(crate) struct Findings {
    /// Flags of each task so far: which are refused.
    pub task_flags: Vec<u8>,
    pub problems: Vec<RowProblem>,
    /// Rows said to be there twice, and their tasks: a third one is no further problem.
    said: HashSet<(Table, i64, i64)>,
}

impl Findings {
    /// Takes a task out of the answers because of a row; what is said of it already is not said again.
    fn refuse(&mut self, task_ids: &[i64], task: usize, table: Table, id: i64) {
        self.task_flags[task] |= task_flag::REFUSED;
        let task_id = task_ids[task];
        if !self.said.insert((table, id, task_id)) {
            return;
        }
        self.problems.push(RowProblem {
            code: Code::BadRow,
            message: format!(
                "Row {id} of {table} stands in the input twice; task {task_id} is set apart."
            ),
            table,
            id,
            task_id: Some(task_id),
            refused: true,
        });
    }

    /// Sets the tasks of a step apart that stands at two positions.
    pub fn refuse_step(&mut self, staged: &Staged<'_>, positions: [usize; 2]) {
        for position in positions {
            if let Some(task) = staged.task_of(position) {
                let id = staged.steps.ids[position];
                self.refuse(&staged.tasks.ids, task, Table::Steps, id);
            }
        }
    }
}

/// Orders tasks by id and steps by (task, id). Rows that come in order cost O(n), others O(n log n).
pub(crate) fn stage<'a>(input: &Input<'a>) -> Result<(Staged<'a>, Findings), Problem> {
    let named = |table, name, column| Named { table, name, column }.ids();
    let tasks = order_tasks(named(Table::Tasks, "task_id", input.tasks.task_id)?);
    let ids = named(Table::Steps, "workflow_step_id", input.steps.workflow_step_id)?;
    let task_ids = named(Table::Steps, "task_id", input.steps.task_id)?;
    let mut found = Findings {
        task_flags: vec![0; tasks.ids.len()],
        problems: Vec::new(),
        said: HashSet::new(),
    };
    let index = IdIndex::new(&tasks.ids, |at| {
        // the rows are neighbours: none of them is answered, or the order of the input would decide
        found.task_flags[at - 1] |= task_flag::REFUSED;
        found.refuse(&tasks.ids, at, Table::Tasks, tasks.ids[at]);
    });
    let mut owners = owners_of(&task_ids, &index);
    if !input.has_foreign_steps {
        report_strays(&ids, &task_ids, &owners, &mut found.problems);
    }
    let (steps, owned) = order_steps(ids, &mut owners);
    let mut task_steps = vec![0; tasks.ids.len() + 1];
    for &owner in &owners[..owned] {
        task_steps[owner as usize + 1] += 1;
    }
    for at in 1..task_steps.len() {
        task_steps[at] += task_steps[at - 1];
    }
    Ok((Staged { tasks, steps, owned, task_steps }, found))
}

/// Both columns of the edges.
pub(crate) fn edge_ids<'a>(edges: &Edges<'a>) -> Result<[Cow<'a, [i64]>; 2], Problem> {
    let named = |name, column| Named { table: Table::Edges, name, column };
    let from = named("from_step_id", edges.from_step_id).ids()?;
    Ok([from, named("to_step_id", edges.to_step_id).ids()?])
}

fn owners_of(task_ids: &[i64], index: &IdIndex<'_>) -> Vec<u32> {
    let mut owners = Vec::with_capacity(task_ids.len());
    let mut last = None;
    let mut owner = NO_TASK;
    for &id in task_ids {
        if last != Some(id) {
            owner = index.find(id).map_or(NO_TASK, |task| task as u32);
            last = Some(id);
        }
        owners.push(owner);
    }
    owners
}

fn report_strays(ids: &[i64], task_ids: &[i64], owners: &[u32], problems: &mut Vec<RowProblem>) {
    for ((&id, &task_id), &owner) in ids.iter().zip(task_ids).zip(owners) {
        if owner == NO_TASK {
            problems.push(RowProblem {
                code: Code::UnknownTask,
                message: format!(
                    "Step {id} names task {task_id}, which does not exist; it is left out."
                ),
                table: Table::Steps,
                id,
                task_id: Some(task_id),
                refused: false,
            });
        }
    }
}

fn order_tasks(ids: Cow<'_, [i64]>) -> Ordered<'_> {
    if ids.is_sorted() {
        return Ordered { ids, rows: None };
    }
    let mut rows: Vec<u32> = (0..ids.len() as u32).collect();
    rows.sort_by_key(|&row| ids[row as usize]);
    ordered(&ids, rows)
}

/// Orders steps and their owners; gives how many have one, too.
fn order_steps<'a>(ids: Cow<'a, [i64]>, owners: &mut Vec<u32>) -> (Ordered<'a>, usize) {
    let key = |row: usize| (owners[row], ids[row]);
    let is_sorted = (1..ids.len()).all(|row| key(row - 1) <= key(row));
    let owned = owners.iter().filter(|&&owner| owner != NO_TASK).count();
    if is_sorted {
        return (Ordered { ids, rows: None }, owned);
    }
    let mut rows: Vec<u32> = (0..ids.len() as u32).collect();
    rows.sort_by_key(|&row| key(row as usize));
    *owners = rows.iter().map(|&row| owners[row as usize]).collect();
    (ordered(&ids, rows), owned)
}

fn ordered<'a>(ids: &[i64], rows: Vec<u32>) -> Ordered<'a> {
    let ids = rows.iter().map(|&row| ids[row as usize]).collect();
    Ordered { ids: Cow::Owned(ids), rows: Some(rows) }
}
