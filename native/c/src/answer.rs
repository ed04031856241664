//! Reading answers into memory of the caller's.

use tasker_columns::{Answer, Contexts, Levels, Problem, Readiness};

use crate::error::{Code, Error, bad_argument, guarded};
use crate::ids::Ids;
use crate::input::slice_of_mut;
use crate::snapshot::{Snapshot, not_null, snapshot_of};

/// A table of answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Rows {
    /// Every step of the answered tasks, by task, then step.
    Readiness = 0,
    /// Every answered task, by task.
    Contexts = 1,
    /// Every step of the answered tasks that has a level, by task, then level, then step.
    Levels = 2,
}

/// A column of an answer, with the function that reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Field {
    /// Id of the step: tasker_read_i64.
    ReadinessWorkflowStepId = 0,
    /// Id of its task: tasker_read_i64.
    ReadinessTaskId = 1,
    /// Its named step: tasker_read_i32.
    ReadinessNamedStepId = 2,
    /// State code: tasker_read_u8.
    ReadinessCurrentState = 3,
    /// 1 where every parent is done, else 0: tasker_read_u8.
    ReadinessDependenciesSatisfied = 4,
    /// 1 where an attempt is left, else 0: tasker_read_u8.
    ReadinessRetryEligible = 5,
    /// 1 where it may run now, else 0: tasker_read_u8.
    ReadinessReadyForExecution = 6,
    /// When it fell into its present error, µs, NaN for null: tasker_read_f64.
    ReadinessLastFailureAt = 7,
    /// When its wait ends or ended, µs, NaN for null: tasker_read_f64.
    ReadinessNextRetryAt = 8,
    /// Edges that lead to it: tasker_read_i32.
    ReadinessTotalParents = 9,
    /// Those of them that come from done steps: tasker_read_i32.
    ReadinessCompletedParents = 10,
    /// Attempts made, null as 0: tasker_read_i32.
    ReadinessAttempts = 11,
    /// Attempts allowed, null as 3: tasker_read_i32.
    ReadinessRetryLimit = 12,
    /// Explicit wait, seconds, null as 0: tasker_read_i32.
    ReadinessBackoffRequestSeconds = 13,
    /// 1 where there is an explicit wait, 0 for null: tasker_read_u8.
    ReadinessHasBackoffRequest = 14,
    /// Last attempt, µs, NaN for null: tasker_read_f64.
    ReadinessLastAttemptedAt = 15,
    /// Id of the task: tasker_read_i64.
    ContextTaskId = 100,
    /// Its named task: tasker_read_i32.
    ContextNamedTaskId = 101,
    /// State code: tasker_read_u8.
    ContextStatus = 102,
    /// Its steps: tasker_read_i64.
    ContextTotalSteps = 103,
    /// Those that are pending: tasker_read_i64.
    ContextPendingSteps = 104,
    /// Those that run: tasker_read_i64.
    ContextInProgressSteps = 105,
    /// Those that are done: tasker_read_i64.
    ContextCompletedSteps = 106,
    /// Those in error: tasker_read_i64.
    ContextFailedSteps = 107,
    /// Those that may run now: tasker_read_i64.
    ContextReadySteps = 108,
    /// Code of tasker_execution_status_name and tasker_recommended_action_name: tasker_read_u8.
    ContextExecutionStatus = 109,
    /// Done steps of a hundred, rounded half up to two digits: tasker_read_f64.
    ContextCompletionPercentage = 110,
    /// Code of tasker_health_status_name: tasker_read_u8.
    ContextHealthStatus = 111,
    /// Id of the step: tasker_read_i64.
    LevelWorkflowStepId = 200,
    /// Id of its task: tasker_read_i64.
    LevelTaskId = 201,
    /// Longest path from a root of the task, in edges: tasker_read_i32.
    LevelDependencyLevel = 202,
}

