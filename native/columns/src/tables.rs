//! The input: three tables of columns, named as in the database.

use std::fmt;

use crate::column::Column;

/// A table of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum Table {
    /// [`Tasks`].
    Tasks = 0,
    /// [`Steps`].
    Steps = 1,
    /// [`Edges`].
    Edges = 2,
}

impl fmt::Display for Table {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Tasks => "tasks",
            Self::Steps => "steps",
            Self::Edges => "edges",
        })
    }
}

/// Tasks, in any order; all columns of one length.
#[derive(Clone, Copy, Debug)]
pub struct Tasks<'a> {
    /// Ids (i64 or i32).
    pub task_id: Column<'a>,
    /// Named tasks (i32, or i64 that fits); 0 where the column is absent.
    pub named_task_id: Option<Column<'a>>,
    /// State codes (u8, [`states`](crate::states)) of the current transitions; null or absent for
    /// none, which counts as pending.
    pub state: Option<Column<'a>>,
}

/// Workflow steps, in any order; all columns of one length. An absent column counts as null
/// throughout, but for the named step, which is 0.
#[derive(Clone, Copy, Debug)]
pub struct Steps<'a> {
    /// Ids (i64 or i32).
    pub workflow_step_id: Column<'a>,
    /// Their tasks (i64 or i32).
    pub task_id: Column<'a>,
    /// Named steps (i32, or i64 that fits).
    pub named_step_id: Option<Column<'a>>,
    /// State codes (u8) of the current transitions, null for none.
    pub state: Option<Column<'a>>,
    /// When the current transition was created (instants); read where the state is `error`.
    pub transitioned_at: Option<Column<'a>>,
    /// Attempts made (i32, or i64 that fits).
    pub attempts: Option<Column<'a>>,
    /// Attempts allowed (i32, or i64 that fits); null is 3.
    pub retry_limit: Option<Column<'a>>,
    /// Whether a failure may be tried again (u8 or bits); null is true.
    pub retryable: Option<Column<'a>>,
    /// Whether somebody works at the step (u8 or bits); null is false.
    pub in_process: Option<Column<'a>>,
    /// Whether the step was worked off (u8 or bits); null is false.
    pub processed: Option<Column<'a>>,
    /// Whether the step may be left out (u8 or bits); null is false. No answer depends on it.
    pub skippable: Option<Column<'a>>,
    /// Explicit wait, seconds (i32, or i64 that fits).
    pub backoff_request_seconds: Option<Column<'a>>,
    /// Last attempt (instants).
    pub last_attempted_at: Option<Column<'a>>,
    /// Stored next attempt (instants), read under the `engine` rules.
    pub next_attempt_at: Option<Column<'a>>,
}

/// Edges from parents to children, in any order, duplicates counted; both columns of one length.
#[derive(Clone, Copy, Debug)]
pub struct Edges<'a> {
    /// Parents (i64 or i32).
    pub from_step_id: Column<'a>,
    /// Children (i64 or i32).
    pub to_step_id: Column<'a>,
}

/// Everything that answers follow from, borrowed. Instants are µs since the epoch, UTC: i64 of at
/// most 2^53 either way (`i64::MIN`, which is numpy's NaT, is null), or f64, which may be infinite.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// The tasks that are answered.
    pub tasks: Tasks<'a>,
    /// Their steps, and the steps of other tasks that edges come from.
    pub steps: Steps<'a>,
    /// The edges.
    pub edges: Edges<'a>,
    /// Whether steps of tasks that are not in `tasks` are only there as parents of others. Else each
    /// is reported, and so is an edge that leads to a step that is not there.
    pub has_foreign_steps: bool,
}

impl<'a> Steps<'a> {
    /// Steps of which nothing but their place is known: pending, never tried.
    #[must_use]
    pub const fn new(workflow_step_id: Column<'a>, task_id: Column<'a>) -> Self {
        Self {
            workflow_step_id,
            task_id,
            named_step_id: None,
            state: None,
            transitioned_at: None,
            attempts: None,
            retry_limit: None,
            retryable: None,
            in_process: None,
            processed: None,
            skippable: None,
            backoff_request_seconds: None,
            last_attempted_at: None,
            next_attempt_at: None,
        }
    }
}
