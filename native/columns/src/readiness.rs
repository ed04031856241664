//! The columns of `get_step_readiness_status`, by task, then step.

use tasker_resolver::codes::{flag, result};
use tasker_resolver::{Graph, Section, Sections};

use crate::spans::Spans;

/// Readiness of every step of the answered tasks.
///
/// A column is written into memory of the caller's, of exactly [`Readiness::len`] elements; anything
/// else panics. Each takes O(steps).
#[derive(Clone, Debug)]
pub struct Readiness<'a> {
    graph: Graph<'a>,
    sections: Sections<'a>,
    bits: &'a [u8],
    completed_parents: &'a [u32],
    next_retry_at: &'a [f64],
    spans: &'a Spans,
}

/// One row. The name of the step is the caller's to look up by `named_step_id`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReadinessRow {
    /// Id of the step.
    pub workflow_step_id: i64,
    /// Id of its task.
    pub task_id: i64,
    /// Its named step.
    pub named_step_id: i32,
    /// State code ([`states`](crate::states)).
    pub current_state: u8,
    /// Every parent is done.
    pub dependencies_satisfied: bool,
    /// An attempt is left.
    pub retry_eligible: bool,
    /// It may run now.
    pub ready_for_execution: bool,
    /// When it fell into its present `error`, µs since the epoch.
    pub last_failure_at: Option<f64>,
    /// When its wait ends or ended, µs since the epoch.
    pub next_retry_at: Option<f64>,
    /// Edges that lead to it.
    pub total_parents: i32,
    /// Those of them that come from done steps.
    pub completed_parents: i32,
    /// Attempts made.
    pub attempts: i32,
    /// Attempts allowed.
    pub retry_limit: i32,
    /// Explicit wait, seconds.
    pub backoff_request_seconds: Option<i32>,
    /// Last attempt, µs since the epoch.
    pub last_attempted_at: Option<f64>,
}

