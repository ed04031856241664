//! Shape of single tasks, and what a failure takes with it. States do not matter to shapes.

use std::sync::atomic::AtomicBool;

use tasker_resolver::blast_radius::blast_radius;
use tasker_resolver::critical_path::critical_path;
use tasker_resolver::earliest_schedule::earliest_schedule;
use tasker_resolver::redundant_edges::Redundancy;
use tasker_resolver::task_shape::task_shape;
use tasker_resolver::{Graph, Section};

use crate::id_index::IdIndex;
use crate::problem::{Code, Problem};
use crate::snapshot::OwnedSnapshot;

/// Longest duration of a step, as in `src/resolver/planning/analyze.ts`.
const MOST_SECONDS: f64 = 1e15;

/// A longest chain of a task.
#[derive(Clone, Debug, PartialEq)]
pub struct CriticalPath {
    /// From the first start to the last end, in the unit of the durations.
    pub seconds: f64,
    /// Ids of the steps, first to last.
    pub step_ids: Vec<i64>,
}

/// An edge that could go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RedundantEdgeIds {
    /// Id of the parent.
    pub from_step_id: i64,
    /// Id of the child.
    pub to_step_id: i64,
    /// Why.
    pub reason: Redundancy,
}

/// Everything about one task's shape; columns stand beside `step_ids`.
#[derive(Clone, Debug, PartialEq)]
pub struct Shape {
    /// Ids of the task's steps, ascending.
    pub step_ids: Vec<i64>,
    /// Earliest start of each step, seconds from the first.
    pub start: Vec<f64>,
    /// How much later each step may end without the task ending later.
    pub total_slack: Vec<f64>,
    /// How much later each step may end without any child starting later.
    pub free_slack: Vec<f64>,
    /// A longest chain.
    pub critical_path: CriticalPath,
    /// Steps at each dependency level.
    pub level_widths: Vec<u32>,
    /// Edges that could go.
    pub redundant_edges: Vec<RedundantEdgeIds>,
}

impl OwnedSnapshot {
    /// The longest chain of a task; nothing where it has a cycle.
    ///
    /// # Arguments
    /// `durations`: seconds of each step of the task, in the order of their ids; 1 for all of them where
    /// there is nothing.
    ///
    /// # Complexity
    /// O(steps + edges) of the task.
    ///
    /// # Errors
    /// `UnknownTask`; `BadArgument` for another number of durations, or one that is not from 0 to 1e15.
    pub fn critical_path(
        &self,
        task_id: i64,
        durations: Option<&[f64]>,
    ) -> Result<Option<CriticalPath>, Problem> {
        let (graph, task, durations) = self.one_task(task_id, durations)?;
        let schedule =
            self.with_scratch(|scratch| earliest_schedule(&graph, task, &durations, scratch));
        Ok(schedule.map(|schedule| CriticalPath {
            seconds: schedule.seconds,
            step_ids: self.step_ids_of(&critical_path(&graph, &schedule)),
        }))
    }

    /// Schedule, slack, critical path, level widths and redundant edges of a task; nothing where it has
    /// a cycle.
    ///
    /// # Arguments
    /// As [`OwnedSnapshot::critical_path`]; `cancel`, once true, ends the search for redundant edges.
    ///
    /// # Complexity
    /// O(steps + edges) of the task, but for the redundant edges.
    ///
    /// # Errors
    /// As [`OwnedSnapshot::critical_path`]; `Cancelled`.
    pub fn shape(
        &self,
        task_id: i64,
        durations: Option<&[f64]>,
        cancel: &AtomicBool,
    ) -> Result<Option<Shape>, Problem> {
        let (graph, task, durations) = self.one_task(task_id, durations)?;
        let shape =
            self.with_scratch(|scratch| task_shape(&graph, task, &durations, scratch, cancel));
        let Some(shape) = shape.map_err(|_| cancelled())? else { return Ok(None) };
        let ids: &[i64] = self.sections().read(Section::StepId);
        let redundant_edges = shape.redundant.iter().map(|edge| RedundantEdgeIds {
            from_step_id: ids[edge.parent as usize],
            to_step_id: ids[edge.child as usize],
            reason: edge.reason,
        });
        Ok(Some(Shape {
            step_ids: ids[graph.steps_of(task)].to_vec(),
            critical_path: CriticalPath {
                seconds: shape.schedule.seconds,
                step_ids: self.step_ids_of(&shape.path),
            },
            redundant_edges: redundant_edges.collect(),
            start: shape.schedule.start,
            total_slack: shape.slack.total,
            free_slack: shape.slack.free,
            level_widths: shape.widths,
        }))
    }

    /// Ids of the steps that can no longer run if the given ones fail for good, by task, then step: every
    /// step that depends on one, directly or through others, unless it is done or running.
    ///
    /// # Complexity
    /// O(steps).
    ///
    /// # Errors
    /// `BadArgument` for an id that no step has; `Cancelled`.
    pub fn blast_radius(&self, step_ids: &[i64], cancel: &AtomicBool) -> Result<Vec<i64>, Problem> {
        let sections = self.sections();
        let index = IdIndex::new(sections.read(Section::StepId), |_| ());
        let node = |&id: &i64| {
            let unknown = || Problem::new(Code::BadArgument, format!("There is no step {id}."));
            index.find(id).map(|node| node as u32).ok_or_else(unknown)
        };
        let starts = step_ids.iter().map(node).collect::<Result<Vec<u32>, _>>()?;
        let steps = blast_radius(&sections.graph(), &starts, cancel).map_err(|_| cancelled())?;
        Ok(self.step_ids_of(&steps))
    }

    /// A task's place, and how long each of its steps takes.
    fn one_task(
        &self,
        task_id: i64,
        durations: Option<&[f64]>,
    ) -> Result<(Graph<'_>, usize, Vec<f64>), Problem> {
        let sections = self.sections();
        let task = sections
            .read::<i64>(Section::TaskId)
            .binary_search(&task_id)
            .map_err(|_| Problem::new(Code::UnknownTask, format!("There is no task {task_id}.")))?;
        let graph = sections.graph();
        let steps = graph.steps_of(task).len();
        let Some(durations) = durations else { return Ok((graph, task, vec![1.0; steps])) };
        if durations.len() != steps {
            let message = format!("There are {} durations for {steps} steps.", durations.len());
            return Err(Problem::new(Code::BadArgument, message));
        }
        let is_length = |seconds: &f64| (0.0..=MOST_SECONDS).contains(seconds);
        if let Some(at) = durations.iter().position(|seconds| !is_length(seconds)) {
            let message = format!("Duration {at} is {}, not seconds.", durations[at]);
            return Err(Problem::new(Code::BadArgument, message));
        }
        Ok((graph, task, durations.to_vec()))
    }

    fn step_ids_of(&self, steps: &[u32]) -> Vec<i64> {
        let ids: &[i64] = self.sections().read(Section::StepId);
        steps.iter().map(|&step| ids[step as usize]).collect()
    }
}

fn cancelled() -> Problem {
    Problem::new(Code::Cancelled, "The work was cancelled.")
}
