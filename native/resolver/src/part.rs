//! What kernels read and write: the shared inputs, and the outputs of a range of tasks.

use std::ops::Range;

use crate::layout::Counts;

/// The input sections of a snapshot.
#[derive(Clone, Copy, Debug)]
pub struct Graph<'a> {
    /// Sizes.
    pub counts: Counts,
    /// First step of each task; T + 1 entries.
    pub task_steps: &'a [u32],
    /// First edge of each step; N + 1 entries.
    pub parent_offsets: &'a [u32],
    /// Parent of each edge.
    pub parents: &'a [u32],
    /// First edge of each node; N + G + 1 entries.
    pub child_offsets: &'a [u32],
    /// Child of each edge.
    pub children: &'a [u32],
    /// State code of each node.
    pub state: &'a [u8],
    /// Flag bits of each node.
    pub flags: &'a [u8],
    /// Attempts of each node.
    pub attempts: &'a [i32],
    /// Retry limit of each node.
    pub retry_limit: &'a [i32],
    /// Steps with a time, ascending.
    pub timed_step: &'a [u32],
    /// When each timed step failed, µs since the epoch or NaN.
    pub failed_at: &'a [f64],
    /// Stored next attempt of each timed step, µs since the epoch or NaN.
    pub next_attempt_at: &'a [f64],
    /// Last attempt of each step, µs since the epoch or NaN.
    pub last_attempted_at: &'a [f64],
    /// Explicit wait of each step, seconds.
    pub backoff_seconds: &'a [i32],
}

impl Graph<'_> {
    /// Steps of a task.
    ///
    /// # Panics
    /// Where the task's offset points behind the last step, before anybody makes room for so many.
    #[inline]
    #[must_use]
    pub fn steps_of(&self, task: usize) -> Range<usize> {
        let steps = self.task_steps[task] as usize..self.task_steps[task + 1] as usize;
        assert!(steps.end <= self.counts.steps, "taskSteps ends behind the last step");
        steps
    }

    /// Parents of a step, in stored order.
    #[inline]
    #[must_use]
    pub fn parents_of(&self, step: usize) -> &[u32] {
        &self.parents[self.parent_offsets[step] as usize..self.parent_offsets[step + 1] as usize]
    }

    /// Children of a node, ascending.
    #[inline]
    #[must_use]
    pub fn children_of(&self, node: usize) -> &[u32] {
        &self.children[self.child_offsets[node] as usize..self.child_offsets[node + 1] as usize]
    }

    /// Indices of the timed rows of some steps; O(log W).
    #[must_use]
    pub fn timed_of(&self, steps: &Range<usize>) -> Range<usize> {
        let first = self.timed_step.partition_point(|&step| (step as usize) < steps.start);
        let end = self.timed_step.partition_point(|&step| (step as usize) < steps.end);
        first..end.max(first)
    }
}

/// The outputs of a range of tasks; index 0 of each slice is the range's first task, step or timed
/// step.
#[derive(Debug)]
pub struct Part<'a> {
    /// The tasks.
    pub tasks: Range<usize>,
    /// Their steps.
    pub steps: Range<usize>,
    /// Their timed steps.
    pub timed: Range<usize>,
    /// Flag bits of each task.
    pub task_flags: &'a mut [u8],
    /// Result bits of each step.
    pub bits: &'a mut [u8],
    /// Done parents of each step.
    pub completed_parents: &'a mut [u32],
    /// Level of each step.
    pub level: &'a mut [i32],
    /// End of the wait of each timed step.
    pub next_retry_at: &'a mut [f64],
    /// Pending steps of each task.
    pub pending_steps: &'a mut [u32],
    /// Running steps of each task.
    pub in_progress_steps: &'a mut [u32],
    /// Done steps of each task.
    pub completed_steps: &'a mut [u32],
    /// Failed steps of each task.
    pub failed_steps: &'a mut [u32],
    /// Ready steps of each task.
    pub ready_steps: &'a mut [u32],
    /// Execution status of each task.
    pub execution_status: &'a mut [u8],
    /// Health status of each task.
    pub health_status: &'a mut [u8],
}

