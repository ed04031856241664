//! Graph analysis for planners: shape and end of a task, what a failure takes with it. Each question
//! has a form for the calling thread and one off the event loop; `src/resolver/planning/native-analysis.ts`
//! alone calls them.
//!
//! Only inputs of a snapshot are read, so that it may be resolved at the same time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use napi::bindgen_prelude::{AsyncTask, Float64Array, Uint32Array};
use napi::{Env, Error, Result, Status, Task};
use napi_derive::napi;
use tasker_resolver::Snapshot;
use tasker_resolver::blast_radius::blast_radius;
use tasker_resolver::durations::Durations;
use tasker_resolver::eta::{EtaPlan, EtaResult, Simulation, plan_eta, simulate_eta};
use tasker_resolver::task_shape::{TaskShape, task_shape};
use tasker_resolver::threads::Cancelled;

use crate::view::{KeptView, View};
use crate::{bad_snapshot, guarded, with_scratch};

/// Ends asynchronous work early.
#[napi]
#[derive(Default)]
pub struct Cancellation {
    flag: Arc<AtomicBool>,
}

#[napi]
impl Cancellation {
    /// Nothing is cancelled yet.
    #[napi(constructor)]
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks the work that was given this to end; its promise then fails.
    #[napi]
    pub fn cancel(&self) {
        self.flag.store(true, Ordering::Relaxed);
    }
}

/// Shape of one task as JavaScript sees it; see `ShapeOfTask` of `src/graph/analysis/task-analysis.ts`.
#[napi(object, object_from_js = false)]
pub struct ShapeOfTask {
    /// Seconds from first start to last end.
    pub seconds: f64,
    /// Earliest start of each step.
    pub start: Float64Array,
    /// How much later each step may end without the task ending later.
    pub total_slack: Float64Array,
    /// How much later each step may end without any child starting later.
    pub free_slack: Float64Array,
    /// Step numbers of a longest chain.
    pub path: Uint32Array,
    /// Steps at each level.
    pub widths: Uint32Array,
    /// Parent, child, reason for each redundant edge.
    pub redundant: Uint32Array,
}

impl From<TaskShape> for ShapeOfTask {
    fn from(shape: TaskShape) -> Self {
        let edges = shape.redundant.iter();
        let redundant: Vec<u32> =
            edges.flat_map(|edge| [edge.parent, edge.child, edge.reason as u32]).collect();
        Self {
            seconds: shape.schedule.seconds,
            start: shape.schedule.start.into(),
            total_slack: shape.slack.total.into(),
            free_slack: shape.slack.free.into(),
            path: shape.path.into(),
            widths: shape.widths.into(),
            redundant: redundant.into(),
        }
    }
}

/// End of one task as JavaScript sees it; see `EtaResult` of `src/graph/analysis/eta.ts`.
#[napi(object, object_from_js = false)]
pub struct EtaOfTask {
    /// Mean of all runs.
    pub mean: f64,
    /// One a share.
    pub percentiles: Float64Array,
    /// By position in the task.
    pub criticality: Float64Array,
}

impl From<EtaResult> for EtaOfTask {
    fn from(EtaResult { mean, percentiles, criticality }: EtaResult) -> Self {
        Self { mean, percentiles: percentiles.into(), criticality: criticality.into() }
    }
}

/// Distributions of the steps of one task; see `PackedDurations` of `src/graph/analysis/packed-durations.ts`.
#[napi(object, object_to_js = false)]
pub struct PackedDurations {
    /// Distribution of each step.
    pub which: Uint32Array,
    /// Kind of each distribution.
    pub kinds: napi::bindgen_prelude::Uint8Array,
    /// First value of each distribution.
    pub offsets: Uint32Array,
    /// Seconds.
    pub values: Float64Array,
}

/// What a simulation depends on besides the graph.
#[napi(object, object_to_js = false)]
pub struct EtaQuestion {
    /// Lengths of the steps.
    pub durations: PackedDurations,
    /// Seconds that each step of the task has been running.
    pub elapsed: Float64Array,
    /// At least 1.
    pub runs: u32,
    /// What the random numbers follow from.
    pub seed: u32,
    /// From 0 to 1.
    pub shares: Float64Array,
    /// Most threads.
    pub threads: u32,
}

/// Schedule, slack, critical path, level widths and redundant edges of one task; nothing where it has
/// a cycle.
#[napi]
pub fn shape_of_task(
    view: View,
    task: u32,
    durations: Float64Array,
) -> Result<Option<ShapeOfTask>> {
    guarded(|| {
        let snapshot = view.snapshot().map_err(bad_snapshot)?;
        Ok(shape(&snapshot, task, &durations, &AtomicBool::new(false))?.map(ShapeOfTask::from))
    })
}

/// As `shapeOfTask`, off the event loop.
#[napi(ts_return_type = "Promise<ShapeOfTask | null>")]
pub fn shape_of_task_async(
    view: KeptView,
    task: u32,
    durations: Float64Array,
    cancellation: &Cancellation,
) -> AsyncTask<Shape> {
    let cancel = cancellation.flag.clone();
    AsyncTask::new(Shape { view, task, durations: durations.to_vec(), cancel })
}

/// When one task may be done; nothing where it has a cycle.
#[napi]
pub fn eta_of_task(view: View, task: u32, question: EtaQuestion) -> Result<Option<EtaOfTask>> {
    guarded(|| {
        let work = eta(&view.snapshot().map_err(bad_snapshot)?, task, question, Arc::default())?;
        let result = work.map(|work| work.simulate()).transpose()?;
        Ok(result.map(EtaOfTask::from))
    })
}

