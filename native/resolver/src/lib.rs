//! The kernels of tasker-core over a snapshot buffer: which steps may run, what state each task is
//! in, how deep each step stands, and which steps depend on each other in a circle.
//!
//! The buffer is laid out by `src/graph/snapshot/layout.ts`, of which [`layout`] is the counterpart; for the
//! same buffer, rules and clock these kernels write the same bytes as the ones in TypeScript.
//!
//! ```no_run
//! use tasker_resolver::{Parameters, Rules, Scratch, Snapshot, resolve_range};
//!
//! # fn buffer() -> Vec<u64> { Vec::new() }
//! let mut words: Vec<u64> = buffer();
//! let mut snapshot = Snapshot::open(&mut words)?;
//! snapshot.check()?;
//! let tasks = snapshot.counts().tasks;
//! let (graph, mut part) = snapshot.part(0..tasks)?;
//! let parameters =
//!     Parameters { rules: Rules::Rails, now_micros: 0.0, contexts: true, levels: true };
//! let cycles = resolve_range(&graph, &mut part, parameters, &mut Scratch::default());
//! # Ok::<(), tasker_resolver::Problem>(())
//! ```
//!
//! Unsafe code stands in [`memory`] and [`sections`], which cut the slices, and in the calls of
//! [`vectors`]. The
//! kernels check every index, so that a buffer that contradicts itself ends in a panic at worst,
//! never outside of the buffer.

#![deny(unsafe_code)]

pub mod blast_radius;
pub mod codes;
pub mod contexts;
pub mod critical_path;
pub mod cycles;
pub mod durations;
pub mod earliest_schedule;
pub mod eta;
pub mod layout;
pub mod level_width;
pub mod levels;
#[allow(unsafe_code)]
pub mod memory;
pub mod order;
pub mod part;
pub mod planes;
pub mod planes_groups;
pub mod planes_index;
pub mod planes_waits;
pub mod random;
pub mod reachability;
pub mod readiness;
pub mod redundant_edges;
pub mod resolve;
pub mod rules;
#[allow(unsafe_code)]
pub mod sections;
pub mod slack;
pub mod task_shape;
pub mod threads;
pub mod validate;
#[allow(unsafe_code)]
pub mod vectors;

pub use cycles::Cycle;
pub use layout::{Counts, Layout, Problem, Section};
pub use memory::Snapshot;
pub use order::Scratch;
pub use part::{Graph, Part};
pub use planes_index::ReadyPlanes;
pub use resolve::{Parameters, resolve_range};
pub use rules::Rules;
pub use sections::{Sections, SectionsMut};
pub use threads::{Cancelled, resolve_on_threads, resolve_until};
