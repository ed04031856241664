//! The snapshot layout: a header of 64 words, then 8-byte-aligned sections, structure of arrays.
//! Described in `src/graph/snapshot/layout.ts`; the header carries sizes and offsets, so that this table
//! needs only names, element sizes and lengths, in order.

use std::fmt;

/// First word of the header.
pub const MAGIC: u32 = 0x474b_5354;
/// Layout version that this crate knows.
pub const VERSION: u32 = 1;
/// Words (`u32`) before the first section.
pub const HEADER_WORDS: usize = 64;
/// Bytes before the first section.
pub const HEADER_BYTES: usize = HEADER_WORDS * 4;

/// Header words that are not section offsets.
pub mod header {
    /// [`MAGIC`](super::MAGIC).
    pub const MAGIC: usize = 0;
    /// Layout version.
    pub const VERSION: usize = 1;
    /// Number of tasks; steps, ghosts, edges and timed steps follow.
    pub const COUNTS: usize = 2;
    /// Number of sections.
    pub const SECTIONS: usize = 7;
    /// Non-zero asks a running kernel to stop.
    pub const CANCEL: usize = 9;
    /// Zero, or the ticket of the one call that writes the outputs.
    pub const HOLDER: usize = 10;
    /// Offset of the first section in units of 8 bytes; the others follow.
    pub const FIRST_SECTION: usize = 16;
}

/// Sizes of a snapshot; every section's length follows from them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Tasks.
    pub tasks: usize,
    /// Steps, grouped by task.
    pub steps: usize,
    /// Parents in tasks outside the snapshot, numbered after the steps.
    pub ghosts: usize,
    /// Edges.
    pub edges: usize,
    /// Steps with a failure instant, an explicit wait or a stored next attempt.
    pub timed: usize,
}

impl Counts {
    /// Steps and ghosts.
    #[must_use]
    pub const fn nodes(&self) -> usize {
        self.steps + self.ghosts
    }
}

