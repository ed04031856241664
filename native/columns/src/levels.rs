//! The columns of `calculate_dependency_levels`, task by task, by level, then id.

use tasker_resolver::{Section, Sections};

use crate::spans::Spans;

/// Levels of the steps of the answered tasks; a step that no root reaches has none.
#[derive(Clone, Debug)]
pub struct Levels<'a> {
    sections: Sections<'a>,
    level: &'a [i32],
    rows: &'a LevelRows,
}

/// Steps that have a level, in the order of the rows, and the task of each.
#[derive(Debug)]
pub(crate) struct LevelRows {
    steps: Vec<u32>,
    tasks: Vec<u32>,
}

impl LevelRows {
    /// Sorts the steps of each task. O(steps · log steps) in the largest task.
    pub fn new(sections: &Sections<'_>, tasks: &Spans) -> Self {
        let level: &[i32] = sections.read(Section::Level);
        let task_steps: &[u32] = sections.read(Section::TaskSteps);
        let mut steps = Vec::with_capacity(level.len());
        let mut task_of_row = Vec::with_capacity(level.len());
        for task in tasks.ranges().flatten() {
            let first = steps.len();
            let own = task_steps[task]..task_steps[task + 1];
            steps.extend(own.filter(|&step| level[step as usize] >= 0));
            // steps stand in the order of their ids, and the sort is stable
            steps[first..].sort_by_key(|&step| level[step as usize]);
            task_of_row.resize(steps.len(), task as u32);
        }
        Self { steps, tasks: task_of_row }
    }
}

impl<'a> Levels<'a> {
    pub(crate) fn new(sections: Sections<'a>, rows: &'a LevelRows) -> Self {
        Self { level: sections.read(Section::Level), sections, rows }
    }

    /// Number of rows. O(1).
    #[must_use]
    pub const fn len(&self) -> usize {
        self.rows.steps.len()
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of a row's step in the snapshot. O(1).
    #[must_use]
    pub fn step(&self, row: usize) -> usize {
        self.rows.steps[row] as usize
    }

    /// Ids of the steps, into exactly [`Levels::len`] elements.
    pub fn workflow_step_id(&self, out: &mut [i64]) {
        let ids: &[i64] = self.sections.read(Section::StepId);
        self.write(out, &self.rows.steps, |step| ids[step]);
    }

    /// Ids of their tasks, likewise.
    pub fn task_id(&self, out: &mut [i64]) {
        let ids: &[i64] = self.sections.read(Section::TaskId);
        self.write(out, &self.rows.tasks, |task| ids[task]);
    }

    /// Longest path from a root of the task, in edges, likewise.
    pub fn dependency_level(&self, out: &mut [i32]) {
        self.write(out, &self.rows.steps, |step| self.level[step]);
    }

    fn write<T>(&self, out: &mut [T], elements: &[u32], value: impl Fn(usize) -> T) {
        assert_eq!(out.len(), self.len(), "there is room for another number of rows");
        for (slot, &element) in out.iter_mut().zip(elements) {
            *slot = value(element as usize);
        }
    }
}
