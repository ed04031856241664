//! Snapshot buffers of Rust's own: making one, filling its sections, reading them back.
//!
//! The unsafe code here is the view of whole words as smaller elements: the element types are
//! integers and `f64`, for which every bit pattern is a value and whose alignment is at most a
//! word's.

use std::borrow::Cow;
use std::slice;

use crate::layout::{
    Counts, HEADER_BYTES, HEADER_WORDS, Layout, MAGIC, Problem, SECTIONS, Section, VERSION, header,
};
use crate::part::Graph;

/// Rows of one kind that a snapshot numbers: positions are 31-bit integers in JavaScript.
pub const MOST_ROWS: usize = i32::MAX as usize;
/// Bytes of the largest snapshot: offsets in the header count 8 bytes in 32 bits.
const MOST_BYTES: u64 = 1 << 35;
const WORD: usize = size_of::<u64>();

mod sealed {
    pub trait Sealed {}
}

/// Element types of sections: any bits are a value, and no alignment exceeds 8.
pub trait Element: Copy + sealed::Sealed {}

macro_rules! elements {
    ($($kind:ty)+) => { $(
        impl sealed::Sealed for $kind {}
        impl Element for $kind {}
    )+ };
}
elements! { u8 u32 i32 i64 f64 }

/// A zeroed snapshot buffer of these sizes, its header written. O(bytes).
///
/// # Errors
/// `header` for more rows or bytes than the layout holds.
pub fn allocate(counts: &Counts) -> Result<Vec<u64>, Problem> {
    let sizes = [counts.tasks, counts.steps, counts.ghosts, counts.edges, counts.timed];
    let most = sizes.into_iter().fold(counts.nodes(), usize::max);
    if most > MOST_ROWS {
        return Err(Problem::header(format!("cannot number {most} rows of one kind")));
    }
    let mut header = [0; HEADER_WORDS];
    header[header::MAGIC] = MAGIC;
    header[header::VERSION] = VERSION;
    header[header::SECTIONS] = SECTIONS as u32;
    for (word, size) in header[header::COUNTS..].iter_mut().zip(sizes) {
        *word = size as u32;
    }
    let mut words = HEADER_BYTES / WORD;
    for (at, section) in Section::ALL.iter().enumerate() {
        header[header::FIRST_SECTION + at] = words as u32;
        words += words_of(*section, counts);
        if words as u64 * WORD as u64 > MOST_BYTES {
            return Err(Problem::header(format!("has no room for the section {}", section.name())));
        }
    }
    let mut buffer = vec![0; words];
    elements_mut(&mut buffer[..HEADER_BYTES / WORD], HEADER_WORDS).copy_from_slice(&header);
    Ok(buffer)
}

/// A snapshot buffer that nobody writes meanwhile.
#[derive(Clone, Debug)]
pub struct Sections<'a> {
    words: &'a [u64],
    layout: Cow<'a, Layout>,
}

impl<'a> Sections<'a> {
    /// Opens a buffer for reading. O(sections).
    ///
    /// # Errors
    /// What is wrong with the header or the place of a section.
    pub fn open(words: &'a [u64]) -> Result<Self, Problem> {
        Ok(Self { words, layout: Cow::Owned(read_layout(words)?) })
    }

    /// The same buffer again, without a look at its header. O(1). [`Sections::read`] panics where the
    /// layout is another buffer's.
    #[must_use]
    pub const fn with_layout(words: &'a [u64], layout: &'a Layout) -> Self {
        Self { words, layout: Cow::Borrowed(layout) }
    }

    /// Sizes and places of the sections.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Sizes of the snapshot.
    #[must_use]
    pub fn counts(&self) -> &Counts {
        self.layout.counts()
    }

