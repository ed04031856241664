//! Ill-formed buffers are refused by section, before any kernel runs.

mod support;

use support::{Buffer, Node, Plan};
use tasker_resolver::codes::flag;
use tasker_resolver::layout::header;
use tasker_resolver::{Layout, Section};

fn sound() -> Buffer {
    let timed = Node { last_attempted_at: 0.0, backoff_seconds: 5, flags: 0, ..Node::default() };
    let plan =
        Plan { sizes: vec![3, 1], nodes: vec![timed; 4], edges: vec![(0, 1), (1, 2), (2, 3)] };
    plan.build()
}

fn section_of(mut buffer: Buffer) -> Option<&'static str> {
    buffer.problem().map(|problem| problem.section)
}

fn spoilt(spoil: impl FnOnce(&mut Buffer)) -> Option<&'static str> {
    let mut buffer = sound();
    spoil(&mut buffer);
    section_of(buffer)
}

fn with_u32(section: Section, at: usize, value: u32) -> Option<&'static str> {
    spoilt(|buffer| {
        let mut values = buffer.u32s(section);
        values[at] = value;
        buffer.set_u32(section, &values);
    })
}

#[test]
fn a_sound_buffer_has_no_problem() {
    assert_eq!(section_of(sound()), None);
    assert_eq!(section_of(Plan::default().build()), None);
}

#[test]
fn headers() {
    let word = |at, value| spoilt(|buffer| buffer.set_header_word(at, value));
    assert_eq!(word(header::MAGIC, 1), Some("header"));
    assert_eq!(word(header::VERSION, 99), Some("header"));
    assert_eq!(word(header::SECTIONS, 3), Some("header"));
    assert_eq!(word(header::COUNTS, u32::MAX), Some("taskSteps"));
    assert_eq!(word(header::FIRST_SECTION, 1), Some("taskSteps"));
    assert_eq!(word(header::FIRST_SECTION + 2, 0xff_ff_ff), Some("parents"));
    assert_eq!(word(header::FIRST_SECTION + 31, u32::MAX), Some("healthStatus"));
}

#[test]
fn an_output_over_an_input() {
    let section = spoilt(|buffer| {
        let parents = buffer.header_word(header::FIRST_SECTION + Section::Parents as usize);
        buffer.set_header_word(header::FIRST_SECTION + Section::Bits as usize, parents);
    });
    assert_eq!(section, Some("bits"));
}

#[test]
fn a_buffer_cut_off_anywhere() {
    let whole = sound();
    for length in 0..whole.words.len() {
        let cut = Buffer { words: whole.words[..length].to_vec() };
        assert!(section_of(cut).is_some(), "{length} words");
    }
}

#[test]
fn a_buffer_out_of_alignment() {
    let mut buffer = sound();
    let bytes = buffer.words.len() * 8 - 8;
    let base = buffer.words.as_mut_ptr().cast::<u8>();
    // SAFETY: one byte further still lies inside the words, which outlive the call.
    let opened = unsafe { tasker_resolver::Snapshot::from_raw(base.add(1), bytes) };
    assert_eq!(opened.map(|_| ()).map_err(|problem| problem.section), Err("header"));
}

#[test]
fn offsets() {
    assert_eq!(with_u32(Section::TaskSteps, 0, 1), Some("taskSteps"));
    assert_eq!(with_u32(Section::TaskSteps, 1, 9), Some("taskSteps"));
    assert_eq!(with_u32(Section::TaskSteps, 2, 3), Some("taskSteps"));
    assert_eq!(with_u32(Section::ParentOffsets, 1, 3), Some("parentOffsets"));
    assert_eq!(with_u32(Section::ParentOffsets, 4, 9), Some("parentOffsets"));
    assert_eq!(with_u32(Section::ChildOffsets, 1, 3), Some("childOffsets"));
}

#[test]
fn edges() {
    assert_eq!(with_u32(Section::Parents, 0, 4), Some("parents"));
    assert_eq!(with_u32(Section::Children, 0, 4), Some("children"));
    assert_eq!(with_u32(Section::Children, 0, 0), Some("children"));
    let counts = spoilt(|buffer| buffer.set_u32(Section::ChildOffsets, &[0, 3, 3, 3, 3]));
    assert_eq!(counts, Some("children"));
}

#[test]
fn timed_steps() {
    for steps in [[1, 0, 2, 3], [1, 1, 2, 3], [0, 1, 2, 4]] {
        let section = spoilt(|buffer| buffer.set_u32(Section::TimedStep, &steps));
        assert_eq!(section, Some("timedStep"));
    }
}

#[test]
fn a_false_topological_flag() {
    let mut buffer = Plan::task(&[0, 0], &[(0, 0), (0, 1)]).build();
    assert_eq!(buffer.problem(), None);
    buffer.set_u8(Section::TaskFlags, &[1]);
    let problem = buffer.problem().expect("a problem");
    assert_eq!(problem.section, "taskFlags");
    let text = "The snapshot's taskFlags calls task 0 topological; it is not.";
    assert_eq!(problem.to_string(), text);
}

#[test]
fn ranges_of_tasks_that_do_not_exist() {
    let mut buffer = sound();
    let mut snapshot = buffer.open().expect("a snapshot");
    assert!(snapshot.part(0..2).is_ok());
    assert_eq!(snapshot.part(0..3).expect_err("too far").section, "taskSteps");
    #[expect(clippy::reversed_empty_ranges)]
    let backwards = 2..1;
    assert_eq!(snapshot.part(backwards).expect_err("backwards").section, "taskSteps");
    buffer.set_u32(Section::TaskSteps, &[3, 0, 9]);
    let mut snapshot = buffer.open().expect("a snapshot");
    assert_eq!(snapshot.part(0..1).expect_err("falls").section, "taskSteps");
    assert_eq!(snapshot.part(1..2).expect_err("too many").section, "taskSteps");
}

#[test]
fn a_layout_tells_sizes_and_places() {
    let buffer = sound();
    let mut words = [0; 64];
    for (at, word) in words.iter_mut().enumerate() {
        *word = buffer.header_word(at);
    }
    let layout = Layout::read(&words, buffer.words.len() * 8).expect("a layout");
    assert_eq!(layout.counts().nodes(), 4);
    assert_eq!(layout.offset(Section::TaskSteps), 256);
    assert_eq!(layout.offset(Section::ParentOffsets), 272);
    assert!(Layout::read(&words, 255).is_err());
    assert_eq!(flag::BACKOFF_NULL, 32);
}
