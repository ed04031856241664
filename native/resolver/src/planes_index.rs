//! The steps of a snapshot that may run, asked again and again.

use std::collections::HashMap;

use crate::part::Graph;
use crate::planes::{BitPlanes, own};
use crate::planes_groups::{Groups, group_by_graph, ungrouped};
use crate::readiness::{own_candidates, wait_ends};
use crate::rules::Rules;
use crate::vectors::{read_marked, refresh_planes};

/// Tasks that share a graph as bit planes, all others one by one. Both mark their steps in one row of
/// bits, one for each step number, so that a mixture comes out in the order of tasks and steps.
///
/// The snapshot is read when the index is built, afterwards only the graph of single tasks and the
/// ids; its rows must stay as they are, what changes is told by [`set_step`](Self::set_step). Every
/// index is checked: a graph that contradicts itself ends in a panic at worst.
///
/// Source: `src/graph/planes/ready-ids.ts`, whose answers these are.
#[derive(Clone, Debug)]
pub struct ReadyPlanes {
    steps: usize,
    group_of_task: Vec<i32>,
    planes: Vec<BitPlanes>,
    /// The [`own`] bits of every node.
    codes: Vec<u8>,
    /// Tasks answered one by one.
    single: Vec<u32>,
    /// Position of each task in its group.
    positions: Vec<u32>,
    /// Ends of the waits of single tasks' steps.
    waits: HashMap<usize, f64>,
    /// The steps that might run at the last question.
    marks: Vec<u64>,
    first_ids: Vec<Option<i64>>,
    count: i64,
    clock: f64,
}

impl ReadyPlanes {
    /// Groups the tasks, `at_least` of one graph together. O(T + N + E + W) expected.
    ///
    /// # Panics
    /// Where the graph contradicts itself.
    #[must_use]
    pub fn new(
        graph: &Graph<'_>,
        task_flags: &[u8],
        step_ids: &[i64],
        rules: Rules,
        at_least: usize,
    ) -> Self {
        let Groups { groups, group_of_task } = group_by_graph(graph, task_flags, rules, at_least);
        let codes = own_candidates(graph, rules);
        let mut positions = vec![0; group_of_task.len()];
        for group in &groups {
            for (at, &task) in group.tasks.iter().enumerate() {
                positions[task as usize] = at as u32;
            }
        }
        let planes = groups
            .into_iter()
            .map(|group| BitPlanes::new(group, graph.task_steps, &codes))
            .collect();
        let alone = |group: i32| group < 0 && group > ungrouped::REFUSED;
        let single = (0..group_of_task.len() as u32)
            .filter(|&task| alone(group_of_task[task as usize]))
            .collect();
        let mut index = Self {
            steps: graph.counts.steps,
            marks: vec![0; graph.counts.steps.div_ceil(64)],
            first_ids: first_ids(&step_ids[..graph.counts.steps]),
            waits: HashMap::new(),
            count: 0,
            clock: f64::NAN,
            group_of_task,
            planes,
            codes,
            single,
            positions,
        };
        index.enter_waits(graph, rules);
        index
    }

    fn enter_waits(&mut self, graph: &Graph<'_>, rules: Rules) {
        let mut task = 0;
        for (timed, &step) in graph.timed_step.iter().enumerate() {
            let step = step as usize;
            while graph.task_steps[task + 1] as usize <= step {
                task += 1;
            }
            let code = self.codes[step];
            if code & own::CANDIDATE != 0 {
                self.write(graph, task, step, code, wait_end(graph, rules, timed));
            }
        }
    }

    /// Number of each task's group, or a code of [`ungrouped`].
    #[must_use]
    pub fn group_of_task(&self) -> &[i32] {
        &self.group_of_task
    }

    /// The groups.
    #[must_use]
    pub fn planes(&self) -> &[BitPlanes] {
        &self.planes
    }

