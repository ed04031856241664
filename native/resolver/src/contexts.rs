//! Counts and statuses of tasks.

use std::ops::{AddAssign, Range};
use std::sync::{Mutex, PoisonError};

use crate::codes::{health, result, state, status};
use crate::part::{Graph, Part, Steps};
use crate::rules::Rules;

/// Steps that can be counted in one byte of a packed word.
const PACKED_STEPS: usize = 255;

/// One count in each byte: pending, in progress, completed, failed, ready, exhausted, at a dead end.
const BY_STATE: [u64; 256] = {
    let mut table = [0; 256];
    let mut code = 0;
    while code < 256 {
        table[code] = match code as u8 {
            state::PENDING => 1,
            state::IN_PROGRESS => 1 << 8,
            state::ERROR => 1 << 24,
            state::COMPLETE.. => 1 << 16,
            _ => 0,
        };
        code += 1;
    }
    table
};

const BY_BITS: [u64; 256] = {
    let mut table = [0; 256];
    let mut bits = 0;
    while bits < 256 {
        let byte = bits as u8;
        let ready = (byte & result::READY != 0) as u64;
        let exhausted = (byte & result::EXHAUSTED != 0) as u64;
        let dead_end = (byte & result::DEAD_END != 0) as u64;
        table[bits] = (ready << 32) | (exhausted << 40) | (dead_end << 48);
        bits += 1;
    }
    table
};

/// What is counted in one task.
#[derive(Clone, Copy, Default)]
struct Counted {
    pending: usize,
    in_progress: usize,
    completed: usize,
    failed: usize,
    ready: usize,
    exhausted: usize,
    dead_ends: usize,
}

impl AddAssign for Counted {
    fn add_assign(&mut self, other: Self) {
        self.pending += other.pending;
        self.in_progress += other.in_progress;
        self.completed += other.completed;
        self.failed += other.failed;
        self.ready += other.ready;
        self.exhausted += other.exhausted;
        self.dead_ends += other.dead_ends;
    }
}

/// From so many steps on vectors of bytes count faster than tables.
const LARGE_TASK: usize = 48;

impl Counted {
    fn of(states: &[u8], bits: &[u8]) -> Self {
        if states.len() < LARGE_TASK {
            Self::by_tables(states, bits)
        } else {
            Self::by_bytes(states, bits)
        }
    }

    /// Byte by byte without a branch, which the compiler makes vectors of.
    fn by_bytes(states: &[u8], bits: &[u8]) -> Self {
        let mut sum = Self::default();
        let count = |bytes: &[u8], counts: fn(u8) -> bool| {
            usize::from(bytes.iter().fold(0_u8, |sum, &byte| sum + u8::from(counts(byte))))
        };
        for (states, bits) in states.chunks(PACKED_STEPS).zip(bits.chunks(PACKED_STEPS)) {
            sum.pending += count(states, |code| code == state::PENDING);
            sum.in_progress += count(states, |code| code == state::IN_PROGRESS);
            sum.completed += count(states, |code| code >= state::COMPLETE);
            sum.failed += count(states, |code| code == state::ERROR);
            sum.ready += count(bits, |bits| bits & result::READY != 0);
            sum.exhausted += count(bits, |bits| bits & result::EXHAUSTED != 0);
            sum.dead_ends += count(bits, |bits| bits & result::DEAD_END != 0);
        }
        sum
    }

    /// Two table look-ups a step count seven things in one word.
    fn by_tables(states: &[u8], bits: &[u8]) -> Self {
        let mut sum = Self::default();
        for (states, bits) in states.chunks(PACKED_STEPS).zip(bits.chunks(PACKED_STEPS)) {
            let packed = states.iter().zip(bits).fold(0, |packed, (&code, &bits)| {
                packed + BY_STATE[usize::from(code)] + BY_BITS[usize::from(bits)]
            });
            let byte = |at: u32| (packed >> (at * 8)) as usize & 0xff;
            sum.pending += byte(0);
            sum.in_progress += byte(1);
            sum.completed += byte(2);
            sum.failed += byte(3);
            sum.ready += byte(4);
            sum.exhausted += byte(5);
            sum.dead_ends += byte(6);
        }
        sum
    }
}

/// What is counted in the tasks that are too large for one thread, added up from stretches of steps.
#[derive(Default)]
pub(crate) struct SharedCounts {
    tasks: Vec<SharedCount>,
}

struct SharedCount {
    task: usize,
    steps: Range<usize>,
    counted: Mutex<Counted>,
}