/// As `etaOfTask`, off the event loop: the snapshot is read before this returns.
#[napi(ts_return_type = "Promise<EtaOfTask | null>")]
pub fn eta_of_task_async(
    view: View,
    task: u32,
    question: EtaQuestion,
    cancellation: &Cancellation,
) -> Result<AsyncTask<Eta>> {
    guarded(|| {
        let snapshot = view.snapshot().map_err(bad_snapshot)?;
        Ok(AsyncTask::new(Eta(eta(&snapshot, task, question, cancellation.flag.clone())?)))
    })
}

/// Steps that can no longer run if some nodes fail for good.
#[napi]
pub fn blast_radius_of(view: View, starts: Uint32Array) -> Result<Uint32Array> {
    guarded(|| {
        let snapshot = view.snapshot().map_err(bad_snapshot)?;
        let steps = blast_radius(&snapshot.graph(), &starts, &AtomicBool::new(false));
        Ok(steps.map_err(cancelled)?.into())
    })
}

/// As `blastRadiusOf`, off the event loop.
#[napi(ts_return_type = "Promise<Uint32Array>")]
pub fn blast_radius_of_async(
    view: KeptView,
    starts: Uint32Array,
    cancellation: &Cancellation,
) -> AsyncTask<Blast> {
    let cancel = cancellation.flag.clone();
    AsyncTask::new(Blast { view, starts: starts.to_vec(), cancel })
}

/// The work of one call of `shapeOfTaskAsync`.
pub struct Shape {
    view: KeptView,
    task: u32,
    durations: Vec<f64>,
    cancel: Arc<AtomicBool>,
}

impl Task for Shape {
    type Output = Option<TaskShape>;
    type JsValue = Option<ShapeOfTask>;

    fn compute(&mut self) -> Result<Self::Output> {
        guarded(|| {
            let snapshot = self.view.snapshot().map_err(bad_snapshot)?;
            shape(&snapshot, self.task, &self.durations, &self.cancel)
        })
    }

    fn resolve(&mut self, _env: Env, shape: Self::Output) -> Result<Self::JsValue> {
        Ok(shape.map(ShapeOfTask::from))
    }
}

/// The work of one call of `etaOfTaskAsync`; nothing to do for a task with a cycle.
pub struct Eta(Option<EtaWork>);

impl Task for Eta {
    type Output = Option<EtaResult>;
    type JsValue = Option<EtaOfTask>;

    fn compute(&mut self) -> Result<Self::Output> {
        guarded(|| self.0.as_ref().map(EtaWork::simulate).transpose())
    }

    fn resolve(&mut self, _env: Env, result: Self::Output) -> Result<Self::JsValue> {
        Ok(result.map(EtaOfTask::from))
    }
}

/// The work of one call of `blastRadiusOfAsync`.
pub struct Blast {
    view: KeptView,
    starts: Vec<u32>,
    cancel: Arc<AtomicBool>,
}

impl Task for Blast {
    type Output = Vec<u32>;
    type JsValue = Uint32Array;

    fn compute(&mut self) -> Result<Self::Output> {
        guarded(|| {
            let snapshot = self.view.snapshot().map_err(bad_snapshot)?;
            blast_radius(&snapshot.graph(), &self.starts, &self.cancel).map_err(cancelled)
        })
    }

    fn resolve(&mut self, _env: Env, steps: Self::Output) -> Result<Self::JsValue> {
        Ok(steps.into())
    }
}

/// A simulation that needs its snapshot no more.
struct EtaWork {
    plan: EtaPlan,
    durations: Durations,
    shares: Vec<f64>,
    runs: u32,
    seed: u32,
    threads: u32,
    cancel: Arc<AtomicBool>,
}

impl EtaWork {
    fn simulate(&self) -> Result<EtaResult> {
        let simulation = Simulation {
            runs: self.runs as usize,
            seed: self.seed,
            shares: &self.shares,
            threads: self.threads as usize,
        };
        simulate_eta(&self.plan, &self.durations, simulation, &self.cancel).map_err(cancelled)
    }
}

fn shape(
    snapshot: &Snapshot<'_>,
    task: u32,
    durations: &[f64],
    cancel: &AtomicBool,
) -> Result<Option<TaskShape>> {
    let graph = snapshot.graph();
    let task = known_task(snapshot, task)?;
    with_scratch(graph.steps_of(task).len(), |scratch| {
        task_shape(&graph, task, durations, scratch, cancel)
    })
    .map_err(cancelled)
}

fn eta(
    snapshot: &Snapshot<'_>,
    task: u32,
    question: EtaQuestion,
    cancel: Arc<AtomicBool>,
) -> Result<Option<EtaWork>> {
    let EtaQuestion { durations, elapsed, runs, seed, shares, threads } = question;
    let task = known_task(snapshot, task)?;
    let PackedDurations { which, kinds, offsets, values } = durations;
    let durations =
        Durations::new(which.to_vec(), kinds.to_vec(), offsets.to_vec(), values.to_vec())
            .map_err(|problem| Error::new(Status::InvalidArg, problem.to_string()))?;
    let graph = snapshot.graph();
    let steps = graph.steps_of(task).len();
    let plan = with_scratch(steps, |scratch| plan_eta(&graph, task, &elapsed, scratch));
    let shares = shares.to_vec();
    Ok(plan.map(|plan| EtaWork { plan, durations, shares, runs, seed, threads, cancel }))
}

fn known_task(snapshot: &Snapshot<'_>, task: u32) -> Result<usize> {
    let tasks = snapshot.counts().tasks;
    if (task as usize) < tasks {
        return Ok(task as usize);
    }
    Err(Error::new(Status::InvalidArg, format!("There is no task {task} of {tasks}.")))
}

fn cancelled(_: Cancelled) -> Error {
    Error::new(Status::Cancelled, "The work was cancelled.".to_owned())
}