    /// Bytes held, the waits of single tasks left out.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let planes: usize = self.planes.iter().map(BitPlanes::bytes).sum();
        let tasks = self.group_of_task.len() + self.positions.len() + self.single.len();
        planes + self.codes.len() + self.marks.len() * 24 + tasks * 4
    }

    /// Writes what the row of a step or ghost says now: its [`own`] bits and when its wait ends,
    /// negative infinity for none. O(log T).
    ///
    /// # Panics
    /// Where there is no such node.
    pub fn set_step(&mut self, graph: &Graph<'_>, node: usize, code: u8, wait_end: f64) {
        if node >= self.steps {
            self.codes[node] = code;
            return;
        }
        let task = graph.task_steps.partition_point(|&first| first as usize <= node) - 1;
        self.write(graph, task, node, code, wait_end);
    }

    fn write(&mut self, graph: &Graph<'_>, task: usize, step: usize, code: u8, wait_end: f64) {
        let waits = code & own::CANDIDATE != 0 && wait_end > f64::NEG_INFINITY;
        self.codes[step] = if waits { code | own::TIMED } else { code };
        if let Ok(group) = usize::try_from(self.group_of_task[task]) {
            let position = step - graph.task_steps[task] as usize;
            self.planes[group].set_step(self.positions[task] as usize, position, code, wait_end);
        } else if waits {
            self.waits.insert(step, wait_end);
        } else {
            self.waits.remove(&step);
        }
    }

    /// How many steps may run at `now_micros` (µs since the epoch). O(edges / 64) over the tasks that
    /// share a graph, O(edges) over the others.
    ///
    /// # Panics
    /// Where the graph is not the one that the index was built from.
    pub fn count(&mut self, graph: &Graph<'_>, now_micros: f64) -> usize {
        self.clock = now_micros;
        for planes in &mut self.planes {
            planes.advance(now_micros);
            self.count += refresh_planes(planes, &mut self.marks);
        }
        for at in 0..self.single.len() {
            self.refresh_task(graph, self.single[at] as usize);
        }
        self.count as usize
    }

    /// Ids of the steps that might run at the last [`count`](Self::count), by task, then step, into
    /// `ids`, as far as it reaches. O(N / 64 + ids).
    pub fn read_ids(&self, step_ids: &[i64], ids: &mut [i64]) {
        read_marked(&self.marks, &self.first_ids, &step_ids[..self.steps], ids);
    }

    /// Marks the steps of a single task that may run at the clock. O(steps and edges).
    fn refresh_task(&mut self, graph: &Graph<'_>, task: usize) {
        for step in graph.steps_of(task) {
            let code = self.codes[step];
            let done = |&parent: &u32| self.codes[parent as usize] & own::DONE != 0;
            let ready = code & own::CANDIDATE != 0
                && graph.parents_of(step).iter().all(done)
                && (code & own::TIMED == 0 || self.waits[&step] <= self.clock);
            let mark = &mut self.marks[step / 64];
            let bit = 1 << (step % 64);
            if ready != (*mark & bit != 0) {
                *mark ^= bit;
                self.count += if ready { 1 } else { -1 };
            }
        }
    }
}

/// When the wait of a timed row ends; negative infinity where it has none. O(1).
///
/// Source: contract readiness R7, R8; under `engine` a stored next attempt decides alone.
fn wait_end(graph: &Graph<'_>, rules: Rules, timed: usize) -> f64 {
    let stored = graph.next_attempt_at[timed];
    if rules == Rules::Engine && !stored.is_nan() {
        return stored;
    }
    let step = graph.timed_step[timed] as usize;
    let (explicit, failure) = wait_ends(graph, step, graph.failed_at[timed]);
    // the maximum leaves a NaN out: no such wait
    f64::NEG_INFINITY.max(explicit).max(failure)
}

/// First ids of the blocks of 64 steps whose ids follow each other without a gap, as they do where
/// tasks were created one after the other. O(N).
#[must_use]
pub fn first_ids(step_ids: &[i64]) -> Vec<Option<i64>> {
    let blocks = step_ids.chunks(64).map(|block| {
        let apart = |(at, &id): (usize, &i64)| id.wrapping_sub(block[0]) ^ at as i64;
        let gaps = block.iter().enumerate().fold(0, |gaps, id| gaps | apart(id));
        (gaps == 0).then(|| block[0])
    });
    blocks.collect()
}

/// Reads the ids at the marked positions into `ids`, as far as it reaches; `first_ids` are those of
/// [`first_ids`]. O(marks / 64 + ids).
///
/// Where ids follow each other they are counted instead of read: what is not read need not be in the
/// cache. How many bits a word has cannot be foretold: eight ids are written whatever it has, as far
/// as there is room, so that a branch is missed only by words that have more.
#[inline(always)]
pub fn read_marked_anywhere(
    marks: &[u64],
    first_ids: &[Option<i64>],
    step_ids: &[i64],
    ids: &mut [i64],
) {
    let mut taken = 0;
    for (block, (&mark, first_id)) in marks.iter().zip(first_ids).enumerate() {
        let rest = ids.get_mut(taken..).unwrap_or_default();
        if let Some(first) = first_id {
            read_block(mark, rest, |at| first.wrapping_add(at as i64));
        } else {
            let own = &step_ids[block * 64..step_ids.len().min(block * 64 + 64)];
            match <&[i64; 64]>::try_from(own) {
                Ok(own) => read_block(mark, rest, |at| own[at]),
                Err(_) => read_block(mark, rest, |at| own.get(at).copied().unwrap_or_default()),
            }
        }
        taken += mark.count_ones() as usize;
    }
}

/// Writes the ids of one word's marks to the front of `ids`.
#[inline(always)]
fn read_block(mark: u64, ids: &mut [i64], id: impl Fn(usize) -> i64) {
    let mut left = mark;
    let mut next = || {
        let at = left.trailing_zeros() as usize % 64;
        left &= left.wrapping_sub(1);
        id(at)
    };
    let count = mark.count_ones() as usize;
    let (eights, rest) = ids.as_chunks_mut::<8>();
    let full = eights.len() * 8;
    for eight in eights.iter_mut().take(count.div_ceil(8)) {
        *eight = std::array::from_fn(|_| next());
    }
    for id in rest.iter_mut().take(count.saturating_sub(full)) {
        *id = next();
    }
}
