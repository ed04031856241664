//! What a resolution found, as plain columns.

use tasker_resolver::{Parameters, Section, Sections};

use crate::contexts::Contexts;
use crate::levels::{LevelRows, Levels};
use crate::readiness::Readiness;
use crate::snapshot::Resolved;

/// Answers of the latest resolution. Tasks whose rows contradict each other are left out, under
/// `engine` also those with a cycle.
#[derive(Clone, Debug)]
pub struct Answer<'a> {
    sections: Sections<'a>,
    resolved: &'a Resolved,
}

/// Steps of a task that depend on each other in a circle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CycleIds {
    /// Id of the task.
    pub task_id: i64,
    /// Ids of the steps along the edges; an edge leads from the last to the first.
    pub step_ids: Vec<i64>,
}

impl<'a> Answer<'a> {
    pub(crate) const fn new(sections: Sections<'a>, resolved: &'a Resolved) -> Self {
        Self { sections, resolved }
    }

    /// What was asked.
    #[must_use]
    pub const fn parameters(&self) -> Parameters {
        self.resolved.parameters
    }

    /// Readiness of every step. O(1).
    #[must_use]
    pub fn readiness(&self) -> Readiness<'a> {
        Readiness::new(self.sections.clone(), &self.resolved.steps)
    }

    /// Execution contexts of every task; nothing where they were not asked for. O(1).
    #[must_use]
    pub fn contexts(&self) -> Option<Contexts<'a>> {
        let contexts = || Contexts::new(self.sections.clone(), &self.resolved.tasks);
        self.resolved.parameters.contexts.then(contexts)
    }

    /// Dependency levels; nothing where they were not asked for. O(steps · log steps) at the first call,
    /// then O(1).
    #[must_use]
    pub fn levels(&self) -> Option<Levels<'a>> {
        let Resolved { levels, tasks, .. } = self.resolved;
        let rows = || levels.get_or_init(|| LevelRows::new(&self.sections, tasks));
        self.resolved.parameters.levels.then(|| Levels::new(self.sections.clone(), rows()))
    }

    /// Cycles, by task: at least one for each task that has any. O(their steps).
    #[must_use]
    pub fn cycles(&self) -> Vec<CycleIds> {
        let task_ids: &[i64] = self.sections.read(Section::TaskId);
        let step_ids: &[i64] = self.sections.read(Section::StepId);
        let cycles = self.resolved.cycles.iter().map(|cycle| CycleIds {
            task_id: task_ids[cycle.task],
            step_ids: cycle.path.iter().map(|&step| step_ids[step as usize]).collect(),
        });
        cycles.collect()
    }
}
