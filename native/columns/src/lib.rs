//! Answers about workflows from plain columns: rows of tasks, steps and edges as slices of the
//! caller's own memory go in, readiness, contexts, levels, cycles and shapes come out as columns. The
//! bindings for C, Python and Ruby are thin layers over this crate; it has no binding type itself.
//!
//! ```
//! use std::sync::atomic::AtomicU32;
//! use tasker_columns::{Edges, Input, OwnedSnapshot, Parameters, Rules, Steps, Tasks, states};
//!
//! let tasks = Tasks { task_id: (&[7_i64]).into(), named_task_id: None, state: None };
//! let steps = Steps {
//!     // columns that are left out count as null; `with_validity` makes single elements null
//!     state: Some((&[states::COMPLETE, states::PENDING, states::PENDING]).into()),
//!     ..Steps::new((&[1_i64, 2, 3]).into(), (&[7_i64, 7, 7]).into())
//! };
//! let edges = Edges { from_step_id: (&[1_i64, 2]).into(), to_step_id: (&[2_i64, 3]).into() };
//! let input = Input { tasks, steps, edges, has_foreign_steps: false };
//!
//! let mut snapshot = OwnedSnapshot::build(&input)?; // the columns are not needed any more
//! assert!(snapshot.problems().is_empty());
//! let now_micros = 1_800_000_000_000_000.0;
//! let parameters = Parameters { rules: Rules::Rails, now_micros, contexts: true, levels: true };
//! let answer = snapshot.resolve(parameters, 1, &AtomicU32::new(0))?;
//!
//! let readiness = answer.readiness();
//! let mut ready = vec![0; readiness.len()]; // any memory of that length: a numpy array, a VALUE
//! readiness.ready_for_execution(&mut ready);
//! assert_eq!(ready, [0, 1, 0]);
//! assert_eq!(readiness.ready_step_ids(), [2]);
//! assert_eq!(readiness.row(1).completed_parents, 1);
//! assert_eq!(answer.contexts().expect("asked for").row(0).ready_steps, 1);
//! assert!(answer.cycles().is_empty());
//! let path = snapshot.critical_path(7, None)?.expect("no cycle");
//! assert_eq!(path.step_ids, [1, 2, 3]);
//! # Ok::<(), tasker_columns::Problem>(())
//! ```
//!
//! [`OwnedSnapshot::build`] makes the same bytes as the TypeScript builder makes of the same rows
//! (`src/graph/snapshot/build-snapshot.ts`), so that every answer agrees, too. Values that cannot be read are a
//! [`Problem`] that names table, column and row. Rows that contradict each other are
//! [`OwnedSnapshot::problems`], and everything else is answered.

#![forbid(unsafe_code)]

mod analysis;
mod answer;
mod build;
mod column;
mod contexts;
mod edges;
mod id_index;
mod levels;
mod problem;
mod read;
mod readiness;
mod snapshot;
mod spans;
mod stage;
pub mod states;
mod tables;

pub use analysis::{CriticalPath, RedundantEdgeIds, Shape};
pub use answer::{Answer, CycleIds};
pub use column::{Bits, Column, Validity, Values};
pub use contexts::{ContextRow, Contexts, EXECUTION_STATUSES, HEALTH_STATUSES, percentage_text};
pub use levels::Levels;
pub use problem::{Code, Place, Problem, RowProblem};
pub use readiness::{Readiness, ReadinessRow};
pub use snapshot::OwnedSnapshot;
pub use tables::{Edges, Input, Steps, Table, Tasks};
pub use tasker_resolver::redundant_edges::Redundancy;
pub use tasker_resolver::sections::MOST_ROWS;
pub use tasker_resolver::{Counts, Parameters, Rules};
