//! Unsafe code about memory, all of it: typed slices over the raw bytes of a snapshot buffer.
//!
//! The buffer is memory that JavaScript owns and that several threads may look at, hence a pointer
//! and a length instead of one slice. What makes the slices sound:
//!
//! - [`Layout::read`] has checked that every section lies inside the buffer, starts at a multiple of
//!   8 and ends before the next one starts, and the buffer itself is aligned to 8;
//! - the element types are integers and `f64`, for which every bit pattern is a value;
//! - exclusive slices are cut for one range of tasks, from the sections that kernels write, shared
//!   ones from the sections that no kernel writes; `taskFlags`, which is both, is exclusive. Parts
//!   of different tasks therefore never overlap;
//! - the header, which other threads write while kernels run, is only ever seen as atomics.
//!
//! What the type system cannot see is the caller's promise in [`Snapshot::from_raw`]: while a part is
//! borrowed, nobody else writes the snapshot's inputs or this part's outputs. The resolver and the
//! addon keep it by a word of the header that a call takes before it writes ([`Snapshot::holder_word`]).

use std::marker::PhantomData;
use std::mem::size_of;
use std::ops::Range;
use std::slice;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::layout::{Counts, HEADER_BYTES, HEADER_WORDS, Layout, Problem, Section, header};
use crate::part::{Graph, Part};
use crate::sections::Element;
use crate::validate;

/// A snapshot buffer whose header has been checked.
#[derive(Debug)]
pub struct Snapshot<'a> {
    base: *mut u8,
    layout: Layout,
    buffer: PhantomData<&'a mut [u8]>,
}

impl<'a> Snapshot<'a> {
    /// Opens a buffer of Rust's own. O(sections).
    ///
    /// # Errors
    /// What is wrong with the header or the place of a section.
    pub fn open(words: &'a mut [u64]) -> Result<Self, Problem> {
        let bytes = size_of_val(words);
        // SAFETY: the words are borrowed mutably for 'a, so nobody else reads or writes them.
        unsafe { Self::from_raw(words.as_mut_ptr().cast(), bytes) }
    }

    /// Opens a buffer by address, without a copy. O(sections).
    ///
    /// # Safety
    /// `base` points to `bytes` bytes that stay allocated for `'a`. While a [`Part`] taken from this
    /// snapshot lives, nobody else writes to the input sections or to the outputs of the part's
    /// tasks, and nobody reads these outputs; the header may be written through atomics.
    ///
    /// # Errors
    /// What is wrong with the header or the place of a section.
    pub unsafe fn from_raw(base: *mut u8, bytes: usize) -> Result<Self, Problem> {
        if bytes < HEADER_BYTES {
            return Err(Problem::header(format!("has {bytes} bytes")));
        }
        if base.is_null() || !base.addr().is_multiple_of(8) {
            return Err(Problem::header("is not aligned to 8 bytes"));
        }
        // SAFETY: the header lies inside the buffer and is aligned; atomics may be shared.
        let words = unsafe { header_words(base) };
        let mut header = [0; HEADER_WORDS];
        for (word, shared) in header.iter_mut().zip(words) {
            *word = shared.load(Ordering::Relaxed);
        }
        Ok(Self { base, layout: Layout::read(&header, bytes)?, buffer: PhantomData })
    }

    /// Sizes of the snapshot.
    #[must_use]
    pub const fn counts(&self) -> &Counts {
        self.layout.counts()
    }

