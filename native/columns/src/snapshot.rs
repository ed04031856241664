//! A snapshot that owns its buffer, and how it is asked.

use std::cell::RefCell;
use std::sync::OnceLock;
use std::sync::atomic::AtomicU32;

use tasker_resolver::codes::task_flag;
use tasker_resolver::{
    Counts, Cycle, Layout, Parameters, Rules, Scratch, Section, Sections, Snapshot, resolve_range,
    resolve_until,
};

use crate::answer::Answer;
use crate::build::{Built, build};
use crate::levels::LevelRows;
use crate::problem::{Code, Problem, RowProblem};
use crate::spans::Spans;
use crate::tables::Input;

/// Steps up to which a resolution stays in the calling thread; it takes less than a millisecond.
const ALONE_STEPS: usize = 65_536;

thread_local! {
    /// Room for the kernels, which costs more than a small resolution.
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// Workflows in memory: built once from columns, resolved as often as there are questions.
#[derive(Debug)]
pub struct OwnedSnapshot {
    words: Vec<u64>,
    layout: Layout,
    problems: Vec<RowProblem>,
    task_rows: Option<Vec<u32>>,
    step_rows: Option<Vec<u32>>,
    resolved: Option<Resolved>,
}

/// What the latest resolution left beside the sections.
#[derive(Debug)]
pub(crate) struct Resolved {
    pub parameters: Parameters,
    pub cycles: Vec<Cycle>,
    /// Answered tasks, and their steps.
    pub tasks: Spans,
    pub steps: Spans,
    /// Sorted at the first question.
    pub levels: OnceLock<LevelRows>,
}

impl OwnedSnapshot {
    /// Reads every column and puts tasks in order of their ids, steps in order of task and id.
    ///
    /// # Complexity
    /// O(rows) where they come in that order, else O(rows · log rows). The columns are read, not kept.
    ///
    /// # Errors
    /// `BadInput` with the table, column and row; `TooLarge` for more than 2^31 - 1 rows of a kind or
    /// 32 GiB. Rows that contradict each other are no error: see [`OwnedSnapshot::problems`].
    pub fn build(input: &Input<'_>) -> Result<Self, Problem> {
        let Built { words, problems, task_rows, step_rows } = build(input)?;
        let layout = Sections::open(&words)?.layout().clone();
        Ok(Self { words, layout, problems, task_rows, step_rows, resolved: None })
    }

    /// Sizes of the snapshot. O(sections).
    #[must_use]
    pub fn counts(&self) -> Counts {
        *self.sections().counts()
    }

    /// Rows that contradict others or lead nowhere, in the order in which they were found.
    #[must_use]
    pub fn problems(&self) -> &[RowProblem] {
        &self.problems
    }

    /// The bytes of the snapshot, 8 a word; the layout is that of `src/graph/snapshot/layout.ts`.
    #[must_use]
    pub fn words(&self) -> &[u64] {
        &self.words
    }

    /// Input row of a task of the snapshot. O(1).
    ///
    /// # Panics
    /// Where there is no such task.
    #[must_use]
    pub fn task_row(&self, task: usize) -> usize {
        self.task_rows.as_ref().map_or(task, |rows| rows[task] as usize)
    }

    /// Input row of a step of the snapshot. O(1).
    ///
    /// # Panics
    /// Where there is no such step.
    #[must_use]
    pub fn step_row(&self, step: usize) -> usize {
        self.step_rows.as_ref().map_or(step, |rows| rows[step] as usize)
    }

    /// Resolves every task: readiness and cycles always, contexts and levels where they are asked for.
    ///
    /// # Arguments
    /// `threads`: most threads, at least 1; up to 65,536 steps are resolved in the calling one.
    /// `cancel`: any value but zero ends the work, which is noticed within 16,384 steps.
    ///
    /// # Complexity
    /// O(steps + edges).
    ///
    /// # Errors
    /// `BadArgument` for a clock that is NaN, `Cancelled`. There is no answer then.
    pub fn resolve(
        &mut self,
        parameters: Parameters,
        threads: usize,
        cancel: &AtomicU32,
    ) -> Result<Answer<'_>, Problem> {
        self.resolved = None;
        if parameters.now_micros.is_nan() {
            return Err(Problem::new(
                Code::BadArgument,
                "The clock is NaN, not µs since the epoch.",
            ));
        }
        let mut snapshot = Snapshot::open(&mut self.words)?;
        let Counts { tasks, steps, .. } = *snapshot.counts();
        let cycles = if steps <= ALONE_STEPS {
            let (graph, mut part) = snapshot.part(0..tasks)?;
            SCRATCH.with_borrow_mut(|scratch| resolve_range(&graph, &mut part, parameters, scratch))
        } else {
            resolve_until(&mut snapshot, parameters, threads, cancel)?
                .map_err(|_| Problem::new(Code::Cancelled, "The work was cancelled."))?
        };
        let (tasks, steps) = answered(&self.sections(), parameters.rules);
        let resolved = self.resolved.insert(Resolved {
            parameters,
            cycles,
            tasks,
            steps,
            levels: OnceLock::new(),
        });
        Ok(Answer::new(Sections::with_layout(&self.words, &self.layout), resolved))
    }

    /// What the latest resolution answered; nothing before the first one and after one that failed.
    #[must_use]
    pub fn answer(&self) -> Option<Answer<'_>> {
        self.resolved.as_ref().map(|resolved| Answer::new(self.sections(), resolved))
    }

    /// All sections of the buffer.
    pub(crate) fn sections(&self) -> Sections<'_> {
        Sections::with_layout(&self.words, &self.layout)
    }

    /// Calls `work` with the inputs of the kernels and room for them.
    pub(crate) fn with_scratch<T>(&self, work: impl FnOnce(&mut Scratch) -> T) -> T {
        SCRATCH.with_borrow_mut(work)
    }
}

/// The tasks that are neither refused for their rows nor, under `engine`, cyclic; and their steps.
fn answered(sections: &Sections<'_>, rules: Rules) -> (Spans, Spans) {
    let apart = match rules {
        Rules::Rails => task_flag::REFUSED,
        Rules::Engine => task_flag::REFUSED | task_flag::CYCLIC,
    };
    let task_steps: &[u32] = sections.read(Section::TaskSteps);
    let flags: &[u8] = sections.read(Section::TaskFlags);
    let (mut tasks, mut steps) = (Spans::default(), Spans::default());
    for (task, (flags, ends)) in flags.iter().zip(task_steps.windows(2)).enumerate() {
        if flags & apart == 0 {
            tasks.push(task..task + 1);
            steps.push(ends[0] as usize..ends[1] as usize);
        }
    }
    (tasks, steps)
}
