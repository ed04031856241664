//! Every way into the crate, as a table: the corpus goes through all of it with sound snapshots, the
//! fuzz run with broken ones, and `scripts/public-functions.ts` compares it with what is public.
#![allow(dead_code)] // each test file uses its part

use std::ops::Range;
use std::sync::atomic::AtomicU32;

use tasker_resolver::codes::state::{self, is_foreign};
use tasker_resolver::contexts::resolve_contexts;
use tasker_resolver::cycles::find_cycles;
use tasker_resolver::layout::{HEADER_BYTES, HEADER_WORDS};
use tasker_resolver::levels::resolve_levels;
use tasker_resolver::planes_index::{first_ids, read_marked_anywhere};
use tasker_resolver::reachability::{is_dead, resolve_reachability};
use tasker_resolver::readiness::{resolve_dependencies_anywhere, resolve_waits};
use tasker_resolver::rules::{engine_retry_limit, failure_wait_micros};
use tasker_resolver::sections::allocate;
use tasker_resolver::vectors::resolve_dependencies;
use tasker_resolver::{
    Graph, Layout, Parameters, Part, ReadyPlanes, Rules, Scratch, Section, Sections, SectionsMut,
    Snapshot, resolve_on_threads, resolve_range, resolve_until,
};

use super::analysis::analysis;
use super::{NOW, Random};

/// A way into the crate: takes the bytes of any snapshot, good or bad, and may write its outputs. It
/// panics only where the snapshot contradicts itself, or where two answers that must agree do not.
pub type EntryPoint = fn(&mut [u64], &mut Random);

/// All of them. A new function of the crate is one line here.
pub const ENTRY_POINTS: &[(&str, EntryPoint)] = &[
    ("layout", layout),
    ("check", check),
    ("raw memory", raw_memory),
    ("range of tasks", range_of_tasks),
    ("threads", threads),
    ("parts taken apart", parts_taken_apart),
    ("kernels in any order", kernels_in_any_order),
    ("graph", graph),
    ("sections", sections),
    ("ready planes", ready_planes),
    ("rules", rules),
    ("analysis", analysis),
];

fn any_parameters(random: &mut Random) -> Parameters {
    let clocks = [NOW, NOW, 0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MIN_POSITIVE];
    Parameters {
        rules: any_rules(random),
        now_micros: random.pick(&clocks),
        contexts: random.below(4) > 0,
        levels: random.below(4) > 0,
    }
}

fn any_rules(random: &mut Random) -> Rules {
    random.pick(&[Rules::Rails, Rules::Engine])
}

/// Two numbers up to `limit`, the smaller one first.
fn any_range(random: &mut Random, limit: usize) -> Range<usize> {
    let (a, b) = (random.below(limit + 1), random.below(limit + 1));
    a.min(b)..a.max(b)
}

fn header_of(words: &[u64]) -> [u32; HEADER_WORDS] {
    let mut header = [0; HEADER_WORDS];
    for (at, half) in header.iter_mut().enumerate() {
        let bytes = words.get(at / 2).copied().unwrap_or(0).to_ne_bytes();
        let from = at % 2 * 4;
        *half =
            u32::from_ne_bytes([bytes[from], bytes[from + 1], bytes[from + 2], bytes[from + 3]]);
    }
    header
}

/// Ready ids by template through clocks and changes of rows.
fn ready_planes(words: &mut [u64], random: &mut Random) {
    let Ok(mut snapshot) = Snapshot::open(words) else { return };
    let tasks = snapshot.counts().tasks;
    let Ok((_, part)) = snapshot.part(0..tasks) else { return };
    let flags = part.task_flags.to_vec();
    let graph = snapshot.graph();
    let at_least = random.pick(&[1, 2, 32]);
    let rules = any_rules(random);
    let mut index = ReadyPlanes::new(&graph, &flags, snapshot.step_ids(), rules, at_least);
    assert_eq!(index.group_of_task().len(), tasks);
    for planes in index.planes() {
        let template = planes.template();
        assert!(planes.tasks() >= at_least && template.steps() > 0 && planes.bytes() > 0);
        assert!(template.parents_of(0).is_empty());
        // the forms for any processor, one template's ready steps alone
        let mut plain = planes.clone();
        let mut marks = vec![0; graph.counts.steps.div_ceil(64)];
        plain.advance(NOW);
        let mut ids = vec![0; plain.refresh_anywhere(&mut marks) as usize];
        let known = &snapshot.step_ids()[..graph.counts.steps];
        read_marked_anywhere(&marks, &first_ids(known), known, &mut ids);
    }
    assert!(index.bytes() > 0 || tasks == 0);
    for now in [NOW, f64::INFINITY, NOW - 1e7] {
        let count = index.count(&graph, now);
        assert!(count <= graph.counts.steps);
        let mut ids = vec![0; count];
        index.read_ids(snapshot.step_ids(), &mut ids);
        if graph.counts.nodes() > 0 {
            let node = random.below(graph.counts.nodes());
            index.set_step(&graph, node, random.below(4) as u8, random.pick(&[NOW, 0.0]));
        }
    }
}

