//! Builds the snapshot: the same bytes as `src/graph/snapshot/build-snapshot.ts` makes of the same rows.

use tasker_resolver::codes::{flag, state, task_flag};
use tasker_resolver::sections::allocate;
use tasker_resolver::{Counts, Section, SectionsMut};

use crate::column::Column;
use crate::edges::{Ghost, Grouped, group_edges};
use crate::id_index::IdIndex;
use crate::problem::{Code, Problem, RowProblem};
use crate::read::{NO_ROW, Named, Rows, instant_of};
use crate::stage::{Staged, edge_ids, stage};
use crate::tables::{Input, Steps, Table, Tasks};

/// The retry limit that null stands for.
const DEFAULT_LIMIT: i32 = 3;

/// A snapshot buffer with what is known of its rows.
#[derive(Debug)]
pub(crate) struct Built {
    pub words: Vec<u64>,
    pub problems: Vec<RowProblem>,
    /// Input row of each task and step, where the input was not in order.
    pub task_rows: Option<Vec<u32>>,
    pub step_rows: Option<Vec<u32>>,
}

/// O(rows) where they come ordered, by task and step; else O(rows · log rows).
pub(crate) fn build(input: &Input<'_>) -> Result<Built, Problem> {
    require_lengths(input)?;
    let (staged, mut found) = stage(input)?;
    let [from, to] = edge_ids(&input.edges)?;
    let mut twice = Vec::new();
    let index = IdIndex::new(&staged.steps.ids, |at| twice.push(at));
    for at in twice {
        let first = index.find(staged.steps.ids[at]).unwrap_or(at);
        found.refuse_step(&staged, [first, at]);
    }
    let ends = [from.as_ref(), to.as_ref()];
    let foreign = input.has_foreign_steps;
    let edges = group_edges(&staged, &mut found.problems, &index, ends, foreign);
    let timed = timed_rows(&input.steps, &staged.steps.first_rows(staged.owned))?;
    let counts = Counts {
        tasks: staged.tasks.ids.len(),
        steps: staged.owned,
        ghosts: edges.ghosts.len(),
        edges: edges.parents.len(),
        timed: timed.len(),
    };
    let mut words = allocate(&counts).map_err(|problem| {
        Problem::new(Code::TooLarge, format!("{problem} Resolve fewer tasks at a time."))
    })?;
    let mut sections = SectionsMut::open(&mut words)?;
    write_timed(&mut sections, &timed);
    write_nodes(&mut sections, &input.steps, &staged, &edges.ghosts)?;
    write_tasks(&mut sections, &input.tasks, &staged, &found.task_flags, &edges)?;
    write_edges(&mut sections, &edges);
    let step_rows = staged.steps.rows.map(|mut rows| {
        rows.truncate(staged.owned);
        rows
    });
    Ok(Built { words, problems: found.problems, task_rows: staged.tasks.rows, step_rows })
}

fn require_lengths(input: &Input<'_>) -> Result<(), Problem> {
    let Input { tasks, steps, edges, .. } = input;
    let check = |table: Table, rows: usize, columns: &[(&'static str, Option<Column<'_>>)]| {
        columns.iter().try_for_each(|&(name, column)| {
            column.map_or(Ok(()), |column| Named { table, name, column }.require_rows(rows))
        })
    };
    let columns = [
        ("task_id", Some(tasks.task_id)),
        ("named_task_id", tasks.named_task_id),
        ("state", tasks.state),
    ];
    check(Table::Tasks, tasks.task_id.len(), &columns)?;
    let columns = [
        ("workflow_step_id", Some(steps.workflow_step_id)),
        ("task_id", Some(steps.task_id)),
        ("named_step_id", steps.named_step_id),
        ("state", steps.state),
        ("transitioned_at", steps.transitioned_at),
        ("attempts", steps.attempts),
        ("retry_limit", steps.retry_limit),
        ("retryable", steps.retryable),
        ("in_process", steps.in_process),
        ("processed", steps.processed),
        ("skippable", steps.skippable),
        ("backoff_request_seconds", steps.backoff_request_seconds),
        ("last_attempted_at", steps.last_attempted_at),
        ("next_attempt_at", steps.next_attempt_at),
    ];
    check(Table::Steps, steps.workflow_step_id.len(), &columns)?;
    let columns =
        [("from_step_id", Some(edges.from_step_id)), ("to_step_id", Some(edges.to_step_id))];
    check(Table::Edges, edges.from_step_id.len(), &columns)
}

fn of_steps<'a>(name: &'static str, column: Option<Column<'a>>) -> Option<Named<'a>> {
    column.map(|column| Named { table: Table::Steps, name, column })
}

fn of_tasks<'a>(name: &'static str, column: Option<Column<'a>>) -> Option<Named<'a>> {
    column.map(|column| Named { table: Table::Tasks, name, column })
}

