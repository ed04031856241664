//! The steps of tasks that share a graph as bit planes.

use crate::planes_groups::{Group, Template};
use crate::planes_waits::{TASKS_PER_WORD, WaitColumn};

/// What a node's own row says, one byte a node.
pub mod own {
    /// Everything of readiness holds but parents and waits.
    pub const CANDIDATE: u8 = 1;
    /// Complete or resolved by hand.
    pub const DONE: u8 = 2;
    /// A candidate with a wait, over or not.
    pub const TIMED: u8 = 4;
}

/// The steps of a group's tasks: one plane for each step of the template, one bit for each task, 64
/// tasks a word, the words of a plane side by side. The graph is read once for all tasks: what may
/// run is three operations on words for each edge of the template, which the compiler makes vectors
/// of.
#[derive(Clone, Debug)]
pub struct BitPlanes {
    template: Template,
    words: usize,
    first_steps: Vec<u32>,
    candidate: Vec<u64>,
    /// Candidates that do not wait at the clock.
    open: Vec<u64>,
    done: Vec<u64>,
    /// The steps that might run at the last refresh.
    ready: Vec<u64>,
    /// Room for one plane.
    fresh: Vec<u64>,
    waits: Vec<Option<WaitColumn>>,
    clock: f64,
}

impl BitPlanes {
    /// Builds the planes of a group from the [`own`] bits of all nodes. O(its steps).
    ///
    /// # Panics
    /// Where a task ends behind the last node.
    #[must_use]
    pub fn new(group: Group, task_steps: &[u32], codes: &[u8]) -> Self {
        let Group { template, tasks } = group;
        let steps = template.steps();
        let words = tasks.len().div_ceil(TASKS_PER_WORD);
        let first_steps: Vec<u32> = tasks.iter().map(|&task| task_steps[task as usize]).collect();
        let mut candidate = vec![0; words * steps];
        let mut done = vec![0; words * steps];
        for (word, firsts) in first_steps.chunks(TASKS_PER_WORD).enumerate() {
            for (bit, &first) in firsts.iter().enumerate() {
                let own = &codes[first as usize..first as usize + steps];
                for (step, &code) in own.iter().enumerate() {
                    candidate[step * words + word] |= u64::from(code & own::CANDIDATE) << bit;
                    done[step * words + word] |= u64::from((code & own::DONE) >> 1) << bit;
                }
            }
        }
        Self {
            words,
            open: candidate.clone(),
            ready: vec![0; words * steps],
            fresh: vec![0; words],
            waits: vec![None; steps],
            clock: f64::NAN,
            template,
            first_steps,
            candidate,
            done,
        }
    }

    /// Number of tasks.
    #[must_use]
    pub fn tasks(&self) -> usize {
        self.first_steps.len()
    }

    /// The graph of each task.
    #[must_use]
    pub const fn template(&self) -> &Template {
        &self.template
    }

    /// Bytes held.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let waits: usize = self.waits.iter().flatten().map(WaitColumn::bytes).sum();
        let words = self.candidate.len() * 4 + self.fresh.len();
        waits + words * size_of::<u64>() + self.first_steps.len() * size_of::<u32>()
    }

    /// Writes what one step's own row says now: `task` and `step` are positions in group and
    /// template, `wait_end` is when the row's wait ends, negative infinity for none. O(1).
    ///
    /// # Panics
    /// Where there is no such position.
    pub fn set_step(&mut self, task: usize, step: usize, code: u8, wait_end: f64) {
        let candidate = code & own::CANDIDATE != 0;
        let end = if candidate { wait_end } else { f64::NEG_INFINITY };
        let column = &mut self.waits[step];
        if column.is_none() && end > f64::NEG_INFINITY {
            *column = Some(WaitColumn::new(self.words, self.clock));
        }
        let waits = column.as_mut().is_some_and(|column| column.set(task, end, self.clock));
        let at = step * self.words + task / TASKS_PER_WORD;
        let bit = 1 << (task % TASKS_PER_WORD);
        set_bit(&mut self.candidate[at], bit, candidate);
        set_bit(&mut self.open[at], bit, candidate && !waits);
        set_bit(&mut self.done[at], bit, code & own::DONE != 0);
    }

    /// Sets the clock; nothing for a step whose waits did not end in between.
    pub fn advance(&mut self, now: f64) {
        self.clock = now;
        let words = self.words;
        let planes = self.candidate.chunks(words).zip(self.open.chunks_mut(words));
        for (column, (candidate, open)) in self.waits.iter_mut().zip(planes) {
            if let Some(column) = column {
                column.advance(now, candidate, open);
            }
        }
    }

    /// Finds the steps that may run at the clock, and changes the marks that differ: one bit for
    /// each step number. Returns how many more may run than at the last call. O(words of all planes ·
    /// parents + marks changed).
    ///
    /// This is the form for any processor; [`vectors`](crate::vectors) chooses a faster one at run
    /// time.
    #[inline(always)]
    pub fn refresh_anywhere(&mut self, marks: &mut [u64]) -> i64 {
        let mut more = 0;
        for step in 0..self.template.steps() {
            if self.evaluate(step) != 0 {
                more += self.take_over(step, marks);
            }
        }
        more
    }

    /// Writes the fresh plane of a step: open, and all parents done. Returns the bits in which any
    /// word differs from the last refresh.
    #[inline(always)]
    fn evaluate(&mut self, step: usize) -> u64 {
        let words = self.words;
        let plane = step * words..(step + 1) * words;
        let open = &self.open[plane.clone()];
        let ready = &self.ready[plane];
        let fresh = &mut self.fresh[..];
        let parents = self.template.parents_of(step);
        let done = |parent: u32| &self.done[parent as usize * words..(parent as usize + 1) * words];
        // up to three parents take one pass; a parent that is not there is the plane itself
        let parent = |at: usize| parents.get(at).map_or(open, |&parent| done(parent));
        let pass = fresh.iter_mut().zip(open).zip(ready);
        let pass = pass.zip(parent(0)).zip(parent(1)).zip(parent(2));
        let mut changed = 0;
        for (((((fresh, open), ready), one), two), three) in pass {
            *fresh = open & one & two & three;
            changed |= *fresh ^ ready;
        }
        if parents.len() <= 3 {
            return changed;
        }
        for &parent in &parents[3..] {
            for (fresh, done) in fresh.iter_mut().zip(done(parent)) {
                *fresh &= done;
            }
        }
        fresh.iter().zip(ready).fold(0, |changed, (fresh, ready)| changed | (fresh ^ ready))
    }

    /// Makes the fresh plane of a step the last one, and changes the marks that differ.
    fn take_over(&mut self, step: usize, marks: &mut [u64]) -> i64 {
        let ready = &mut self.ready[step * self.words..(step + 1) * self.words];
        let mut more = 0;
        for (word, (&after, ready)) in self.fresh.iter().zip(ready).enumerate() {
            let mut left = after ^ *ready;
            more += i64::from(after.count_ones()) - i64::from(ready.count_ones());
            *ready = after;
            while left != 0 {
                let task = word * TASKS_PER_WORD + left.trailing_zeros() as usize;
                let number = self.first_steps[task] as usize + step;
                marks[number / 64] ^= 1 << (number % 64);
                left &= left - 1;
            }
        }
        more
    }
}

fn set_bit(word: &mut u64, bit: u64, on: bool) {
    *word = if on { *word | bit } else { *word & !bit };
}