fn layout(words: &mut [u64], random: &mut Random) {
    let bytes = size_of_val(words) - random.pick(&[0, 0, 1, 8]).min(size_of_val(words));
    let Ok(layout) = Layout::read(&header_of(words), bytes) else { return };
    let counts = layout.counts();
    assert!(counts.nodes() >= counts.steps);
    let mut end = HEADER_BYTES;
    for &section in Section::ALL {
        assert!(layout.offset(section) >= end && layout.offset(section) % 8 == 0);
        end = layout.offset(section) + section.length(counts) * section.element_bytes();
        assert!(end <= bytes && !section.name().is_empty());
    }
}

fn check(words: &mut [u64], _random: &mut Random) {
    let Ok(mut snapshot) = Snapshot::open(words) else { return };
    if let Err(problem) = snapshot.check() {
        assert!(problem.to_string().contains(problem.section));
    }
}

fn raw_memory(words: &mut [u64], random: &mut Random) {
    // what is no snapshot as a whole may be one without its end: a copy is written to
    let mut words = words.to_vec();
    let bytes = size_of_val(words.as_slice());
    let cut = random.pick(&[0, 0, 1, 3, 8, 16, 300]).min(bytes);
    let shift = random.pick(&[0, 0, 1, 4, 8]).min(cut);
    let base = words.as_mut_ptr().cast::<u8>();
    // SAFETY: what is cut off at the end is at least what is left out at the beginning, so that all
    // of it lies inside the words, which nobody else uses meanwhile.
    let opened = unsafe { Snapshot::from_raw(base.add(shift), bytes - cut) };
    let Ok(mut snapshot) = opened else { return };
    let tasks = any_range(random, snapshot.counts().tasks + 1);
    if let Ok((graph, mut part)) = snapshot.part(tasks) {
        resolve_range(&graph, &mut part, any_parameters(random), &mut Scratch::default());
    }
}

fn range_of_tasks(words: &mut [u64], random: &mut Random) {
    let Ok(mut snapshot) = Snapshot::open(words) else { return };
    let tasks = any_range(random, snapshot.counts().tasks + 1);
    let Ok((graph, mut part)) = snapshot.part(tasks) else { return };
    let mut scratch = Scratch::default();
    for _ in 0..2 {
        resolve_range(&graph, &mut part, any_parameters(random), &mut scratch);
    }
}

fn threads(words: &mut [u64], random: &mut Random) {
    let parameters = any_parameters(random);
    let mut other = words.to_vec();
    let Ok(mut snapshot) = Snapshot::open(words) else { return };
    let threads = random.below(4);
    let Ok(answer) = resolve_on_threads(&mut snapshot, parameters, threads) else { return };
    let Ok(cycles) = answer else {
        let word = snapshot.cancel_word().load(std::sync::atomic::Ordering::Relaxed);
        return assert_ne!(word, 0, "cancelled by nobody");
    };
    let mut snapshot = Snapshot::open(&mut other).expect("the same header");
    let holder = snapshot.holder_word().load(std::sync::atomic::Ordering::Relaxed);
    assert_eq!(holder, words[5] as u32, "no kernel takes the word");
    let stop = AtomicU32::new(1);
    let stopped = resolve_until(&mut snapshot, parameters, threads, &stop);
    assert!(stopped.expect("the same tasks").is_err(), "nothing is done for whoever gave up");
    let tasks = snapshot.counts().tasks;
    let (graph, mut part) = snapshot.part(0..tasks).expect("the same tasks");
    let alone = resolve_range(&graph, &mut part, parameters, &mut Scratch::default());
    assert_eq!(alone, cycles);
    assert!(words == &other[..], "threads write what one thread writes");
}

fn parts_taken_apart(words: &mut [u64], random: &mut Random) {
    let parameters = any_parameters(random);
    let mut other = words.to_vec();
    let Ok(mut snapshot) = Snapshot::open(words) else { return };
    let tasks = snapshot.counts().tasks;
    let Ok((graph, mut rest)) = snapshot.part(0..tasks) else { return };
    let mut scratch = Scratch::default();
    let cut = random.below(tasks + 1);
    let mut front = rest.take_front(&graph, cut);
    let mut cycles = resolve_range(&graph, &mut front.reborrow(), parameters, &mut scratch);
    assert_eq!(resolve_range(&graph, &mut front, parameters, &mut scratch), cycles);
    cycles.extend(resolve_range(&graph, &mut rest, parameters, &mut scratch));
    let mut snapshot = Snapshot::open(&mut other).expect("the same header");
    let (graph, mut part) = snapshot.part(0..tasks).expect("the same tasks");
    assert_eq!(resolve_range(&graph, &mut part, parameters, &mut scratch), cycles);
    assert!(words == &other[..], "two parts write what one part writes");
}

