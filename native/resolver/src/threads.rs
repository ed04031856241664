//! One snapshot on several threads.

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, Builder};

use crate::contexts::{SharedCounts, resolve_contexts_with};
use crate::cycles::Cycle;
use crate::layout::Problem;
use crate::memory::Snapshot;
use crate::order::Scratch;
use crate::part::{Graph, Part, Steps};
use crate::resolve::{Parameters, resolve_readiness, resolve_structure};
use crate::rules::Rules;

/// Steps that one uninterrupted stretch of work takes: short enough to notice a cancellation, and
/// for its inputs and outputs to stay in the second-level cache between the kernels.
const STRETCH_STEPS: usize = 16_384;

/// The cancel word of the header was set; the outputs are incomplete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cancelled;

/// Resolves a whole snapshot on up to `threads` threads, the calling one among them, which take
/// stretches of it until none is left. A task too large for that shares out its readiness and its
/// counts step by step. Returns the cycles, in task order. O(steps + edges).
///
/// # Errors
/// Outside, a contradiction in `taskSteps`; inside, the cancellation, which is noticed at the next
/// stretch.
///
/// # Panics
/// Where the graph contradicts itself.
pub fn resolve_on_threads(
    snapshot: &mut Snapshot<'_>,
    parameters: Parameters,
    threads: usize,
) -> Result<Result<Vec<Cycle>, Cancelled>, Problem> {
    let cancel = snapshot.cancel_word();
    resolve_until(snapshot, parameters, threads, cancel)
}

/// As [`resolve_on_threads`], where `cancel` is looked at instead of the header's word: any value but
/// zero ends the work.
///
/// # Errors
/// As [`resolve_on_threads`].
///
/// # Panics
/// As [`resolve_on_threads`].
pub fn resolve_until(
    snapshot: &mut Snapshot<'_>,
    parameters: Parameters,
    threads: usize,
    cancel: &AtomicU32,
) -> Result<Result<Vec<Cycle>, Cancelled>, Problem> {
    let tasks = snapshot.counts().tasks;
    let (graph, part) = snapshot.part(0..tasks)?;
    let share = Share { cancel, threads: threads.max(1) };
    // one large task would leave the other threads without work
    if share.threads > 1 && largest_task(&graph) > STRETCH_STEPS.max(part.steps.len() / 8) {
        return Ok(resolve_apart(&share, &graph, part, parameters));
    }
    let stretches = task_stretches(&graph, part);
    Ok(share.work_off(stretches, |mut part, scratch, cycles| {
        resolve_readiness(&graph, &mut part.all_steps(), parameters, scratch);
        resolve_structure(&graph, &mut part, parameters, scratch, cycles);
    }))
}

/// Kernel by kernel, so that readiness and the counts of large tasks are shared out by steps.
///
/// Under `rails` no kernel changes a bit that is counted after readiness has written it, so that a
/// stretch is counted while it lies in the cache; under `engine` reachability comes in between.
fn resolve_apart(
    share: &Share<'_>,
    graph: &Graph<'_>,
    mut part: Part<'_>,
    parameters: Parameters,
) -> Result<Vec<Cycle>, Cancelled> {
    let large = SharedCounts::of_tasks_over(STRETCH_STEPS, graph);
    let at_once = parameters.contexts && parameters.rules == Rules::Rails;
    share.work_off(step_stretches(graph, part.all_steps()), |mut steps, scratch, _| {
        resolve_readiness(graph, &mut steps, parameters, scratch);
        if at_once {
            large.add(graph, &steps);
        }
    })?;
    let structure = Parameters { contexts: false, ..parameters };
    let tasks = task_stretches(graph, part.reborrow());
    let cycles = share.work_off(tasks, |mut part, scratch, cycles| {
        resolve_structure(graph, &mut part, structure, scratch, cycles);
    })?;
    if parameters.contexts {
        if !at_once {
            let stretches = step_stretches(graph, part.all_steps());
            share.work_off(stretches, |steps, _, _| large.add(graph, &steps))?;
        }
        share.work_off(task_stretches(graph, part), |mut part, _, _| {
            resolve_contexts_with(&large, graph, &mut part, parameters.rules);
        })?;
    }
    Ok(cycles)
}

/// The largest number of steps that a task has; O(T).
fn largest_task(graph: &Graph<'_>) -> usize {
    let sizes = graph.task_steps.windows(2).map(|ends| ends[1].saturating_sub(ends[0]));
    sizes.max().unwrap_or(0) as usize
}

/// The part in stretches of whole tasks, each of about as many steps.
fn task_stretches<'a>(graph: &Graph<'_>, mut part: Part<'a>) -> Vec<Part<'a>> {
    let mut stretches = Vec::with_capacity(part.steps.len() / STRETCH_STEPS + 1);
    while part.steps.len() > STRETCH_STEPS {
        let goal = part.steps.start + STRETCH_STEPS;
        let own = &graph.task_steps[part.tasks.start + 1..part.tasks.end];
        let task = part.tasks.start + 1 + own.partition_point(|&step| (step as usize) < goal);
        if task >= part.tasks.end {
            break;
        }
        stretches.push(part.take_front(graph, task));
    }
    stretches.push(part);
    stretches
}

fn step_stretches<'a>(graph: &Graph<'_>, mut steps: Steps<'a>) -> Vec<Steps<'a>> {
    let mut stretches = Vec::with_capacity(steps.steps.len() / STRETCH_STEPS + 1);
    while steps.steps.len() > STRETCH_STEPS {
        stretches.push(steps.take_front(graph, steps.steps.start + STRETCH_STEPS));
    }
    stretches.push(steps);
    stretches
}

/// What the threads of one call have in common.
struct Share<'a> {
    cancel: &'a AtomicU32,
    threads: usize,
}

impl Share<'_> {
    fn work_off<T: Send>(
        &self,
        stretches: Vec<T>,
        work: impl Fn(T, &mut Scratch, &mut Vec<Cycle>) + Sync,
    ) -> Result<Vec<Cycle>, Cancelled> {
        let threads = self.threads.min(stretches.len());
        let queue = Mutex::new(stretches.into_iter());
        let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
        let worker = || {
            let mut scratch = Scratch::default();
            let mut cycles = Vec::new();
            while self.cancel.load(Ordering::Relaxed) == 0 {
                let Some(stretch) = next() else { return Ok(cycles) };
                work(stretch, &mut scratch, &mut cycles);
            }
            Err(Cancelled)
        };
        let results = thread::scope(|scope| {
            // where the system gives no more threads, fewer do the work
            let helpers: Vec<_> = (1..threads)
                .map_while(|_| Builder::new().spawn_scoped(scope, worker).ok())
                .collect();
            let mut results = vec![worker()];
            for helper in helpers {
                results.push(helper.join().unwrap_or_else(|panic| resume_unwind(panic)));
            }
            results
        });
        let mut cycles = Vec::new();
        for result in results {
            cycles.extend(result?);
        }
        cycles.sort_by_key(|cycle| cycle.task);
        Ok(cycles)
    }
}
