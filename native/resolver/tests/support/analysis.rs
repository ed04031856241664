//! The ways into the analysis of graphs.

use std::sync::atomic::AtomicBool;

use tasker_resolver::blast_radius::blast_radius;
use tasker_resolver::durations::Durations;
use tasker_resolver::eta::{EtaResult, Simulation, plan_eta, simulate_eta};
use tasker_resolver::task_shape::task_shape;
use tasker_resolver::threads::Cancelled;
use tasker_resolver::{Graph, Scratch, Snapshot};

use super::Random;

/// Distributions of every kind, sound ones.
pub fn any_durations(random: &mut Random, steps: usize) -> Durations {
    let mut kinds = Vec::new();
    let mut offsets = vec![0];
    let mut values = Vec::new();
    for _ in 0..3 {
        let kind = random.below(5) as u8;
        let count = match kind {
            0..3 => kind as usize + 1,
            3 => 1 + random.below(4),
            _ => 2 + random.below(3),
        };
        if kind == 4 {
            values.extend((0..count).map(|at| at as f64 / (count - 1) as f64));
        }
        let mut seconds: Vec<f64> = (0..count).map(|_| random.below(9) as f64 / 4.0).collect();
        seconds.sort_unstable_by(f64::total_cmp);
        values.extend(seconds);
        kinds.push(kind);
        offsets.push(values.len() as u32);
    }
    let which = (0..steps).map(|_| random.below(3) as u32).collect();
    Durations::new(which, kinds, offsets, values).expect("sound distributions")
}

/// Everything that can be asked of a snapshot's tasks.
pub fn analysis(words: &mut [u64], random: &mut Random) {
    let Ok(snapshot) = Snapshot::open(words) else { return };
    let graph = snapshot.graph();
    let go_on = AtomicBool::new(false);
    let mut scratch = Scratch::default();
    for task in 0..graph.counts.tasks.min(50) {
        let steps = graph.steps_of(task).len();
        let seconds: Vec<f64> = (0..steps).map(|_| random.below(9) as f64 / 4.0).collect();
        let shape = task_shape(&graph, task, &seconds, &mut scratch, &go_on).expect("not stopped");
        let once = eta(&graph, task, steps, random, 1);
        assert_eq!(shape.is_none(), once.is_none(), "both know the cycles");
    }
    if graph.counts.nodes() > 0 {
        let starts = [random.below(graph.counts.nodes()) as u32];
        let stopped = blast_radius(&graph, &starts, &go_on).expect("not stopped");
        assert!(stopped.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(blast_radius(&graph, &starts, &AtomicBool::new(true)), Err(Cancelled));
    }
}

fn eta(
    graph: &Graph<'_>,
    task: usize,
    steps: usize,
    random: &mut Random,
    threads: usize,
) -> Option<EtaResult> {
    let elapsed: Vec<f64> = (0..steps).map(|_| random.below(3) as f64).collect();
    let plan = plan_eta(graph, task, &elapsed, &mut Scratch::default())?;
    let durations = any_durations(random, steps);
    let simulation = Simulation { runs: 3, seed: 7, shares: &[0.0, 0.5, 1.0], threads };
    let result = simulate_eta(&plan, &durations, simulation, &AtomicBool::new(false));
    Some(result.expect("not stopped"))
}
