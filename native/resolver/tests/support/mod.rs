//! Builds small snapshots and reads their sections back.
#![allow(dead_code)] // each test file uses its part

pub mod analysis;
pub mod entry_points;
pub mod random;
pub mod rounds;
pub mod vectors;

pub use random::Random;

use tasker_resolver::codes::{flag, task_flag};
use tasker_resolver::layout::{HEADER_BYTES, MAGIC, SECTIONS, VERSION, header};
use tasker_resolver::{
    Counts, Cycle, Layout, Parameters, Problem, Rules, Scratch, Section, Snapshot, resolve_range,
};

/// The clock of the tests, µs since the epoch.
pub const NOW: f64 = 1_800_000_000_000_000.0;

/// One node; ghosts use the first four fields.
#[derive(Clone, Copy, Debug)]
pub struct Node {
    pub state: u8,
    pub flags: u8,
    pub attempts: i32,
    pub limit: i32,
    pub failed_at: f64,
    pub next_attempt_at: f64,
    pub last_attempted_at: f64,
    pub backoff_seconds: i32,
}

impl Default for Node {
    fn default() -> Self {
        Self {
            state: 0,
            flags: flag::BACKOFF_NULL,
            attempts: 0,
            limit: 3,
            failed_at: f64::NAN,
            next_attempt_at: f64::NAN,
            last_attempted_at: f64::NAN,
            backoff_seconds: 0,
        }
    }
}

impl Node {
    pub fn of(state: u8) -> Self {
        Self { state, ..Self::default() }
    }

    pub fn is_timed(&self) -> bool {
        let explicit = self.flags & flag::BACKOFF_NULL == 0 && !self.last_attempted_at.is_nan();
        explicit || !self.failed_at.is_nan() || !self.next_attempt_at.is_nan()
    }
}

/// What a snapshot is built from: sizes of the tasks, nodes (steps, then ghosts), edges by node.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    pub sizes: Vec<usize>,
    pub nodes: Vec<Node>,
    pub edges: Vec<(u32, u32)>,
}

impl Plan {
    /// One task of these states.
    pub fn task(states: &[u8], edges: &[(u32, u32)]) -> Self {
        let nodes = states.iter().map(|&state| Node::of(state)).collect();
        Self { sizes: vec![states.len()], nodes, edges: edges.to_vec() }
    }

    pub fn steps(&self) -> usize {
        self.sizes.iter().sum()
    }

    pub fn parents_of(&self, step: usize) -> Vec<usize> {
        let own = self.edges.iter().filter(|&&(_, child)| child as usize == step);
        own.map(|&(parent, _)| parent as usize).collect()
    }

    /// First step and end of each task.
    pub fn tasks(&self) -> Vec<std::ops::Range<usize>> {
        let mut first = 0;
        let ranges = self.sizes.iter().map(|size| {
            first += size;
            first - size..first
        });
        ranges.collect()
    }

    pub fn counts(&self) -> Counts {
        let steps = self.steps();
        Counts {
            tasks: self.sizes.len(),
            steps,
            ghosts: self.nodes.len() - steps,
            edges: self.edges.len(),
            timed: self.nodes[..steps].iter().filter(|node| node.is_timed()).count(),
        }
    }