    /// The header word that asks running kernels to stop; zero means go on.
    #[must_use]
    pub fn cancel_word(&self) -> &'a AtomicU32 {
        // SAFETY: checked in from_raw; no part covers the header.
        let words = unsafe { header_words(self.base) };
        &words[header::CANCEL]
    }

    /// The header word that says who writes the outputs; zero means nobody. Nothing in this crate
    /// takes it: whoever shares a buffer does, by compare and swap, and puts zero back.
    #[must_use]
    pub fn holder_word(&self) -> &'a AtomicU32 {
        // SAFETY: as for cancel_word.
        let words = unsafe { header_words(self.base) };
        &words[header::HOLDER]
    }

    /// Checks everything about the graph that the kernels take for granted. O(T + N + E).
    ///
    /// # Errors
    /// The first contradiction, by section.
    pub fn check(&mut self) -> Result<(), Problem> {
        let graph = self.graph();
        validate::check(&graph, self.exclusive(Section::TaskFlags, 0..graph.counts.tasks))
    }

    /// The inputs, and the outputs of the tasks `tasks` for writing. O(log timed).
    ///
    /// # Errors
    /// `taskSteps` when the range or the steps of its tasks do not exist.
    pub fn part(&mut self, tasks: Range<usize>) -> Result<(Graph<'_>, Part<'_>), Problem> {
        let graph = self.graph();
        let counts = graph.counts;
        if tasks.start > tasks.end || tasks.end > counts.tasks {
            let problem = format!("has no tasks {} to {}", tasks.start, tasks.end);
            return Err(Problem::new(Section::TaskSteps, problem));
        }
        let steps = graph.task_steps[tasks.start] as usize..graph.task_steps[tasks.end] as usize;
        if steps.start > steps.end || steps.end > counts.steps {
            let problem = format!("falls or ends behind step {}", counts.steps);
            return Err(Problem::new(Section::TaskSteps, problem));
        }
        let timed = graph.timed_of(&steps);
        let part = Part {
            task_flags: self.exclusive(Section::TaskFlags, tasks.clone()),
            bits: self.exclusive(Section::Bits, steps.clone()),
            completed_parents: self.exclusive(Section::CompletedParents, steps.clone()),
            level: self.exclusive(Section::Level, steps.clone()),
            next_retry_at: self.exclusive(Section::NextRetryAt, timed.clone()),
            pending_steps: self.exclusive(Section::PendingSteps, tasks.clone()),
            in_progress_steps: self.exclusive(Section::InProgressSteps, tasks.clone()),
            completed_steps: self.exclusive(Section::CompletedSteps, tasks.clone()),
            failed_steps: self.exclusive(Section::FailedSteps, tasks.clone()),
            ready_steps: self.exclusive(Section::ReadySteps, tasks.clone()),
            execution_status: self.exclusive(Section::ExecutionStatus, tasks.clone()),
            health_status: self.exclusive(Section::HealthStatus, tasks.clone()),
            tasks,
            steps,
            timed,
        };
        Ok((graph, part))
    }

    /// Database ids of the nodes. O(1).
    #[must_use]
    pub fn step_ids(&self) -> &[i64] {
        self.shared(Section::StepId)
    }

    /// The inputs, which may be read while kernels write outputs. O(1).
    #[must_use]
    pub fn graph<'b>(&self) -> Graph<'b>
    where
        'a: 'b,
    {
        Graph {
            counts: *self.counts(),
            task_steps: self.shared(Section::TaskSteps),
            parent_offsets: self.shared(Section::ParentOffsets),
            parents: self.shared(Section::Parents),
            child_offsets: self.shared(Section::ChildOffsets),
            children: self.shared(Section::Children),
            state: self.shared(Section::State),
            flags: self.shared(Section::Flags),
            attempts: self.shared(Section::Attempts),
            retry_limit: self.shared(Section::RetryLimit),
            timed_step: self.shared(Section::TimedStep),
            failed_at: self.shared(Section::FailedAt),
            next_attempt_at: self.shared(Section::NextAttemptAt),
            last_attempted_at: self.shared(Section::LastAttemptedAt),
            backoff_seconds: self.shared(Section::BackoffSeconds),
        }
    }

    /// A whole section that no kernel writes.
    fn shared<'b, T: Element>(&self, section: Section) -> &'b [T]
    where
        'a: 'b,
    {
        assert_eq!(size_of::<T>(), section.element_bytes());
        let length = section.length(self.counts());
        // SAFETY: the layout has the section inside the buffer and aligned, the promise of from_raw
        // keeps everybody from writing it, and `exclusive` is never called for such a section.
        unsafe { slice::from_raw_parts(self.base.add(self.layout.offset(section)).cast(), length) }
    }

    /// Elements of a section that kernels write. Called for one set of ranges a borrow of self, by
    /// `check` and `part` alone, once a section.
    #[allow(clippy::mut_from_ref)] // `part` cuts twelve sections out of one exclusive borrow
    fn exclusive<T: Element>(&self, section: Section, range: Range<usize>) -> &mut [T] {
        assert_eq!(size_of::<T>(), section.element_bytes());
        assert!(range.start <= range.end && range.end <= section.length(self.counts()));
        // SAFETY: inside the section by the assertion, the section inside the buffer and apart from
        // the others by the layout; the caller's exclusive borrow of self and the promise of
        // from_raw make this the only slice over these elements.
        unsafe {
            let first = self.base.add(self.layout.offset(section)).cast::<T>();
            slice::from_raw_parts_mut(first.add(range.start), range.len())
        }
    }
}

/// # Safety
/// `base` is aligned to 4 and points to at least a header that lives for `'a` and is written through
/// atomics alone.
unsafe fn header_words<'a>(base: *mut u8) -> &'a [AtomicU32] {
    // SAFETY: an AtomicU32 has the size and alignment of a u32; the rest is the caller's.
    unsafe { slice::from_raw_parts(base.cast(), HEADER_WORDS) }
}
