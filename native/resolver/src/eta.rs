//! When a task may be done: a simulation of what is left of it. Counterpart of `src/graph/analysis/eta-plan.ts`,
//! `src/graph/analysis/eta.ts` and `src/graph/analysis/percentile.ts`.

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, Builder};

use crate::codes::state;
use crate::durations::Durations;
use crate::order::{Scratch, order_task};
use crate::part::Graph;
use crate::random::SeededRandom;
use crate::threads::Cancelled;

/// Runs that draw from one stretch of random numbers; the unit that threads take.
const BLOCK_RUNS: usize = 256;
/// Draws from which a further thread pays: about a millisecond.
const THREAD_DRAWS: usize = 100_000;
/// No step: nothing is left to do, or nobody decided a start.
const NONE: u32 = u32::MAX;

/// What is left of one task: its steps that are not done, in topological order, and the parents among
/// them. A simulation reads nothing else, so that the snapshot may change meanwhile.
#[derive(Clone, Debug, PartialEq)]
pub struct EtaPlan {
    /// Steps of the whole task.
    pub steps: usize,
    /// Position in the task of each step left.
    pub positions: Vec<u32>,
    /// Seconds that a step in progress has been running, -1 for one that has not begun.
    pub elapsed: Vec<f64>,
    /// First of each step's parents; one more entry than steps left.
    pub parent_offsets: Vec<u32>,
    /// Parents as indices into this plan, smaller than their child's; none for a step in progress.
    pub parents: Vec<u32>,
}

/// How a task's end is spread over the runs of a simulation, seconds from now.
#[derive(Clone, Debug, PartialEq)]
pub struct EtaResult {
    /// Mean of all runs.
    pub mean: f64,
    /// One a share.
    pub percentiles: Vec<f64>,
    /// Share of the runs in which a step ended the task or decided the start of one that did, by
    /// position in the task.
    pub criticality: Vec<f64>,
}

/// Picks what is left of one task; edges from other tasks are left out.
///
/// # Arguments
/// `elapsed`: seconds that each step of the task has been running, by position; read for steps in
/// progress.
///
/// # Returns
/// Nothing for a task with a cycle.
///
/// # Complexity
/// O(steps + edges).
///
/// # Panics
/// Where the graph contradicts itself, or `elapsed` has another length.
#[must_use]
pub fn plan_eta(
    graph: &Graph<'_>,
    task: usize,
    elapsed: &[f64],
    scratch: &mut Scratch,
) -> Option<EtaPlan> {
    let steps = graph.steps_of(task);
    let (first, count) = (steps.start, steps.len());
    assert_eq!(elapsed.len(), count, "one time a step");
    if order_task(graph, task, scratch) < count {
        return None;
    }
    // parents come earlier in the order, so that their place is known
    let mut place = vec![NONE; count];
    let mut plan = EtaPlan {
        steps: count,
        positions: Vec::new(),
        elapsed: Vec::new(),
        parent_offsets: vec![0],
        parents: Vec::new(),
    };
    for &position in &scratch.order[..count] {
        let at = position as usize;
        let code = graph.state[first + at];
        if code >= state::COMPLETE {
            continue;
        }
        if code == state::IN_PROGRESS {
            plan.elapsed.push(elapsed[at]);
        } else {
            plan.elapsed.push(-1.0);
            let parents = graph.parents_of(first + at).iter();
            let places = parents.filter_map(|&node| place.get((node as usize).wrapping_sub(first)));
            plan.parents.extend(places.filter(|&&place| place != NONE));
        }
        place[at] = plan.positions.len() as u32;
        plan.positions.push(position);
        plan.parent_offsets.push(plan.parents.len() as u32);
    }
    Some(plan)
}