    /// One section, inputs and outputs alike. O(1).
    ///
    /// # Panics
    /// Where `T` has another size than the section's elements.
    #[must_use]
    pub fn read<T: Element>(&self, section: Section) -> &'a [T] {
        assert_eq!(size_of::<T>(), section.element_bytes(), "{}", section.name());
        let first = self.layout.offset(section) / WORD;
        let length = section.length(self.counts());
        elements(&self.words[first..first + words_of(section, self.counts())], length)
    }

    /// The inputs of the kernels. O(1).
    #[must_use]
    pub fn graph(&self) -> Graph<'a> {
        Graph {
            counts: *self.counts(),
            task_steps: self.read(Section::TaskSteps),
            parent_offsets: self.read(Section::ParentOffsets),
            parents: self.read(Section::Parents),
            child_offsets: self.read(Section::ChildOffsets),
            children: self.read(Section::Children),
            state: self.read(Section::State),
            flags: self.read(Section::Flags),
            attempts: self.read(Section::Attempts),
            retry_limit: self.read(Section::RetryLimit),
            timed_step: self.read(Section::TimedStep),
            failed_at: self.read(Section::FailedAt),
            next_attempt_at: self.read(Section::NextAttemptAt),
            last_attempted_at: self.read(Section::LastAttemptedAt),
            backoff_seconds: self.read(Section::BackoffSeconds),
        }
    }
}

/// The sections of a snapshot buffer for writing, each to be taken once.
#[derive(Debug)]
pub struct SectionsMut<'a> {
    counts: Counts,
    sections: [Option<&'a mut [u64]>; SECTIONS],
}

impl<'a> SectionsMut<'a> {
    /// Opens a buffer for writing. O(sections).
    ///
    /// # Errors
    /// What is wrong with the header or the place of a section.
    pub fn open(words: &'a mut [u64]) -> Result<Self, Problem> {
        let layout = read_layout(words)?;
        let counts = *layout.counts();
        let mut sections = [const { None }; SECTIONS];
        let (mut rest, mut position) = (words, 0);
        for (slot, &section) in sections.iter_mut().zip(Section::ALL) {
            let first = layout.offset(section) / WORD;
            let length = words_of(section, &counts);
            // sections follow each other, so that each lies in what the others leave over
            let (own, behind) = rest[first - position..].split_at_mut(length);
            *slot = Some(own);
            (rest, position) = (behind, first + length);
        }
        Ok(Self { counts, sections })
    }

    /// Sizes of the snapshot.
    #[must_use]
    pub const fn counts(&self) -> &Counts {
        &self.counts
    }

    /// One section. O(1).
    ///
    /// # Panics
    /// Where the section was taken before, or `T` has another size than its elements.
    #[must_use]
    pub fn take<T: Element>(&mut self, section: Section) -> &'a mut [T] {
        assert_eq!(size_of::<T>(), section.element_bytes(), "{}", section.name());
        let words = self.sections[section as usize].take();
        let words = words.unwrap_or_else(|| panic!("{} was taken before", section.name()));
        elements_mut(words, section.length(&self.counts))
    }
}

fn words_of(section: Section, counts: &Counts) -> usize {
    (section.length(counts) * section.element_bytes()).div_ceil(WORD)
}

/// Sections must end in whole words here, which every buffer that was allocated for one has.
fn read_layout(words: &[u64]) -> Result<Layout, Problem> {
    let bytes = size_of_val(words);
    if bytes < HEADER_BYTES {
        return Err(Problem::header(format!("has {bytes} bytes")));
    }
    let mut header = [0; HEADER_WORDS];
    header.copy_from_slice(elements(&words[..HEADER_BYTES / WORD], HEADER_WORDS));
    Layout::read(&header, bytes)
}

/// The first `length` elements in some words.
fn elements<T: Element>(words: &[u64], length: usize) -> &[T] {
    assert!(length * size_of::<T>() <= size_of_val(words) && align_of::<T>() <= align_of::<u64>());
    // SAFETY: the elements lie inside the words, which are aligned to more than they need, and any
    // bits are a value of theirs; the borrow of the words goes over to them.
    unsafe { slice::from_raw_parts(words.as_ptr().cast(), length) }
}

/// The first `length` elements in some words, for writing.
fn elements_mut<T: Element>(words: &mut [u64], length: usize) -> &mut [T] {
    assert!(length * size_of::<T>() <= size_of_val(words) && align_of::<T>() <= align_of::<u64>());
    // SAFETY: as in `elements`; the borrow is exclusive.
    unsafe { slice::from_raw_parts_mut(words.as_mut_ptr().cast(), length) }
}