impl SharedCounts {
    /// Nothing counted yet, for each task of more than `largest` steps. O(T).
    pub(crate) fn of_tasks_over(largest: usize, graph: &Graph<'_>) -> Self {
        let tasks = (0..graph.counts.tasks).map(|task| (task, graph.steps_of(task)));
        let large = tasks.filter(|(_, steps)| steps.len() > largest);
        let counted = |(task, steps)| SharedCount { task, steps, counted: Mutex::default() };
        Self { tasks: large.map(counted).collect() }
    }

    /// Adds a stretch of steps, whose bits are final but for those that nothing counts. O(steps).
    pub(crate) fn add(&self, graph: &Graph<'_>, stretch: &Steps<'_>) {
        let Range { start, end } = stretch.steps;
        let first = self.tasks.partition_point(|task| task.steps.end <= start);
        for large in self.tasks[first..].iter().take_while(|task| task.steps.start < end) {
            let steps = large.steps.start.max(start)..large.steps.end.min(end);
            let bits = &stretch.bits[steps.start - start..steps.end - start];
            let counted = Counted::of(&graph.state[steps], bits);
            *large.counted.lock().unwrap_or_else(PoisonError::into_inner) += counted;
        }
    }

    fn of(&self, task: usize) -> Option<Counted> {
        let at = self.tasks.binary_search_by_key(&task, |large| large.task).ok()?;
        Some(*self.tasks[at].counted.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Execution contexts of the part's tasks, after readiness (and reachability under `engine`).
///
/// Writes the five counts, `execution_status` and `health_status`. O(steps), no allocation.
/// Source: contract readiness §3; the `engine` rows of the decisions.
pub fn resolve_contexts(graph: &Graph<'_>, part: &mut Part<'_>, rules: Rules) {
    resolve_contexts_with(&SharedCounts::default(), graph, part, rules);
}

/// [`resolve_contexts`] where some of the tasks have been counted already.
pub(crate) fn resolve_contexts_with(
    shared: &SharedCounts,
    graph: &Graph<'_>,
    part: &mut Part<'_>,
    rules: Rules,
) {
    for (at, task) in part.tasks.clone().enumerate() {
        let steps = graph.steps_of(task);
        let total = steps.len();
        let counted = match shared.of(task) {
            Some(counted) => counted,
            None => Counted::of(&graph.state[steps.clone()], &part.bits[part.local(&steps)]),
        };
        part.pending_steps[at] = counted.pending as u32;
        part.in_progress_steps[at] = counted.in_progress as u32;
        part.completed_steps[at] = counted.completed as u32;
        part.failed_steps[at] = counted.failed as u32;
        part.ready_steps[at] = counted.ready as u32;
        let (execution, health) = match rules {
            Rules::Rails => (rails_status(total, counted), rails_health(counted)),
            Rules::Engine => {
                let execution = engine_status(total, counted);
                (execution, engine_health(execution, counted))
            }
        };
        part.execution_status[at] = execution;
        part.health_status[at] = health;
    }
}

fn rails_status(total: usize, counted: Counted) -> u8 {
    if counted.ready > 0 {
        status::HAS_READY
    } else if counted.in_progress > 0 {
        status::PROCESSING
    } else if counted.exhausted > 0 {
        status::BLOCKED
    } else if total > 0 && counted.completed == total {
        status::ALL_COMPLETE
    } else {
        status::WAITING
    }
}

fn rails_health(counted: Counted) -> u8 {
    if counted.failed == 0 {
        health::HEALTHY
    } else if counted.ready == 0 && counted.exhausted > 0 {
        health::BLOCKED
    } else {
        health::RECOVERING
    }
}

/// A task is blocked when no step that is neither done nor dead nor unreachable is left: by induction
/// over the order of the DAG, as long as one is left, one can run, now, later, or after another
/// task's step.
fn engine_status(total: usize, counted: Counted) -> u8 {
    if counted.ready > 0 {
        status::HAS_READY
    } else if counted.in_progress > 0 {
        status::PROCESSING
    } else if counted.completed == total {
        status::ALL_COMPLETE
    } else if total > counted.completed + counted.dead_ends {
        status::WAITING
    } else {
        status::BLOCKED
    }
}

fn engine_health(execution: u8, counted: Counted) -> u8 {
    if execution == status::BLOCKED {
        health::BLOCKED
    } else if counted.failed == 0 {
        health::HEALTHY
    } else {
        health::RECOVERING
    }
}