    /// The buffer, 8 bytes a word.
    pub fn build(&self) -> Buffer {
        let counts = self.counts();
        let mut buffer = Buffer::empty(&counts);
        let steps = counts.steps;
        let mut offsets = vec![0];
        let mut parents = Vec::new();
        for step in 0..steps {
            parents.extend(self.parents_of(step).iter().map(|&parent| parent as u32));
            offsets.push(parents.len() as u32);
        }
        let mut child_offsets = vec![0];
        let mut children = Vec::new();
        for node in 0..counts.nodes() {
            for step in 0..steps {
                let own = &parents[offsets[step] as usize..offsets[step + 1] as usize];
                let edges = own.iter().filter(|&&parent| parent as usize == node).count();
                children.extend(std::iter::repeat_n(step as u32, edges));
            }
            child_offsets.push(children.len() as u32);
        }
        let tasks = self.tasks();
        let mut task_steps = vec![0];
        task_steps.extend(tasks.iter().map(|steps| steps.end as u32));
        let rises = |steps: &std::ops::Range<usize>| {
            steps.clone().all(|step| {
                self.parents_of(step).iter().all(|parent| !(step..steps.end).contains(parent))
            })
        };
        let task_flags: Vec<u8> =
            tasks.iter().map(|steps| u8::from(rises(steps)) * task_flag::TOPOLOGICAL).collect();
        let own = &self.nodes[..steps];
        let timed: Vec<(usize, &Node)> =
            own.iter().enumerate().filter(|(_, node)| node.is_timed()).collect();
        buffer.set_u32(Section::TaskSteps, &task_steps);
        buffer.set_u32(Section::ParentOffsets, &offsets);
        buffer.set_u32(Section::Parents, &parents);
        buffer.set_u32(Section::ChildOffsets, &child_offsets);
        buffer.set_u32(Section::Children, &children);
        buffer.set_u8(Section::State, &column(&self.nodes, |node| node.state));
        buffer.set_u8(Section::Flags, &column(&self.nodes, |node| node.flags));
        buffer.set_i32(Section::Attempts, &column(&self.nodes, |node| node.attempts));
        buffer.set_i32(Section::RetryLimit, &column(&self.nodes, |node| node.limit));
        buffer.set_u32(Section::TimedStep, &column(&timed, |row| row.0 as u32));
        buffer.set_f64(Section::FailedAt, &column(&timed, |row| row.1.failed_at));
        buffer.set_f64(Section::NextAttemptAt, &column(&timed, |row| row.1.next_attempt_at));
        buffer.set_u8(Section::TaskFlags, &task_flags);
        buffer.set_f64(Section::LastAttemptedAt, &column(own, |node| node.last_attempted_at));
        buffer.set_i32(Section::BackoffSeconds, &column(own, |node| node.backoff_seconds));
        buffer
    }
}

fn column<R, T>(rows: &[R], value: impl Fn(&R) -> T) -> Vec<T> {
    rows.iter().map(value).collect()
}

/// A snapshot buffer of the test's own.
#[derive(Clone)]
pub struct Buffer {
    pub words: Vec<u64>,
}

impl Buffer {
    /// A zeroed buffer with its header written, sections one behind the other.
    pub fn empty(counts: &Counts) -> Self {
        let mut header_words = vec![0_u32; HEADER_BYTES / 4];
        let sizes = [counts.tasks, counts.steps, counts.ghosts, counts.edges, counts.timed];
        header_words[header::MAGIC] = MAGIC;
        header_words[header::VERSION] = VERSION;
        for (at, size) in sizes.iter().enumerate() {
            header_words[header::COUNTS + at] = *size as u32;
        }
        header_words[header::SECTIONS] = SECTIONS as u32;
        let mut offset = HEADER_BYTES / 8;
        for (at, section) in Section::ALL.iter().enumerate() {
            header_words[header::FIRST_SECTION + at] = offset as u32;
            offset += (section.length(counts) * section.element_bytes()).div_ceil(8);
        }
        let mut buffer = Self { words: vec![0; offset] };
        let bytes = header_words.iter().flat_map(|word| word.to_ne_bytes()).collect::<Vec<u8>>();
        buffer.write(0, &bytes);
        buffer
    }

    pub fn header_word(&self, at: usize) -> u32 {
        let bytes = self.read(at * 4, 4);
        u32::from_ne_bytes(bytes.try_into().expect("four bytes"))
    }

    pub fn set_header_word(&mut self, at: usize, value: u32) {
        self.write(at * 4, &value.to_ne_bytes());
    }