impl Field {
    /// Every field, ascending.
    pub const ALL: &[Self] = &[
        Self::ReadinessWorkflowStepId,
        Self::ReadinessTaskId,
        Self::ReadinessNamedStepId,
        Self::ReadinessCurrentState,
        Self::ReadinessDependenciesSatisfied,
        Self::ReadinessRetryEligible,
        Self::ReadinessReadyForExecution,
        Self::ReadinessLastFailureAt,
        Self::ReadinessNextRetryAt,
        Self::ReadinessTotalParents,
        Self::ReadinessCompletedParents,
        Self::ReadinessAttempts,
        Self::ReadinessRetryLimit,
        Self::ReadinessBackoffRequestSeconds,
        Self::ReadinessHasBackoffRequest,
        Self::ReadinessLastAttemptedAt,
        Self::ContextTaskId,
        Self::ContextNamedTaskId,
        Self::ContextStatus,
        Self::ContextTotalSteps,
        Self::ContextPendingSteps,
        Self::ContextInProgressSteps,
        Self::ContextCompletedSteps,
        Self::ContextFailedSteps,
        Self::ContextReadySteps,
        Self::ContextExecutionStatus,
        Self::ContextCompletionPercentage,
        Self::ContextHealthStatus,
        Self::LevelWorkflowStepId,
        Self::LevelTaskId,
        Self::LevelDependencyLevel,
    ];

    fn from_code(code: u32) -> Result<Self, Problem> {
        let known = Self::ALL.iter().copied().find(|&field| field as u32 == code);
        known.ok_or_else(|| bad_argument(format!("There is no field {code}.")))
    }
}

/// The tables of an answer.
struct Tables<'a> {
    answer: Answer<'a>,
}

impl<'a> Tables<'a> {
    /// # Safety
    /// NULL or a handle that lives for `'a`, see the crate.
    unsafe fn of(snapshot: *const Snapshot) -> Result<Self, Problem> {
        // SAFETY: the caller's promise.
        let answer = unsafe { snapshot_of(snapshot) }?.owned.answer();
        Ok(Self { answer: answer.ok_or_else(|| bad_argument("Nothing was resolved yet."))? })
    }

    fn readiness(&self) -> Readiness<'a> {
        self.answer.readiness()
    }

    fn contexts(&self) -> Result<Contexts<'a>, Problem> {
        self.answer.contexts().ok_or_else(|| bad_argument("The contexts were not asked for."))
    }

    fn levels(&self) -> Result<Levels<'a>, Problem> {
        self.answer.levels().ok_or_else(|| bad_argument("The levels were not asked for."))
    }

    fn rows(&self, table: Rows) -> Result<usize, Problem> {
        match table {
            Rows::Readiness => Ok(self.readiness().len()),
            Rows::Contexts => Ok(self.contexts()?.len()),
            Rows::Levels => Ok(self.levels()?.len()),
        }
    }
}

impl Field {
    const fn table(self) -> Rows {
        match self as u32 {
            0..100 => Rows::Readiness,
            100..200 => Rows::Contexts,
            _ => Rows::Levels,
        }
    }
}

/// Calls `read` with room for exactly as many rows as the field's table has.
///
/// # Safety
/// As the functions below.
unsafe fn read_into<T>(
    snapshot: *const Snapshot,
    field: u32,
    (out, length): (*mut T, usize),
    error: *mut *mut Error,
    read: impl FnOnce(&Tables<'_>, Field, &mut [T]) -> Result<(), Problem>,
) -> Code {
    let work = || {
        // SAFETY: NULL or a handle, see the crate.
        let tables = unsafe { Tables::of(snapshot) }?;
        let field = Field::from_code(field)?;
        let rows = tables.rows(field.table())?;
        if length != rows {
            return Err(bad_argument(format!(
                "There is room for {length} rows instead of {rows}."
            )));
        }
        // SAFETY: the caller's, see the crate.
        read(&tables, field, unsafe { slice_of_mut("out", out, length) }?)
    };
    // SAFETY: the caller's, see the crate.
    unsafe { guarded(error, work) }
}

fn of_another_type(field: Field) -> Result<(), Problem> {
    Err(bad_argument(format!("Field {} is of another type.", field as u32)))
}

/// Writes the number of rows of a tasker_rows into *count. Fails with TASKER_CODE_BAD_ARGUMENT before the
/// first resolution and for what it did not ask for. Any number of threads.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tasker_row_count(
    snapshot: *const Snapshot,
    table: u32,
    count: *mut usize,
    error: *mut *mut Error,
) -> Code {
    let work = || {
        // SAFETY: NULL or a handle, see the crate.
        let tables = unsafe { Tables::of(snapshot) }?;
        let out = not_null("count", count)?;
        let table = match table {
            0 => Rows::Readiness,
            1 => Rows::Contexts,
            2 => Rows::Levels,
            other => return Err(bad_argument(format!("There is no table {other} of answers."))),
        };
        let rows = tables.rows(table)?;
        // SAFETY: not NULL, and the caller's to be written.
        unsafe { out.write(rows) };
        Ok(())
    };
    // SAFETY: the caller's, see the crate.
    unsafe { guarded(error, work) }
}

