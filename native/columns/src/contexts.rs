//! The columns of `get_task_execution_context`, by task.

use tasker_resolver::codes::{health, status};
use tasker_resolver::{Section, Sections};

use crate::spans::Spans;

/// Execution statuses by code, each with the action that is recommended.
pub const EXECUTION_STATUSES: [(&str, &str); 5] = [
    ("has_ready_steps", "execute_ready_steps"),
    ("processing", "wait_for_completion"),
    ("blocked_by_failures", "handle_failures"),
    ("all_complete", "finalize_task"),
    ("waiting_for_dependencies", "wait_for_dependencies"),
];
/// Health statuses by code.
pub const HEALTH_STATUSES: [&str; 3] = ["healthy", "recovering", "blocked"];

const _: () = assert!(status::WAITING as usize + 1 == EXECUTION_STATUSES.len());
const _: () = assert!(health::BLOCKED as usize + 1 == HEALTH_STATUSES.len());

/// Execution contexts of the answered tasks.
///
/// A column is written into memory of the caller's, of exactly [`Contexts::len`] elements; anything
/// else panics. Each takes O(tasks).
#[derive(Clone, Debug)]
pub struct Contexts<'a> {
    sections: Sections<'a>,
    task_steps: &'a [u32],
    completed: &'a [u32],
    spans: &'a Spans,
}

/// One row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ContextRow {
    /// Id of the task.
    pub task_id: i64,
    /// Its named task.
    pub named_task_id: i32,
    /// State code ([`states`](crate::states)).
    pub status: u8,
    /// Its steps.
    pub total_steps: i64,
    /// Those that are pending.
    pub pending_steps: i64,
    /// Those that run.
    pub in_progress_steps: i64,
    /// Those that are done.
    pub completed_steps: i64,
    /// Those in `error`.
    pub failed_steps: i64,
    /// Those that may run now.
    pub ready_steps: i64,
    /// Index into [`EXECUTION_STATUSES`], which names the recommended action, too.
    pub execution_status: u8,
    /// Done steps of a hundred, rounded half up to two digits.
    pub completion_percentage: f64,
    /// Index into [`HEALTH_STATUSES`].
    pub health_status: u8,
}

impl<'a> Contexts<'a> {
    pub(crate) fn new(sections: Sections<'a>, spans: &'a Spans) -> Self {
        Self {
            task_steps: sections.read(Section::TaskSteps),
            completed: sections.read(Section::CompletedSteps),
            sections,
            spans,
        }
    }

    /// Number of rows. O(1).
    #[must_use]
    pub const fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of a row's task in the snapshot, for
    /// [`OwnedSnapshot::task_row`](crate::OwnedSnapshot::task_row). O(log tasks).
    #[must_use]
    pub fn task(&self, row: usize) -> usize {
        self.spans.element(row)
    }

    /// Ids of the tasks.
    pub fn task_id(&self, out: &mut [i64]) {
        self.spans.copy(self.sections.read(Section::TaskId), out);
    }

    /// Named tasks.
    pub fn named_task_id(&self, out: &mut [i32]) {
        self.spans.copy(self.sections.read(Section::NamedTaskId), out);
    }

    /// State codes.
    pub fn status(&self, out: &mut [u8]) {
        self.spans.copy(self.sections.read(Section::TaskState), out);
    }

    /// Steps.
    pub fn total_steps(&self, out: &mut [i64]) {
        self.spans.write(out, |task| i64::from(self.total(task)));
    }

    /// Pending steps.
    pub fn pending_steps(&self, out: &mut [i64]) {
        self.count(Section::PendingSteps, out);
    }

    /// Running steps.
    pub fn in_progress_steps(&self, out: &mut [i64]) {
        self.count(Section::InProgressSteps, out);
    }

    /// Done steps.
    pub fn completed_steps(&self, out: &mut [i64]) {
        self.count(Section::CompletedSteps, out);
    }

    /// Steps in `error`.
    pub fn failed_steps(&self, out: &mut [i64]) {
        self.count(Section::FailedSteps, out);
    }

    /// Steps that may run now.
    pub fn ready_steps(&self, out: &mut [i64]) {
        self.count(Section::ReadySteps, out);
    }

    /// Indices into [`EXECUTION_STATUSES`].
    pub fn execution_status(&self, out: &mut [u8]) {
        self.spans.copy(self.sections.read(Section::ExecutionStatus), out);
    }

    /// Done steps of a hundred, rounded half up to two digits; 0 without steps.
    pub fn completion_percentage(&self, out: &mut [f64]) {
        self.spans.write(out, |task| percentage(self.completed[task], self.total(task)));
    }

    /// Indices into [`HEALTH_STATUSES`].
    pub fn health_status(&self, out: &mut [u8]) {
        self.spans.copy(self.sections.read(Section::HealthStatus), out);
    }

    fn total(&self, task: usize) -> u32 {
        self.task_steps[task + 1] - self.task_steps[task]
    }

    fn count(&self, section: Section, out: &mut [i64]) {
        let counts: &[u32] = self.sections.read(section);
        self.spans.write(out, |task| i64::from(counts[task]));
    }

    /// One row. O(log tasks).
    ///
    /// # Panics
    /// Where there is no such row.
    #[must_use]
    pub fn row(&self, row: usize) -> ContextRow {
        let task = self.spans.element(row);
        let count = |section| i64::from(self.sections.read::<u32>(section)[task]);
        ContextRow {
            task_id: self.sections.read::<i64>(Section::TaskId)[task],
            named_task_id: self.sections.read::<i32>(Section::NamedTaskId)[task],
            status: self.sections.read::<u8>(Section::TaskState)[task],
            total_steps: i64::from(self.total(task)),
            pending_steps: count(Section::PendingSteps),
            in_progress_steps: count(Section::InProgressSteps),
            completed_steps: count(Section::CompletedSteps),
            failed_steps: count(Section::FailedSteps),
            ready_steps: count(Section::ReadySteps),
            execution_status: self.sections.read::<u8>(Section::ExecutionStatus)[task],
            completion_percentage: percentage(self.completed[task], self.total(task)),
            health_status: self.sections.read::<u8>(Section::HealthStatus)[task],
        }
    }
}

/// Hundredths of a percent, a half away from zero. Source: contract readiness §3.
fn percentage(completed: u32, total: u32) -> f64 {
    if total == 0 {
        return 0.0;
    }
    let (completed, total) = (u64::from(completed), u64::from(total));
    ((completed * 20_000 + total) / (2 * total)) as f64 / 100.0
}

/// A percentage as the database prints it: `0.0` for a task without steps, else two digits.
#[must_use]
pub fn percentage_text(percentage: f64, total_steps: i64) -> String {
    if total_steps == 0 { "0.0".to_owned() } else { format!("{percentage:.2}") }
}