    pub fn open(&mut self) -> Result<Snapshot<'_>, Problem> {
        Snapshot::open(&mut self.words)
    }

    /// What `check` finds, the header included.
    pub fn problem(&mut self) -> Option<Problem> {
        match self.open() {
            Ok(mut snapshot) => snapshot.check().err(),
            Err(problem) => Some(problem),
        }
    }

    /// Resolves every task in this thread, contexts and levels too.
    pub fn resolve(&mut self, rules: Rules) -> Vec<Cycle> {
        let mut snapshot = self.open().expect("a snapshot");
        let tasks = snapshot.counts().tasks;
        let (graph, mut part) = snapshot.part(0..tasks).expect("all tasks");
        resolve_range(&graph, &mut part, parameters(rules), &mut Scratch::default())
    }

    pub fn u8s(&self, section: Section) -> Vec<u8> {
        let (offset, length) = self.place(section);
        self.read(offset, length)
    }

    pub fn u32s(&self, section: Section) -> Vec<u32> {
        self.elements(section, u32::from_ne_bytes)
    }

    pub fn i32s(&self, section: Section) -> Vec<i32> {
        self.elements(section, i32::from_ne_bytes)
    }

    pub fn f64s(&self, section: Section) -> Vec<f64> {
        self.elements(section, f64::from_ne_bytes)
    }

    pub fn set_u8(&mut self, section: Section, values: &[u8]) {
        self.set(section, values.to_vec());
    }

    pub fn set_u32(&mut self, section: Section, values: &[u32]) {
        self.set(section, values.iter().flat_map(|value| value.to_ne_bytes()).collect());
    }

    pub fn set_i32(&mut self, section: Section, values: &[i32]) {
        self.set(section, values.iter().flat_map(|value| value.to_ne_bytes()).collect());
    }

    pub fn set_f64(&mut self, section: Section, values: &[f64]) {
        self.set(section, values.iter().flat_map(|value| value.to_ne_bytes()).collect());
    }

    fn set(&mut self, section: Section, bytes: Vec<u8>) {
        let (offset, length) = self.place(section);
        assert_eq!(bytes.len(), length, "{}", section.name());
        self.write(offset, &bytes);
    }

    fn elements<const N: usize, T>(&self, section: Section, from: fn([u8; N]) -> T) -> Vec<T> {
        let (offset, length) = self.place(section);
        let bytes = self.read(offset, length);
        bytes.chunks_exact(N).map(|chunk| from(chunk.try_into().expect("N bytes"))).collect()
    }

    fn place(&self, section: Section) -> (usize, usize) {
        let mut words = [0; HEADER_BYTES / 4];
        for (at, word) in words.iter_mut().enumerate() {
            *word = self.header_word(at);
        }
        let layout = Layout::read(&words, self.words.len() * 8).expect("a header");
        (layout.offset(section), section.length(layout.counts()) * section.element_bytes())
    }

    fn read(&self, offset: usize, length: usize) -> Vec<u8> {
        let bytes = (offset..offset + length).map(|at| self.words[at / 8].to_ne_bytes()[at % 8]);
        bytes.collect()
    }

    fn write(&mut self, offset: usize, bytes: &[u8]) {
        for (at, &byte) in bytes.iter().enumerate() {
            let word = &mut self.words[(offset + at) / 8];
            let mut own = word.to_ne_bytes();
            own[(offset + at) % 8] = byte;
            *word = u64::from_ne_bytes(own);
        }
    }
}

pub fn parameters(rules: Rules) -> Parameters {
    Parameters { rules, now_micros: NOW, contexts: true, levels: true }
}