/// Outputs that no kernel has written yet are bytes like any others.
fn kernels_in_any_order(words: &mut [u64], random: &mut Random) {
    let Ok(mut snapshot) = Snapshot::open(words) else { return };
    let tasks = any_range(random, snapshot.counts().tasks);
    let Ok((graph, mut part)) = snapshot.part(tasks) else { return };
    let mut scratch = Scratch::default();
    let mut running = vec![0; 65_536].try_into().expect("as long as the type says");
    for _ in 0..8 {
        let rules = any_rules(random);
        match random.below(7) {
            0 => {
                let mut steps = part.all_steps();
                let middle = steps.steps.start + random.below(steps.steps.len() + 1);
                let mut front = steps.take_front(&graph, middle);
                resolve_dependencies(&graph, &mut front, rules, &mut running);
                resolve_dependencies_anywhere(&graph, &mut steps, rules, &mut running);
            }
            1 => {
                let now = any_parameters(random).now_micros;
                resolve_waits(&graph, &mut part.all_steps(), rules, now);
            }
            2 => find_cycles(&graph, &mut part, &mut scratch, &mut Vec::new()),
            // trusts the flags that the search for cycles writes, in a task that is none of its own
            3 => reachability_after_cycles(&graph, &mut part, &mut scratch),
            4 => resolve_levels(&graph, &mut part, &mut scratch),
            _ => resolve_contexts(&graph, &mut part, rules),
        }
    }
}

fn reachability_after_cycles(graph: &Graph<'_>, part: &mut Part<'_>, scratch: &mut Scratch) {
    find_cycles(graph, part, scratch, &mut Vec::new());
    resolve_reachability(graph, part, scratch);
}

fn graph(words: &mut [u64], random: &mut Random) {
    let Ok(mut snapshot) = Snapshot::open(words) else { return };
    let counts = *snapshot.counts();
    let Ok((graph, part)) = snapshot.part(0..counts.tasks) else { return };
    for task in 0..counts.tasks {
        let steps = graph.steps_of(task);
        assert!(steps.end <= counts.steps && graph.timed_of(&steps).end <= counts.timed);
        assert_eq!(part.local(&steps), steps);
    }
    for step in 0..counts.steps {
        assert!(graph.parents_of(step).len() <= counts.edges);
        assert!(!is_dead(&graph, step) || graph.state[step] < state::COMPLETE);
    }
    if counts.nodes() > 0 {
        let node = random.below(counts.nodes());
        assert!(graph.children_of(node).len() <= counts.edges);
    }
}

/// A copy through typed sections is the same snapshot.
fn sections(words: &mut [u64], _random: &mut Random) {
    let Ok(read) = Sections::open(words) else {
        return assert!(SectionsMut::open(words).is_err());
    };
    let Ok(mut copy) = allocate(read.counts()) else { return };
    let mut written = SectionsMut::open(&mut copy).expect("a header");
    assert_eq!(written.counts(), read.counts());
    for &section in Section::ALL {
        match section.element_bytes() {
            1 => written.take::<u8>(section).copy_from_slice(read.read(section)),
            4 => written.take::<u32>(section).copy_from_slice(read.read(section)),
            _ => written.take::<i64>(section).copy_from_slice(read.read(section)),
        }
    }
    let again = Sections::open(&copy).expect("the same header");
    assert_eq!(again.read::<u8>(Section::Flags), read.read::<u8>(Section::Flags));
    assert_eq!(again.read::<i64>(Section::StepId), read.read::<i64>(Section::StepId));
    assert_eq!(again.graph().children, read.graph().children);
    let known = Sections::with_layout(words, read.layout());
    assert_eq!(known.read::<u32>(Section::Parents), read.read::<u32>(Section::Parents));
    let problem = |words: &mut [u64]| Snapshot::open(words).and_then(|mut opened| opened.check());
    assert_eq!(problem(&mut copy), problem(words));
}

fn rules(_words: &mut [u64], random: &mut Random) {
    let number = random.next() as i32 >> random.below(32);
    let wait = failure_wait_micros(number, random.below(2) == 0);
    assert!((0.0..=30_000_000.0).contains(&wait));
    assert_ne!(engine_retry_limit(number), 0);
    assert!(!is_foreign(128 | number as u8));
}
