//! All kernels in their order, in the calling thread.

use crate::contexts::resolve_contexts;
use crate::cycles::{Cycle, find_cycles};
use crate::levels::resolve_levels;
use crate::order::Scratch;
use crate::part::{Graph, Part, Steps};
use crate::reachability::resolve_reachability;
use crate::readiness::resolve_waits;
use crate::rules::Rules;
use crate::vectors::resolve_dependencies;

/// What a resolution depends on besides the snapshot.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Parameters {
    /// The rule set.
    pub rules: Rules,
    /// The clock, µs since the epoch.
    pub now_micros: f64,
    /// Whether to write counts and statuses of tasks.
    pub contexts: bool,
    /// Whether to write levels.
    pub levels: bool,
}

/// Resolves a part in the calling thread: all its outputs that are asked for are written, none is
/// read before it is written. O(steps + edges).
///
/// Nothing here asks who else writes the same outputs: a part of a buffer that others share may be
/// resolved by whoever has taken [`Snapshot::holder_word`](crate::Snapshot::holder_word).
///
/// Returns the cycles found, in task order.
///
/// # Panics
/// Where the graph contradicts itself ([`Snapshot::check`](crate::Snapshot::check) finds that out
/// beforehand).
pub fn resolve_range(
    graph: &Graph<'_>,
    part: &mut Part<'_>,
    parameters: Parameters,
    scratch: &mut Scratch,
) -> Vec<Cycle> {
    resolve_readiness(graph, &mut part.all_steps(), parameters, scratch);
    let mut cycles = Vec::new();
    resolve_structure(graph, part, parameters, scratch, &mut cycles);
    cycles
}

/// What can be answered step by step.
pub(crate) fn resolve_readiness(
    graph: &Graph<'_>,
    steps: &mut Steps<'_>,
    parameters: Parameters,
    scratch: &mut Scratch,
) {
    resolve_dependencies(graph, steps, parameters.rules, &mut scratch.running);
    resolve_waits(graph, steps, parameters.rules, parameters.now_micros);
}

/// What needs a whole task, after readiness.
pub(crate) fn resolve_structure(
    graph: &Graph<'_>,
    part: &mut Part<'_>,
    parameters: Parameters,
    scratch: &mut Scratch,
    cycles: &mut Vec<Cycle>,
) {
    find_cycles(graph, part, scratch, cycles);
    if parameters.rules == Rules::Engine {
        resolve_reachability(graph, part, scratch);
    }
    if parameters.levels {
        resolve_levels(graph, part, scratch);
    }
    if parameters.contexts {
        resolve_contexts(graph, part, parameters.rules);
    }
}