/// The readiness outputs of a range of steps, which need not end where a task does.
#[derive(Debug)]
pub struct Steps<'a> {
    /// The steps.
    pub steps: Range<usize>,
    /// Their timed steps.
    pub timed: Range<usize>,
    /// Result bits of each step.
    pub bits: &'a mut [u8],
    /// Done parents of each step.
    pub completed_parents: &'a mut [u32],
    /// End of the wait of each timed step.
    pub next_retry_at: &'a mut [f64],
}

impl<'a> Part<'a> {
    /// Index of a task's steps in the slices of this part.
    #[inline]
    #[must_use]
    pub fn local(&self, steps: &Range<usize>) -> Range<usize> {
        steps.start - self.steps.start..steps.end - self.steps.start
    }

    /// Takes the tasks before `task` off this part. O(log W).
    #[must_use]
    pub fn take_front(&mut self, graph: &Graph<'_>, task: usize) -> Part<'a> {
        let middle = graph.task_steps[task] as usize;
        let tasks = self.tasks.start..task;
        let steps = self.steps.start..middle;
        let timed = graph.timed_of(&steps);
        let front = Part {
            task_flags: front(&mut self.task_flags, tasks.len()),
            bits: front(&mut self.bits, steps.len()),
            completed_parents: front(&mut self.completed_parents, steps.len()),
            level: front(&mut self.level, steps.len()),
            next_retry_at: front(&mut self.next_retry_at, timed.len()),
            pending_steps: front(&mut self.pending_steps, tasks.len()),
            in_progress_steps: front(&mut self.in_progress_steps, tasks.len()),
            completed_steps: front(&mut self.completed_steps, tasks.len()),
            failed_steps: front(&mut self.failed_steps, tasks.len()),
            ready_steps: front(&mut self.ready_steps, tasks.len()),
            execution_status: front(&mut self.execution_status, tasks.len()),
            health_status: front(&mut self.health_status, tasks.len()),
            tasks,
            steps,
            timed,
        };
        self.tasks.start = task;
        self.steps.start = middle;
        self.timed.start = front.timed.end;
        front
    }

    /// The same part, for a while.
    #[must_use]
    pub fn reborrow(&mut self) -> Part<'_> {
        Part {
            tasks: self.tasks.clone(),
            steps: self.steps.clone(),
            timed: self.timed.clone(),
            task_flags: self.task_flags,
            bits: self.bits,
            completed_parents: self.completed_parents,
            level: self.level,
            next_retry_at: self.next_retry_at,
            pending_steps: self.pending_steps,
            in_progress_steps: self.in_progress_steps,
            completed_steps: self.completed_steps,
            failed_steps: self.failed_steps,
            ready_steps: self.ready_steps,
            execution_status: self.execution_status,
            health_status: self.health_status,
        }
    }

    /// The readiness outputs of this part.
    #[must_use]
    pub fn all_steps(&mut self) -> Steps<'_> {
        Steps {
            steps: self.steps.clone(),
            timed: self.timed.clone(),
            bits: self.bits,
            completed_parents: self.completed_parents,
            next_retry_at: self.next_retry_at,
        }
    }
}

impl<'a> Steps<'a> {
    /// Takes the steps before `step` off this range. O(log W).
    #[must_use]
    pub fn take_front(&mut self, graph: &Graph<'_>, step: usize) -> Steps<'a> {
        let steps = self.steps.start..step;
        let timed = graph.timed_of(&steps);
        self.steps.start = step;
        self.timed.start = timed.end;
        Steps {
            bits: front(&mut self.bits, steps.len()),
            completed_parents: front(&mut self.completed_parents, steps.len()),
            next_retry_at: front(&mut self.next_retry_at, timed.len()),
            steps,
            timed,
        }
    }
}

fn front<'a, T>(rest: &mut &'a mut [T], length: usize) -> &'a mut [T] {
    let (front, back) = std::mem::take(rest).split_at_mut(length);
    *rest = back;
    front
}