/// Reads a field into `out`, which has room for `length` rows: as many as tasker_row_count says. Fails with
/// TASKER_CODE_BAD_ARGUMENT for another length, an unknown field or one of another type. Any number of
/// threads.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tasker_read_i64(
    snapshot: *const Snapshot,
    field: u32,
    out: *mut i64,
    length: usize,
    error: *mut *mut Error,
) -> Code {
    let read = |tables: &Tables<'_>, field, out: &mut [i64]| {
        match field {
            Field::ReadinessWorkflowStepId => tables.readiness().workflow_step_id(out),
            Field::ReadinessTaskId => tables.readiness().task_id(out),
            Field::ContextTaskId => tables.contexts()?.task_id(out),
            Field::ContextTotalSteps => tables.contexts()?.total_steps(out),
            Field::ContextPendingSteps => tables.contexts()?.pending_steps(out),
            Field::ContextInProgressSteps => tables.contexts()?.in_progress_steps(out),
            Field::ContextCompletedSteps => tables.contexts()?.completed_steps(out),
            Field::ContextFailedSteps => tables.contexts()?.failed_steps(out),
            Field::ContextReadySteps => tables.contexts()?.ready_steps(out),
            Field::LevelWorkflowStepId => tables.levels()?.workflow_step_id(out),
            Field::LevelTaskId => tables.levels()?.task_id(out),
            other => return of_another_type(other),
        }
        Ok(())
    };
    // SAFETY: the caller's, see the crate.
    unsafe { read_into(snapshot, field, (out, length), error, read) }
}

/// Reads a field into `out`, which has room for `length` rows: as many as tasker_row_count says. Fails with
/// TASKER_CODE_BAD_ARGUMENT for another length, an unknown field or one of another type. Any number of
/// threads.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tasker_read_i32(
    snapshot: *const Snapshot,
    field: u32,
    out: *mut i32,
    length: usize,
    error: *mut *mut Error,
) -> Code {
    let read = |tables: &Tables<'_>, field, out: &mut [i32]| {
        match field {
            Field::ReadinessNamedStepId => tables.readiness().named_step_id(out),
            Field::ReadinessTotalParents => tables.readiness().total_parents(out),
            Field::ReadinessCompletedParents => tables.readiness().completed_parents(out),
            Field::ReadinessAttempts => tables.readiness().attempts(out),
            Field::ReadinessRetryLimit => tables.readiness().retry_limit(out),
            Field::ReadinessBackoffRequestSeconds => {
                tables.readiness().backoff_request_seconds(out)
            }
            Field::ContextNamedTaskId => tables.contexts()?.named_task_id(out),
            Field::LevelDependencyLevel => tables.levels()?.dependency_level(out),
            other => return of_another_type(other),
        }
        Ok(())
    };
    // SAFETY: the caller's, see the crate.
    unsafe { read_into(snapshot, field, (out, length), error, read) }
}