impl<'a> Readiness<'a> {
    pub(crate) fn new(sections: Sections<'a>, spans: &'a Spans) -> Self {
        Self {
            graph: sections.graph(),
            bits: sections.read(Section::Bits),
            completed_parents: sections.read(Section::CompletedParents),
            next_retry_at: sections.read(Section::NextRetryAt),
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

    /// Number of a row's step in the snapshot, for
    /// [`OwnedSnapshot::step_row`](crate::OwnedSnapshot::step_row). O(log tasks).
    #[must_use]
    pub fn step(&self, row: usize) -> usize {
        self.spans.element(row)
    }

    /// Ids of the steps.
    pub fn workflow_step_id(&self, out: &mut [i64]) {
        self.spans
            .copy(&self.sections.read::<i64>(Section::StepId)[..self.graph.counts.steps], out);
    }

    /// Ids of their tasks.
    pub fn task_id(&self, out: &mut [i64]) {
        let ids: &[i64] = self.sections.read(Section::TaskId);
        let mut task = 0;
        self.spans.write(out, |step| {
            while self.graph.task_steps[task + 1] as usize <= step {
                task += 1;
            }
            ids[task]
        });
    }

    /// Named steps.
    pub fn named_step_id(&self, out: &mut [i32]) {
        self.spans.copy(self.sections.read(Section::NamedStepId), out);
    }

    /// State codes.
    pub fn current_state(&self, out: &mut [u8]) {
        self.spans.copy(&self.graph.state[..self.graph.counts.steps], out);
    }

    /// 1 where every parent is done, else 0.
    pub fn dependencies_satisfied(&self, out: &mut [u8]) {
        self.bit(result::SATISFIED, out);
    }

    /// 1 where an attempt is left, else 0.
    pub fn retry_eligible(&self, out: &mut [u8]) {
        self.bit(result::ELIGIBLE, out);
    }

    /// 1 where the step may run now, else 0.
    pub fn ready_for_execution(&self, out: &mut [u8]) {
        self.bit(result::READY, out);
    }

    fn bit(&self, bit: u8, out: &mut [u8]) {
        self.spans.write(out, |step| u8::from(self.bits[step] & bit != 0));
    }

    /// When the steps fell into their present `error`, µs since the epoch, NaN for null.
    pub fn last_failure_at(&self, out: &mut [f64]) {
        self.timed(self.graph.failed_at, out);
    }

    /// When the waits end or ended, µs since the epoch, NaN for null.
    pub fn next_retry_at(&self, out: &mut [f64]) {
        self.timed(self.next_retry_at, out);
    }

    fn timed(&self, values: &[f64], out: &mut [f64]) {
        let mut timed = self.graph.timed_step.iter().zip(values).peekable();
        self.spans.write(out, |step| {
            while timed.next_if(|(other, _)| (**other as usize) < step).is_some() {}
            let own = timed.next_if(|(other, _)| **other as usize == step);
            own.map_or(f64::NAN, |(_, &value)| value)
        });
    }

    /// Edges that lead to the steps.
    pub fn total_parents(&self, out: &mut [i32]) {
        let offsets = self.graph.parent_offsets;
        self.spans.write(out, |step| (offsets[step + 1] - offsets[step]) as i32);
    }

    /// Those of them that come from done steps.
    pub fn completed_parents(&self, out: &mut [i32]) {
        self.spans.write(out, |step| self.completed_parents[step] as i32);
    }

    /// Attempts made, null as 0.
    pub fn attempts(&self, out: &mut [i32]) {
        self.spans.copy(&self.graph.attempts[..self.graph.counts.steps], out);
    }

    /// Attempts allowed, null as 3.
    pub fn retry_limit(&self, out: &mut [i32]) {
        self.spans.copy(&self.graph.retry_limit[..self.graph.counts.steps], out);
    }

    /// Explicit waits, seconds, 0 for null.
    pub fn backoff_request_seconds(&self, out: &mut [i32]) {
        self.spans.copy(self.graph.backoff_seconds, out);
    }

    /// 1 where there is an explicit wait, 0 where it is null.
    pub fn has_backoff_request(&self, out: &mut [u8]) {
        let flags = self.graph.flags;
        self.spans.write(out, |step| u8::from(flags[step] & flag::BACKOFF_NULL == 0));
    }

    /// Last attempts, µs since the epoch, NaN for null.
    pub fn last_attempted_at(&self, out: &mut [f64]) {
        self.spans.copy(self.graph.last_attempted_at, out);
    }

    /// One row. O(log steps).
    ///
    /// # Panics
    /// Where there is no such row.
    #[must_use]
    pub fn row(&self, row: usize) -> ReadinessRow {
        let Graph { task_steps, parent_offsets, timed_step, .. } = self.graph;
        let step = self.spans.element(row);
        let task = task_steps.partition_point(|&first| first as usize <= step) - 1;
        let bits = self.bits[step];
        let some = |micros: f64| (!micros.is_nan()).then_some(micros);
        let timed = timed_step.binary_search(&(step as u32)).ok();
        let no_wait = self.graph.flags[step] & flag::BACKOFF_NULL != 0;
        ReadinessRow {
            workflow_step_id: self.sections.read::<i64>(Section::StepId)[step],
            task_id: self.sections.read::<i64>(Section::TaskId)[task],
            named_step_id: self.sections.read::<i32>(Section::NamedStepId)[step],
            current_state: self.graph.state[step],
            dependencies_satisfied: bits & result::SATISFIED != 0,
            retry_eligible: bits & result::ELIGIBLE != 0,
            ready_for_execution: bits & result::READY != 0,
            last_failure_at: timed.and_then(|at| some(self.graph.failed_at[at])),
            next_retry_at: timed.and_then(|at| some(self.next_retry_at[at])),
            total_parents: (parent_offsets[step + 1] - parent_offsets[step]) as i32,
            completed_parents: self.completed_parents[step] as i32,
            attempts: self.graph.attempts[step],
            retry_limit: self.graph.retry_limit[step],
            backoff_request_seconds: (!no_wait).then(|| self.graph.backoff_seconds[step]),
            last_attempted_at: some(self.graph.last_attempted_at[step]),
        }
    }

    /// Ids of the steps that may run now, by task, then step. O(steps).
    #[must_use]
    pub fn ready_step_ids(&self) -> Vec<i64> {
        let ids: &[i64] = self.sections.read(Section::StepId);
        let steps = self.spans.ranges().flatten();
        steps.filter(|&step| self.bits[step] & result::READY != 0).map(|step| ids[step]).collect()
    }
}