/// Simulates the rest of one task: steps that are done take nothing, one in progress what its drawn
/// length leaves, every other its drawn length as soon as its parents are done. As many steps run at a
/// time as the edges allow; failures, retries, waits and edges from other tasks are left out, so that
/// the answer is the earliest end to hope for. There is no plan of a task with a cycle.
///
/// The same seed gives the same runs in every language and on any number of threads: each block of 256
/// runs draws from a stretch of random numbers of its own, one number for each step left, in
/// topological order, whatever its distribution; sums are taken block by block.
///
/// # Arguments
/// `runs`: at least 1. `shares`: of the runs, from 0 to 1. `threads`: at most so many, the calling one
/// among them, fewer where the work is little. `cancel`: looked at with every run.
///
/// # Complexity
/// O(runs x (steps + edges left) + runs x log runs).
///
/// # Errors
/// The cancellation.
///
/// # Panics
/// Where `durations` are those of another task.
///
/// Source: Van Slyke, "Monte Carlo Methods and the PERT Problem", 1963.
pub fn simulate_eta(
    plan: &EtaPlan,
    durations: &Durations,
    Simulation { runs, seed, shares, threads }: Simulation<'_>,
    cancel: &AtomicBool,
) -> Result<EtaResult, Cancelled> {
    assert_eq!(durations.steps(), plan.steps, "one distribution a step");
    let which: Vec<u32> =
        plan.positions.iter().map(|&position| durations.which(position as usize)).collect();
    let mut finishes = vec![0.0; runs];
    let mut sums = vec![0.0; runs.div_ceil(BLOCK_RUNS)];
    let mut stream = SeededRandom::new(seed);
    let blocks: Vec<Block<'_>> = finishes
        .chunks_mut(BLOCK_RUNS)
        .zip(&mut sums)
        .map(|(finishes, sum)| Block { random: stream.fork(), finishes, sum })
        .collect();
    let threads = threads.min(runs.saturating_mul(which.len()) / THREAD_DRAWS + 1);
    let threads = threads.clamp(1, blocks.len().max(1));
    let queue = Mutex::new(blocks.into_iter());
    let worker = || {
        let mut runner = Runner::new(plan, durations, &which);
        loop {
            let block = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some(block) = block else { return Ok(runner.critical) };
            runner.work_off(block, cancel)?;
        }
    };
    let counts = thread::scope(|scope| {
        // where the system gives no more threads, fewer do the work
        let helpers: Vec<_> =
            (1..threads).map_while(|_| Builder::new().spawn_scoped(scope, worker).ok()).collect();
        let mut counts = vec![worker()];
        for helper in helpers {
            counts.push(helper.join().unwrap_or_else(|panic| resume_unwind(panic)));
        }
        counts
    });
    let mut critical = vec![0_u64; which.len()];
    for count in counts {
        for (sum, own) in critical.iter_mut().zip(count?) {
            *sum += own;
        }
    }
    let mut criticality = vec![0.0; plan.steps];
    for (&position, &count) in plan.positions.iter().zip(&critical) {
        criticality[position as usize] = count as f64 / runs as f64;
    }
    let mean = sums.iter().sum::<f64>() / runs as f64;
    finishes.sort_unstable_by(f64::total_cmp);
    Ok(EtaResult { mean, percentiles: percentiles(&finishes, shares), criticality })
}

/// What a simulation depends on besides plan and lengths.
#[derive(Clone, Copy, Debug)]
pub struct Simulation<'a> {
    /// How often the task is run.
    pub runs: usize,
    /// What the random numbers follow from.
    pub seed: u32,
    /// Shares of the runs whose ends are wanted.
    pub shares: &'a [f64],
    /// Most threads, the calling one among them.
    pub threads: usize,
}

/// Some runs, with their random numbers and the places of their ends.
struct Block<'a> {
    random: SeededRandom,
    finishes: &'a mut [f64],
    sum: &'a mut f64,
}

/// What one thread needs to make runs.
struct Runner<'a> {
    plan: &'a EtaPlan,
    durations: &'a Durations,
    which: &'a [u32],
    finish: Vec<f64>,
    deciding: Vec<u32>,
    critical: Vec<u64>,
}

impl<'a> Runner<'a> {
    fn new(plan: &'a EtaPlan, durations: &'a Durations, which: &'a [u32]) -> Self {
        let left = which.len();
        Self {
            plan,
            durations,
            which,
            finish: vec![0.0; left],
            deciding: vec![NONE; left],
            critical: vec![0; left],
        }
    }

    fn work_off(&mut self, block: Block<'_>, cancel: &AtomicBool) -> Result<(), Cancelled> {
        let Block { mut random, finishes, sum } = block;
        for seconds in finishes {
            if cancel.load(Ordering::Relaxed) {
                return Err(Cancelled);
            }
            let mut at = self.simulate(&mut random);
            *seconds = self.finish.get(at as usize).copied().unwrap_or(0.0);
            *sum += *seconds;
            while let Some(critical) = self.critical.get_mut(at as usize) {
                *critical += 1;
                at = self.deciding[at as usize];
            }
        }
        Ok(())
    }

    /// One run; returns the step that ends it.
    fn simulate(&mut self, random: &mut SeededRandom) -> u32 {
        let mut end = NONE;
        let mut latest = 0.0;
        for at in 0..self.finish.len() {
            let drawn = self.durations.at(self.which[at], random.next_share());
            let taken = self.plan.elapsed[at];
            let mut begin = 0.0;
            if taken >= 0.0 {
                begin = -(if drawn < taken { drawn } else { taken });
            }
            let mut decider = NONE;
            let offsets = &self.plan.parent_offsets;
            for &parent in &self.plan.parents[offsets[at] as usize..offsets[at + 1] as usize] {
                let done = self.finish[parent as usize];
                if done > begin {
                    begin = done;
                    decider = parent;
                }
            }
            self.deciding[at] = decider;
            let done = begin + drawn;
            self.finish[at] = done;
            if done > latest || end == NONE {
                latest = done;
                end = at as u32;
            }
        }
        end
    }
}

/// Values at shares of an ascending slice, straight between neighbours (the definition that
/// spreadsheets and NumPy use by default).
///
/// # Arguments
/// `shares`: from 0 to 1.
///
/// # Returns
/// One value a share; NaN without any value.
///
/// # Complexity
/// O(1) a share.
#[must_use]
pub fn percentiles(ascending: &[f64], shares: &[f64]) -> Vec<f64> {
    let value = |share: &f64| {
        let Some(last) = ascending.len().checked_sub(1) else { return f64::NAN };
        let place = share * last as f64;
        let low = place.floor();
        let least = ascending[low as usize];
        let most = ascending[(low as usize + 1).min(last)];
        least + (place - low) * (most - least)
    };
    shares.iter().map(value).collect()
}