/// Reads a field into `out`, which has room for `length` rows: as many as tasker_row_count says. Fails with
/// TASKER_CODE_BAD_ARGUMENT for another length, an unknown field or one of another type. Any number of
/// threads.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tasker_read_u8(
    snapshot: *const Snapshot,
    field: u32,
    out: *mut u8,
    length: usize,
    error: *mut *mut Error,
) -> Code {
    let read = |tables: &Tables<'_>, field, out: &mut [u8]| {
        match field {
            Field::ReadinessCurrentState => tables.readiness().current_state(out),
            Field::ReadinessDependenciesSatisfied => tables.readiness().dependencies_satisfied(out),
            Field::ReadinessRetryEligible => tables.readiness().retry_eligible(out),
            Field::ReadinessReadyForExecution => tables.readiness().ready_for_execution(out),
            Field::ReadinessHasBackoffRequest => tables.readiness().has_backoff_request(out),
            Field::ContextStatus => tables.contexts()?.status(out),
            Field::ContextExecutionStatus => tables.contexts()?.execution_status(out),
            Field::ContextHealthStatus => tables.contexts()?.health_status(out),
            other => return of_another_type(other),
        }
        Ok(())
    };
    // SAFETY: the caller's, see the crate.
    unsafe { read_into(snapshot, field, (out, length), error, read) }
}

/// Reads a field into `out`, which has room for `length` rows: as many as tasker_row_count says. Fails with
/// TASKER_CODE_BAD_ARGUMENT for another length, an unknown field or one of another type. Any number of
/// threads.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tasker_read_f64(
    snapshot: *const Snapshot,
    field: u32,
    out: *mut f64,
    length: usize,
    error: *mut *mut Error,
) -> Code {
    let read = |tables: &Tables<'_>, field, out: &mut [f64]| {
        match field {
            Field::ReadinessLastFailureAt => tables.readiness().last_failure_at(out),
            Field::ReadinessNextRetryAt => tables.readiness().next_retry_at(out),
            Field::ReadinessLastAttemptedAt => tables.readiness().last_attempted_at(out),
            Field::ContextCompletionPercentage => tables.contexts()?.completion_percentage(out),
            other => return of_another_type(other),
        }
        Ok(())
    };
    // SAFETY: the caller's, see the crate.
    unsafe { read_into(snapshot, field, (out, length), error, read) }
}

/// The ids of the steps that may run now into *step_ids, by task, then step. O(steps). Fails with
/// TASKER_CODE_BAD_ARGUMENT before the first resolution. Any number of threads.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tasker_ready_step_ids(
    snapshot: *const Snapshot,
    step_ids: *mut *mut Ids,
    error: *mut *mut Error,
) -> Code {
    let work = || {
        // SAFETY: NULL or a handle, see the crate.
        let tables = unsafe { Tables::of(snapshot) }?;
        let out = not_null("step_ids", step_ids)?;
        // SAFETY: not NULL, and the caller's to be written.
        unsafe { out.write(Ids::handle(tables.readiness().ready_step_ids())) };
        Ok(())
    };
    // SAFETY: the caller's, see the crate.
    unsafe { guarded(error, work) }
}

/// The cycles into *cycles, by task, at least one for each task that has any: for each the id of the task,
/// the number of its steps, their ids; an edge leads from each to the next and from the last to the first.
/// Fails with TASKER_CODE_BAD_ARGUMENT before the first resolution. Any number of threads.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tasker_cycles(
    snapshot: *const Snapshot,
    cycles: *mut *mut Ids,
    error: *mut *mut Error,
) -> Code {
    let work = || {
        // SAFETY: NULL or a handle, see the crate.
        let tables = unsafe { Tables::of(snapshot) }?;
        let out = not_null("cycles", cycles)?;
        let mut ids = Vec::new();
        for cycle in tables.answer.cycles() {
            ids.extend([cycle.task_id, cycle.step_ids.len() as i64]);
            ids.extend(cycle.step_ids);
        }
        // SAFETY: not NULL, and the caller's to be written.
        unsafe { out.write(Ids::handle(ids)) };
        Ok(())
    };
    // SAFETY: the caller's, see the crate.
    unsafe { guarded(error, work) }
}