macro_rules! sections {
    ($($(#[doc = $doc:literal])+ $variant:ident $name:literal $bytes:literal $length:expr;)+) => {
        /// One section, in buffer order.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(usize)]
        pub enum Section { $($(#[doc = $doc])+ $variant,)+ }

        impl Section {
            /// Every section, in buffer order.
            pub const ALL: &[Section] = &[$(Section::$variant,)+];

            /// Name of the section, as in `src/graph/snapshot/layout.ts`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Section::$variant => $name,)+ }
            }

            /// Bytes of one element.
            #[must_use]
            pub const fn element_bytes(self) -> usize {
                match self { $(Section::$variant => $bytes,)+ }
            }

            /// Number of elements.
            #[must_use]
            pub fn length(self, counts: &Counts) -> usize {
                let length: fn(&Counts) -> usize = match self { $(Section::$variant => $length,)+ };
                length(counts)
            }
        }
    };
}

sections! {
    /// First step of each task; the last entry is the number of steps.
    TaskSteps "taskSteps" 4 |c| c.tasks + 1;
    /// First edge of each step in `Parents`; the last entry is the number of edges.
    ParentOffsets "parentOffsets" 4 |c| c.steps + 1;
    /// Parent of each edge, grouped by child.
    Parents "parents" 4 |c| c.edges;
    /// First edge of each node in `Children`; the last entry is the number of edges.
    ChildOffsets "childOffsets" 4 |c| c.nodes() + 1;
    /// Child of each edge, grouped by parent, ascending.
    Children "children" 4 |c| c.edges;
    /// State code of each node.
    State "state" 1 Counts::nodes;
    /// Flag bits of each node.
    Flags "flags" 1 Counts::nodes;
    /// Attempts of each node.
    Attempts "attempts" 4 Counts::nodes;
    /// Retry limit of each node.
    RetryLimit "retryLimit" 4 Counts::nodes;
    /// Steps with a time, ascending.
    TimedStep "timedStep" 4 |c| c.timed;
    /// When the step failed, µs since the epoch or NaN.
    FailedAt "failedAt" 8 |c| c.timed;
    /// Stored next attempt, µs since the epoch or NaN.
    NextAttemptAt "nextAttemptAt" 8 |c| c.timed;
    /// State code of each task.
    TaskState "taskState" 1 |c| c.tasks;
    /// Flag bits of each task.
    TaskFlags "taskFlags" 1 |c| c.tasks;
    /// Last attempt of each step, µs since the epoch or NaN.
    LastAttemptedAt "lastAttemptedAt" 8 |c| c.steps;
    /// Explicit wait of each step, seconds.
    BackoffSeconds "backoffSeconds" 4 |c| c.steps;
    /// Database id of each node.
    StepId "stepId" 8 Counts::nodes;
    /// Named step of each step.
    NamedStepId "namedStepId" 4 |c| c.steps;
    /// Database id of each task.
    TaskId "taskId" 8 |c| c.tasks;
    /// Named task of each task.
    NamedTaskId "namedTaskId" 4 |c| c.tasks;
    /// Task of each ghost.
    GhostTaskId "ghostTaskId" 8 |c| c.ghosts;
    /// Result bits of each step.
    Bits "bits" 1 |c| c.steps;
    /// Done parents of each step.
    CompletedParents "completedParents" 4 |c| c.steps;
    /// Longest path from a local root in edges, -1 where the step has no level.
    Level "level" 4 |c| c.steps;
    /// When the wait ends or ended, µs since the epoch or NaN; beside `TimedStep`.
    NextRetryAt "nextRetryAt" 8 |c| c.timed;
    /// Pending steps of each task.
    PendingSteps "pendingSteps" 4 |c| c.tasks;
    /// Running steps of each task.
    InProgressSteps "inProgressSteps" 4 |c| c.tasks;
    /// Done steps of each task.
    CompletedSteps "completedSteps" 4 |c| c.tasks;
    /// Failed steps of each task.
    FailedSteps "failedSteps" 4 |c| c.tasks;
    /// Ready steps of each task.
    ReadySteps "readySteps" 4 |c| c.tasks;
    /// Execution status of each task.
    ExecutionStatus "executionStatus" 1 |c| c.tasks;
    /// Health status of each task.
    HealthStatus "healthStatus" 1 |c| c.tasks;
}

/// Number of sections.
pub const SECTIONS: usize = Section::ALL.len();

/// What is wrong with a buffer: code `TASKER_BAD_SNAPSHOT` with the section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Name of the section, `header` for what stands before the first one.
    pub section: &'static str,
    /// The rest of the sentence that the section's name begins.
    pub problem: String,
}

impl Problem {
    pub(crate) fn new(section: Section, problem: impl Into<String>) -> Self {
        Self { section: section.name(), problem: problem.into() }
    }

    pub(crate) fn header(problem: impl Into<String>) -> Self {
        Self { section: "header", problem: problem.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "The snapshot's {} {}.", self.section, self.problem)
    }
}

impl std::error::Error for Problem {}

/// Sizes and section offsets of a buffer, all inside of it, aligned, in order and apart.
#[derive(Clone, Debug)]
pub struct Layout {
    counts: Counts,
    offsets: [usize; SECTIONS],
}

impl Layout {
    /// Reads a header and checks that the sections follow each other inside the buffer. O(sections).
    ///
    /// # Errors
    /// The first contradiction, by section.
    pub fn read(header: &[u32; HEADER_WORDS], buffer_bytes: usize) -> Result<Self, Problem> {
        if buffer_bytes < HEADER_BYTES {
            return Err(Problem::header(format!("has {buffer_bytes} bytes")));
        }
        if header[header::MAGIC] != MAGIC {
            return Err(Problem::header("does not start with the magic word"));
        }
        let version = header[header::VERSION];
        if version != VERSION {
            return Err(Problem::header(format!(
                "is of layout version {version}, this program knows {VERSION}"
            )));
        }
        if header[header::SECTIONS] as usize != SECTIONS {
            return Err(Problem::header("lists other sections"));
        }
        let count = |at: usize| header[header::COUNTS + at] as usize;
        let counts = Counts {
            tasks: count(0),
            steps: count(1),
            ghosts: count(2),
            edges: count(3),
            timed: count(4),
        };
        let mut offsets = [0; SECTIONS];
        let mut previous_end = HEADER_BYTES as u64;
        for (at, &section) in Section::ALL.iter().enumerate() {
            // in 64 bits no product of words overflows
            let start = u64::from(header[header::FIRST_SECTION + at]) * 8;
            let end = start + section.length(&counts) as u64 * section.element_bytes() as u64;
            if end > buffer_bytes as u64 {
                let problem = format!("lies outside of the {buffer_bytes} bytes");
                return Err(Problem::new(section, problem));
            }
            // an output that overlaps an input would turn a checked edge into an unchecked one
            if start < previous_end {
                return Err(Problem::new(section, "overlaps what stands before it"));
            }
            previous_end = end;
            offsets[at] = start as usize;
        }
        Ok(Self { counts, offsets })
    }

    /// Sizes of the snapshot.
    #[must_use]
    pub const fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Byte offset of a section, a multiple of 8.
    #[must_use]
    pub const fn offset(&self, section: Section) -> usize {
        self.offsets[section as usize]
    }
}