/// A step with a time: when it failed, and its stored next attempt; NaN for null.
struct Timed {
    step: u32,
    failed_at: f64,
    next_attempt_at: f64,
}

/// The steps with a failure instant, an explicit wait or a stored next attempt.
fn timed_rows(steps: &Steps<'_>, rows: &Rows<'_>) -> Result<Vec<Timed>, Problem> {
    let transitioned = of_steps("transitioned_at", steps.transitioned_at);
    let last = of_steps("last_attempted_at", steps.last_attempted_at);
    let next = of_steps("next_attempt_at", steps.next_attempt_at);
    let instants = [&transitioned, &last, &next];
    instants.into_iter().flatten().try_for_each(Named::require_instants)?;
    let mut timed = Vec::new();
    if instants.into_iter().all(Option::is_none) {
        return Ok(timed);
    }
    let state = of_steps("state", steps.state);
    let mut failed = vec![false; steps.workflow_step_id.len()];
    if let (Some(state), true) = (&state, transitioned.is_some()) {
        state.states(rows, |at, code| failed[at] = code == state::ERROR)?;
    }
    let waits = steps.backoff_request_seconds.map(|column| column.validity);
    rows.each(|at, row| {
        let created_at = instant_of(transitioned.as_ref(), row)?;
        let failed_at = if failed[at] { created_at } else { f64::NAN };
        let next_attempt_at = instant_of(next.as_ref(), row)?;
        let last_attempted_at = instant_of(last.as_ref(), row)?;
        let waits = waits.is_some_and(|validity| validity.is_valid(row));
        let is_explicit = waits && !last_attempted_at.is_nan();
        if is_explicit || !failed_at.is_nan() || !next_attempt_at.is_nan() {
            timed.push(Timed { step: at as u32, failed_at, next_attempt_at });
        }
        Ok(())
    })?;
    Ok(timed)
}

fn write_timed(sections: &mut SectionsMut<'_>, timed: &[Timed]) {
    let steps = sections.take::<u32>(Section::TimedStep).iter_mut();
    let failures = sections.take::<f64>(Section::FailedAt).iter_mut();
    let attempts = sections.take::<f64>(Section::NextAttemptAt).iter_mut();
    for (((row, step), failed_at), next) in timed.iter().zip(steps).zip(failures).zip(attempts) {
        (*step, *failed_at, *next) = (row.step, row.failed_at, row.next_attempt_at);
    }
}

fn write_nodes(
    sections: &mut SectionsMut<'_>,
    steps: &Steps<'_>,
    staged: &Staged<'_>,
    ghosts: &[Ghost],
) -> Result<(), Problem> {
    let owned = staged.owned;
    let rows = staged.steps.first_rows(owned);
    let (ids, ghost_ids) = sections.take::<i64>(Section::StepId).split_at_mut(owned);
    ids.copy_from_slice(&staged.steps.ids[..owned]);
    ghost_ids.iter_mut().zip(ghosts).for_each(|(id, ghost)| *id = ghost.id);
    let states = sections.take::<u8>(Section::State).split_at_mut(owned);
    let flags = sections.take::<u8>(Section::Flags).split_at_mut(owned);
    let attempts = sections.take::<i32>(Section::Attempts).split_at_mut(owned);
    let limits = sections.take::<i32>(Section::RetryLimit).split_at_mut(owned);
    let waits = sections.take::<i32>(Section::BackoffSeconds);
    let own = Nodes { state: states.0, flags: flags.0, attempts: attempts.0, limit: limits.0 };
    own.write(steps, &rows, waits)?;
    if let Some(column) = of_steps("named_step_id", steps.named_step_id) {
        column.required_integers(&rows, sections.take(Section::NamedStepId))?;
    }
    let last = of_steps("last_attempted_at", steps.last_attempted_at);
    let attempted_at = sections.take::<f64>(Section::LastAttemptedAt);
    match &last {
        None => attempted_at.fill(f64::NAN),
        Some(last) => rows.each(|at, row| {
            attempted_at[at] = last.instant(row)?;
            Ok(())
        })?,
    }
    let ghost_rows: Vec<u32> = ghosts.iter().map(|ghost| ghost.row).collect();
    let mut no_waits = vec![0; ghosts.len()];
    let own = Nodes { state: states.1, flags: flags.1, attempts: attempts.1, limit: limits.1 };
    own.write(steps, &Rows::Listed(&ghost_rows), &mut no_waits)?;
    let tasks = Named { table: Table::Steps, name: "task_id", column: steps.task_id }.ids()?;
    for (task, &row) in sections.take::<i64>(Section::GhostTaskId).iter_mut().zip(&ghost_rows) {
        *task = if row == NO_ROW { 0 } else { tasks[row as usize] };
    }
    Ok(())
}

/// The columns that steps and ghosts have in common.
struct Nodes<'a> {
    state: &'a mut [u8],
    flags: &'a mut [u8],
    attempts: &'a mut [i32],
    limit: &'a mut [i32],
}

