//! Broken snapshots into every way into the crate. Alone in its file, because it silences the
//! messages of the panics it provokes.
//!
//! Whatever the bytes, a call ends, with an answer or a panic, and writes nothing but outputs; bytes
//! that `check` has nothing against are answered. Reads and writes outside of the buffer show under
//! AddressSanitizer and valgrind, which run this file too.
//!
//! `TASKER_FUZZ_SECONDS` and `TASKER_FUZZ_SEED`: see `support/rounds.rs`.

mod support;

use std::panic::{AssertUnwindSafe, catch_unwind};

use support::entry_points::ENTRY_POINTS;
use support::rounds::{run_rounds, text_of};
use support::{Buffer, Random, random_plan};
use tasker_resolver::layout::{HEADER_BYTES, MAGIC, SECTIONS, VERSION, header};
use tasker_resolver::{Layout, Section};

#[test]
fn broken_snapshots_end_in_an_answer_or_a_panic() {
    run_rounds(|seed| if round_of(seed) { "sound" } else { "broken" });
}

/// One snapshot into every entry point. Returns whether `check` had nothing against it.
fn round_of(seed: u64) -> bool {
    let random = &mut Random(seed);
    let mut buffer = any_buffer(random);
    let is_sound = buffer.problem().is_none();
    for (name, enter) in ENTRY_POINTS {
        let mut words = buffer.words.clone().into_boxed_slice();
        let ended = catch_unwind(AssertUnwindSafe(|| enter(&mut words, random)));
        if let Err(panic) = ended {
            assert!(!is_sound, "{name} on a sound snapshot: {}", text_of(&*panic));
        }
        require_same_inputs(name, &buffer.words, &words);
    }
    is_sound
}

/// Outputs stand behind `bits`; before it only the flags of tasks are written.
fn require_same_inputs(name: &str, before: &[u64], after: &[u64]) {
    let mut words = [0; HEADER_BYTES / 4];
    let is_header = before.len() * 8 >= HEADER_BYTES;
    let whole = Buffer { words: before.to_vec() };
    if is_header {
        words.iter_mut().enumerate().for_each(|(at, word)| *word = whole.header_word(at));
    }
    let layout = if is_header { Layout::read(&words, before.len() * 8).ok() } else { None };
    let Some(layout) = layout else {
        return assert!(before == after, "{name} writes to what is no snapshot");
    };
    let outputs = layout.offset(Section::Bits) / 8;
    let flags = layout.offset(Section::TaskFlags) / 8;
    let flags = flags..flags + layout.counts().tasks.div_ceil(8);
    let changed = (0..outputs).find(|at| before[*at] != after[*at] && !flags.contains(at));
    assert_eq!(changed, None, "{name} writes to an input: word");
}

fn any_buffer(random: &mut Random) -> Buffer {
    let tasks = random.below(6);
    let most_steps = random.pick(&[0, 3, 8, 8, 30]);
    let mut buffer = match random.below(8) {
        0 => noise(random),
        1 => noise_with_header(random),
        _ => random_plan(random, tasks, most_steps).build(),
    };
    for _ in 0..random.pick(&[0, 0, 1, 1, 2, 3, 5, 20]) {
        damage(random, &mut buffer.words);
    }
    buffer
}

fn noise(random: &mut Random) -> Buffer {
    Buffer { words: (0..random.below(100)).map(|_| random.next()).collect() }
}

/// A header that promises small sections, over any bytes.
fn noise_with_header(random: &mut Random) -> Buffer {
    let mut buffer = noise(random);
    buffer.words.resize(HEADER_BYTES / 8 + random.below(200), 0x0101_0101_0101_0101);
    buffer.set_header_word(header::MAGIC, MAGIC);
    buffer.set_header_word(header::VERSION, VERSION);
    buffer.set_header_word(header::SECTIONS, SECTIONS as u32);
    for count in 0..5 {
        buffer.set_header_word(header::COUNTS + count, random.below(6) as u32);
    }
    let mut at = HEADER_BYTES / 8;
    for section in 0..SECTIONS {
        buffer.set_header_word(header::FIRST_SECTION + section, at as u32);
        at += random.below(8);
    }
    buffer
}

fn damage(random: &mut Random, words: &mut Vec<u64>) {
    if words.is_empty() {
        return words.push(random.next());
    }
    let at = random.below(words.len());
    let other = random.below(words.len());
    match random.below(8) {
        0 => words[at] ^= 1 << random.below(64),
        1 => words[at] ^= random.next() >> random.below(64),
        2 => words.swap(at, other),
        3 => words[at] = words[other],
        4 => words[at] = random.pick(&[0, u64::MAX, 1 << 63, 0x7fff_ffff_ffff_ffff, 1, 1 << 32]),
        5 => words[at] = words[at].wrapping_add(random.pick(&[1, 1 << 32, u64::MAX])),
        6 => words.truncate(at),
        _ => words.insert(at, words[other]),
    }
}