/// Tasks of every kind: tangled ones, edges between tasks, ghosts, values at their borders.
pub fn random_plan(random: &mut Random, tasks: usize, most_steps: usize) -> Plan {
    let sizes: Vec<usize> = (0..tasks).map(|_| random.below(most_steps + 1)).collect();
    let steps: usize = sizes.iter().sum();
    let ghosts = random.below(3);
    let nodes = (0..steps + ghosts).map(|_| random_node(random)).collect();
    let mut plan = Plan { sizes, nodes, edges: Vec::new() };
    for task in plan.tasks() {
        let tangled = random.below(4) == 0;
        let size = task.len();
        for _ in 0..if size == 0 { 0 } else { random.below(size * 2) } {
            let (a, b) = (task.start + random.below(size), task.start + random.below(size));
            if tangled {
                plan.edges.push((a as u32, b as u32));
            } else if a != b {
                plan.edges.push((a.min(b) as u32, a.max(b) as u32));
            }
        }
    }
    for _ in 0..if steps == 0 { 0 } else { random.below(4) } {
        let edge = (random.below(steps + ghosts) as u32, random.below(steps) as u32);
        plan.edges.push(edge);
    }
    plan
}

fn random_node(random: &mut Random) -> Node {
    let waits = [f64::NAN, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, NOW, NOW + 1.0, NOW - 4e6];
    Node {
        state: random.pick(&[128, 128, 0, 0, 2, 2, 1, 3, 129, 4, 127]),
        flags: random.pick(&[32, 32, 32, 0, 0, 1, 2, 4, 36, 8, 40]),
        attempts: random.pick(&[0, 0, 1, 2, 3, 4, 5, 44, -1, -7, i32::MAX, i32::MIN]),
        limit: random.pick(&[3, 3, 1, 0, 50, -1, i32::MAX, i32::MIN]),
        failed_at: random.pick(&waits),
        next_attempt_at: random.pick(&waits),
        last_attempted_at: random.pick(&waits),
        backoff_seconds: random.pick(&[0, 1, 30, -5, i32::MAX]),
    }
}

impl Plan {
    /// The same without edges of its own: in each task every step follows the one before, and in
    /// every seventh task the first follows the last.
    pub fn build_chains(&self) -> Buffer {
        let mut counts = self.counts();
        let tasks = self.tasks();
        let parents_of = |task: usize, steps: &std::ops::Range<usize>, step: usize| {
            let tangled = task % 7 == 6;
            match step == steps.start {
                true if tangled => Some(steps.end - 1),
                true => None,
                false => Some(step - 1),
            }
        };
        let mut offsets = vec![0];
        let mut parents = Vec::new();
        let mut child_of = vec![None; counts.steps];
        for (task, steps) in tasks.iter().enumerate() {
            for step in steps.clone() {
                if let Some(parent) = parents_of(task, steps, step) {
                    parents.push(parent as u32);
                    child_of[parent] = Some(step as u32);
                }
                offsets.push(parents.len() as u32);
            }
        }
        let mut child_offsets = vec![0];
        let mut children = Vec::new();
        for child in child_of {
            children.extend(child);
            child_offsets.push(children.len() as u32);
        }
        counts.edges = parents.len();
        let mut buffer = Buffer::empty(&counts);
        let mut task_steps = vec![0];
        task_steps.extend(tasks.iter().map(|steps| steps.end as u32));
        let task_flags: Vec<u8> = (0..tasks.len()).map(|task| u8::from(task % 7 != 6)).collect();
        buffer.set_u32(Section::TaskSteps, &task_steps);
        buffer.set_u32(Section::ParentOffsets, &offsets);
        buffer.set_u32(Section::Parents, &parents);
        buffer.set_u32(Section::ChildOffsets, &child_offsets);
        buffer.set_u32(Section::Children, &children);
        buffer.set_u8(Section::State, &column(&self.nodes, |node| node.state));
        buffer.set_u8(Section::Flags, &column(&self.nodes, |node| node.flags));
        buffer.set_i32(Section::Attempts, &column(&self.nodes, |node| node.attempts));
        buffer.set_i32(Section::RetryLimit, &column(&self.nodes, |node| node.limit));
        buffer.set_u8(Section::TaskFlags, &task_flags);
        buffer
    }
}