impl Nodes<'_> {
    /// `waits`: explicit waits, seconds, beside the nodes.
    fn write(self, steps: &Steps<'_>, rows: &Rows<'_>, waits: &mut [i32]) -> Result<(), Problem> {
        const RETRY_LIMIT_NULL: u8 = 16;
        const SKIPPABLE: u8 = 64;
        let Self { state, flags, attempts, limit } = self;
        limit.fill(DEFAULT_LIMIT);
        for (name, column, out, bit, instead) in [
            ("attempts", steps.attempts, attempts, flag::ATTEMPTS_NULL, 0),
            ("retry_limit", steps.retry_limit, limit, RETRY_LIMIT_NULL, DEFAULT_LIMIT),
            (
                "backoff_request_seconds",
                steps.backoff_request_seconds,
                waits,
                flag::BACKOFF_NULL,
                0,
            ),
        ] {
            match of_steps(name, column) {
                Some(column) => column.integers(rows, out, |at, value| {
                    *value = instead;
                    flags[at] |= bit;
                })?,
                None => mark_all(rows, flags, bit)?,
            }
        }
        for (name, column, bit, when) in [
            ("processed", steps.processed, flag::PROCESSED, true),
            ("in_process", steps.in_process, flag::IN_PROCESS, true),
            ("retryable", steps.retryable, flag::NOT_RETRYABLE, false),
            ("skippable", steps.skippable, SKIPPABLE, true),
        ] {
            if let Some(column) = of_steps(name, column) {
                column.booleans(rows, |at, value| flags[at] |= u8::from(value == when) * bit)?;
            }
        }
        of_steps("state", steps.state).map_or(Ok(()), |column| {
            column.states(rows, |at, code| {
                state[at] = code;
                flags[at] |= TRANSITIONED;
            })
        })
    }
}

/// Bit of the flags of steps and tasks: there is a current transition.
const TRANSITIONED: u8 = 128;

fn mark_all(rows: &Rows<'_>, flags: &mut [u8], bit: u8) -> Result<(), Problem> {
    rows.each(|at, _| {
        flags[at] |= bit;
        Ok(())
    })
}

fn write_tasks(
    sections: &mut SectionsMut<'_>,
    tasks: &Tasks<'_>,
    staged: &Staged<'_>,
    task_flags: &[u8],
    edges: &Grouped,
) -> Result<(), Problem> {
    let rows = staged.tasks.first_rows(staged.tasks.ids.len());
    sections.take::<i64>(Section::TaskId).copy_from_slice(&staged.tasks.ids);
    sections.take::<u32>(Section::TaskSteps).copy_from_slice(&staged.task_steps);
    if let Some(column) = of_tasks("named_task_id", tasks.named_task_id) {
        column.required_integers(&rows, sections.take(Section::NamedTaskId))?;
    }
    let states = sections.take::<u8>(Section::TaskState);
    let flags = sections.take::<u8>(Section::TaskFlags);
    flags.copy_from_slice(task_flags);
    if let Some(column) = of_tasks("state", tasks.state) {
        column.states(&rows, |at, code| {
            states[at] = code;
            flags[at] |= TRANSITIONED;
        })?;
    }
    for (flags, ends) in flags.iter_mut().zip(staged.task_steps.windows(2)) {
        if rises(edges, ends[0], ends[1]) {
            *flags |= task_flag::TOPOLOGICAL;
        }
    }
    Ok(())
}

/// Whether the edges among steps `first` to `end - 1` all lead from smaller to greater numbers.
fn rises(edges: &Grouped, first: u32, end: u32) -> bool {
    (first..end).all(|step| {
        let ends = &edges.offsets[step as usize..];
        let parents = &edges.parents[ends[0] as usize..ends[1] as usize];
        !parents.iter().any(|&parent| parent >= step && parent < end)
    })
}

/// Parents, and their transposition into children: a counting sort, stable in the child.
fn write_edges(sections: &mut SectionsMut<'_>, Grouped { offsets, parents, .. }: &Grouped) {
    sections.take::<u32>(Section::ParentOffsets).copy_from_slice(offsets);
    sections.take::<u32>(Section::Parents).copy_from_slice(parents);
    let child_offsets = sections.take::<u32>(Section::ChildOffsets);
    for &parent in parents {
        child_offsets[parent as usize + 1] += 1;
    }
    for at in 1..child_offsets.len() {
        child_offsets[at] += child_offsets[at - 1];
    }
    let children = sections.take::<u32>(Section::Children);
    let mut fill = child_offsets[..child_offsets.len() - 1].to_vec();
    for (step, ends) in (0..).zip(offsets.windows(2)) {
        for &parent in &parents[ends[0] as usize..ends[1] as usize] {
            let slot = &mut fill[parent as usize];
            children[*slot as usize] = step;
            *slot += 1;
        }
    }
}
