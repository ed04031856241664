//! The analysis of graphs against walking every way of small ones.

mod support;

use std::sync::atomic::AtomicBool;

use support::analysis::any_durations;
use support::{Node, Plan, Random};
use tasker_resolver::blast_radius::blast_radius;
use tasker_resolver::codes::state;
use tasker_resolver::critical_path::critical_path;
use tasker_resolver::durations::Durations;
use tasker_resolver::earliest_schedule::earliest_schedule;
use tasker_resolver::eta::{EtaResult, Simulation, percentiles, plan_eta, simulate_eta};
use tasker_resolver::level_width::level_widths;
use tasker_resolver::redundant_edges::{Redundancy, redundant_edges};
use tasker_resolver::slack::slack;
use tasker_resolver::task_shape::task_shape;
use tasker_resolver::threads::Cancelled;
use tasker_resolver::{Rules, Scratch, Section};

/// A task of up to nine steps behind another one, edges along or against the numbers, some twice.
fn random_dag(random: &mut Random) -> Plan {
    let steps = 1 + random.below(9);
    let reversed = random.below(2) == 0;
    let mut edges = vec![(0, 1)];
    for _ in 0..random.below(steps * 3) {
        let (a, b) = (random.below(steps), random.below(steps));
        let (low, high) = (2 + a.min(b) as u32, 2 + a.max(b) as u32);
        if a != b {
            edges.push(if reversed { (high, low) } else { (low, high) });
        }
    }
    let states = [0, 0, 0, 1, 2, 3, 4, 128, 129];
    let nodes = (0..steps + 2).map(|_| Node::of(random.pick(&states))).collect();
    Plan { sizes: vec![2, steps], nodes, edges }
}

/// Every way of the plan's second task that begins at a step.
fn ways_from(plan: &Plan, step: u32) -> Vec<Vec<u32>> {
    let mut ways = vec![vec![step]];
    let mut next: Vec<u32> =
        plan.edges.iter().filter(|edge| edge.0 == step).map(|edge| edge.1).collect();
    next.sort_unstable();
    next.dedup();
    for child in next {
        ways.extend(ways_from(plan, child).into_iter().map(|way| [vec![step], way].concat()));
    }
    ways
}

fn for_random_dags(runs: u64, mut test: impl FnMut(&Plan, &mut Random)) {
    for seed in 0..runs {
        let mut random = Random(seed);
        let plan = random_dag(&mut random);
        test(&plan, &mut random);
    }
}

#[test]
fn schedule_path_and_slack_are_what_every_way_says() {
    for_random_dags(600, |plan, random| {
        let task = plan.tasks()[1].clone();
        let seconds: Vec<f64> = task.clone().map(|_| random.below(6) as f64).collect();
        let mut buffer = plan.build();
        let snapshot = buffer.open().expect("a snapshot");
        let graph = snapshot.graph();
        let schedule = earliest_schedule(&graph, 1, &seconds, &mut Scratch::default());
        let schedule = schedule.expect("no cycle");
        let slack = slack(&graph, &schedule, &seconds);
        let path = critical_path(&graph, &schedule);
        let length = |way: &Vec<u32>| way.iter().map(|&step| seconds[step as usize - 2]).sum();
        let ways: Vec<Vec<u32>> =
            task.clone().flat_map(|step| ways_from(plan, step as u32)).collect();
        let longest = ways.iter().map(length).fold(0.0, f64::max);
        assert_eq!(schedule.seconds, longest, "{plan:?}");
        assert_eq!(length(&path), longest, "{plan:?}");
        assert!(ways.contains(&path), "{plan:?} {path:?}");
        for (at, step) in task.clone().enumerate() {
            let step = step as u32;
            let ending = ways.iter().filter(|way| way.last() == Some(&step));
            let end = ending.map(length).fold(0.0, f64::max);
            assert_eq!((schedule.finish[at], schedule.start[at]), (end, end - seconds[at]));
            let through = ways.iter().filter(|way| way.contains(&step)).map(length);
            assert_eq!(slack.total[at], longest - through.fold(0.0, f64::max));
            let children = plan.edges.iter().filter(|edge| edge.0 == step);
            let starts = children.map(|edge| schedule.start[edge.1 as usize - 2]);
            assert_eq!(slack.free[at], starts.fold(longest, f64::min) - end);
        }
    });
}

#[test]
fn edges_are_redundant_where_a_longer_way_leads() {
    for_random_dags(600, |plan, _| {
        let mut expected = Vec::new();
        let mut seen = Vec::new();
        for &(parent, child) in plan.edges.iter().filter(|edge| edge.0 > 1) {
            let longer = |way: &Vec<u32>| way.len() > 2 && way.last() == Some(&child);
            if seen.contains(&(parent, child)) {
                expected.push((parent, child, Redundancy::Repeated as u32));
            } else if ways_from(plan, parent).iter().any(longer) {
                expected.push((parent, child, Redundancy::Implied as u32));
            }
            seen.push((parent, child));
        }
        // of copies, the implied one is named first
        expected.sort_unstable_by_key(|edge| (edge.0, edge.1, u32::MAX - edge.2));
        let mut buffer = plan.build();
        let snapshot = buffer.open().expect("a snapshot");
        let seconds = vec![1.0; plan.sizes[1]];
        let (graph, stop) = (snapshot.graph(), AtomicBool::new(false));
        let shape = task_shape(&graph, 1, &seconds, &mut Scratch::default(), &stop);
        let shape = shape.expect("not stopped").expect("no cycle");
        let edges = shape.redundant.iter();
        let found: Vec<_> =
            edges.map(|edge| (edge.parent, edge.child, edge.reason as u32)).collect();
        assert_eq!(found, expected, "{plan:?}");
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        let stopped = redundant_edges(&graph, 1, &shape.schedule.order, &stop);
        assert_eq!(stopped, Err(Cancelled));
    });
}

#[test]
fn widths_are_those_of_the_levels() {
    for_random_dags(600, |plan, _| {
        let mut plan = plan.clone();
        // a parent in the other task and nothing else gives no level
        plan.edges.push((0, 2));
        let mut buffer = plan.build();
        buffer.resolve(Rules::Rails);
        let mut expected = Vec::new();
        for level in buffer.i32s(Section::Level)[2..].iter().filter(|&&level| level >= 0) {
            let level = *level as usize;
            expected.resize(expected.len().max(level + 1), 0);
            expected[level] += 1;
        }
        let snapshot = buffer.open().expect("a snapshot");
        let graph = snapshot.graph();
        let seconds = vec![1.0; plan.sizes[1]];
        let schedule = earliest_schedule(&graph, 1, &seconds, &mut Scratch::default());
        let order = schedule.expect("no cycle").order;
        assert_eq!(level_widths(&graph, 1, &order), expected, "{plan:?}");
    });
}

#[test]
fn a_blast_reaches_what_depends_on_it_and_does_not_run() {
    for_random_dags(600, |plan, random| {
        let start = random.below(plan.nodes.len()) as u32;
        let runs_on = |step: u32| {
            let code = plan.nodes[step as usize].state;
            code >= state::COMPLETE || code == state::IN_PROGRESS
        };
        let mut expected: Vec<u32> = Vec::new();
        loop {
            let known = expected.len();
            for &(parent, child) in &plan.edges {
                let hit = parent == start || expected.contains(&parent);
                if hit && !runs_on(child) && !expected.contains(&child) {
                    expected.push(child);
                }
            }
            if expected.len() == known {
                break;
            }
        }
        expected.sort_unstable();
        let mut buffer = plan.build();
        let snapshot = buffer.open().expect("a snapshot");
        let found = blast_radius(&snapshot.graph(), &[start], &AtomicBool::new(false));
        assert_eq!(found, Ok(expected), "{plan:?} {start}");
    });
}

fn simulated(plan: &Plan, durations: &Durations, runs: usize, threads: usize) -> EtaResult {
    let mut buffer = plan.build();
    let snapshot = buffer.open().expect("a snapshot");
    let task = plan.sizes.len() - 1;
    let elapsed = vec![0.5; plan.sizes[task]];
    let eta = plan_eta(&snapshot.graph(), task, &elapsed, &mut Scratch::default());
    let simulation = Simulation { runs, seed: 3, shares: &[0.0, 0.25, 0.5, 1.0], threads };
    simulate_eta(&eta.expect("no cycle"), durations, simulation, &AtomicBool::new(false))
        .expect("not stopped")
}

fn fixed(seconds: &[f64]) -> Durations {
    let count = seconds.len() as u32;
    let kinds = vec![0; seconds.len()];
    let durations =
        Durations::new((0..count).collect(), kinds, (0..=count).collect(), seconds.to_vec());
    durations.expect("as many values as kinds")
}

#[test]
fn certain_lengths_end_when_the_schedule_of_what_is_left_does() {
    for_random_dags(600, |plan, random| {
        let mut plan = plan.clone();
        for node in &mut plan.nodes {
            node.state = if node.state >= state::COMPLETE { node.state } else { state::PENDING };
        }
        let seconds: Vec<f64> = (0..plan.sizes[1]).map(|_| random.below(6) as f64).collect();
        let result = simulated(&plan, &fixed(&seconds), 3, 1);
        let is_done = |step: u32| plan.nodes[step as usize].state >= state::COMPLETE;
        let open = |way: &Vec<u32>| way.iter().all(|&step| !is_done(step));
        let ways = (2..plan.nodes.len()).flat_map(|step| ways_from(&plan, step as u32));
        let lengths =
            ways.filter(open).map(|way| way.iter().map(|&s| seconds[s as usize - 2]).sum());
        let expected = lengths.fold(0.0, f64::max);
        assert_eq!(result.percentiles, [expected; 4], "{plan:?}");
        assert_eq!(result.mean, expected);
        let critical = result.criticality.iter().zip(2..).filter(|&(&share, _)| share > 0.0);
        assert!(critical.clone().all(|(&share, step)| share == 1.0 && !is_done(step)));
        let chain: f64 = critical.map(|(_, step)| seconds[step as usize - 2]).sum();
        assert_eq!(chain, expected);
    });
}

#[test]
fn any_number_of_threads_draws_the_same() {
    let mut random = Random(11);
    let edges: Vec<(u32, u32)> = (1..200).map(|step| (step / 3, step)).collect();
    let states: Vec<u8> = (0..200).map(|_| random.pick(&[0, 0, 0, 1, 2, 128])).collect();
    let plan = Plan::task(&states, &edges);
    let durations = any_durations(&mut random, 200);
    let alone = simulated(&plan, &durations, 5_000, 1);
    for threads in [0, 2, 3, 16, 1000] {
        assert_eq!(simulated(&plan, &durations, 5_000, threads), alone);
    }
    assert!(alone.percentiles[0] < alone.percentiles[3]);
}

#[test]
fn what_is_running_takes_what_is_left_of_it() {
    let plan = Plan::task(&[1, 0], &[(0, 1)]);
    assert_eq!(simulated(&plan, &fixed(&[8.0, 2.0]), 1, 1).mean, 9.5);
    assert_eq!(simulated(&plan, &fixed(&[0.25, 2.0]), 1, 1).mean, 2.0);
    let done = Plan::task(&[128, 129], &[(0, 1)]);
    let result = simulated(&done, &fixed(&[8.0, 2.0]), 2, 4);
    assert_eq!((result.mean, result.criticality), (0.0, vec![0.0, 0.0]));
}

#[test]
fn a_task_with_a_cycle_has_no_answer() {
    let mut buffer = Plan::task(&[0; 3], &[(0, 1), (1, 2), (2, 1)]).build();
    let snapshot = buffer.open().expect("a snapshot");
    let graph = snapshot.graph();
    let mut scratch = Scratch::default();
    let shape = task_shape(&graph, 0, &[1.0; 3], &mut scratch, &AtomicBool::new(false));
    assert_eq!(shape, Ok(None));
    assert_eq!(earliest_schedule(&graph, 0, &[1.0; 3], &mut scratch), None);
    assert_eq!(plan_eta(&graph, 0, &[0.0; 3], &mut scratch), None);
}

#[test]
fn distributions_have_their_quantiles() {
    let kinds = vec![1, 2, 3, 4];
    let values = [
        &[2.0, 6.0][..],
        &[0.0, 3.0, 12.0],
        &[1.0, 2.0, 9.0],
        &[0.0, 0.5, 0.95, 1.0, 0.0, 2.0, 9.0, 12.0],
    ];
    let durations = Durations::new(vec![0, 1, 2, 3], kinds, vec![0, 2, 5, 8, 16], values.concat());
    let durations = durations.expect("sound");
    let at = |which, share| durations.at(which, share);
    assert_eq!([at(0, 0.0), at(0, 0.25), at(0, 0.5)], [2.0, 3.0, 4.0]);
    assert_eq!([at(1, 0.0), at(1, 0.25)], [0.0, 3.0]);
    assert_eq!([at(2, 0.0), at(2, 0.34), at(2, 0.99)], [1.0, 2.0, 9.0]);
    assert_eq!([at(3, 0.0), at(3, 0.25), at(3, 0.5), at(3, 0.95)], [0.0, 1.0, 2.0, 9.0]);
    assert_eq!((durations.steps(), durations.which(2)), (4, 2));
}

#[test]
fn distributions_that_do_not_fit_are_refused() {
    let refused = |which: &[u32], kinds: &[u8], offsets: &[u32], values: usize| {
        let values = vec![1.0; values];
        Durations::new(which.to_vec(), kinds.to_vec(), offsets.to_vec(), values)
            .err()
            .map(|problem| problem.to_string())
    };
    assert_eq!(refused(&[0], &[0], &[0, 1], 1), None);
    assert_eq!(refused(&[], &[], &[0], 0), None);
    for (kinds, offsets, values) in [
        (&[0][..], &[][..], 0),
        (&[0], &[0, 1], 2),
        (&[0], &[1, 1], 1),
        (&[0], &[0, 0], 0),
        (&[1], &[0, 1], 1),
        (&[2], &[0, 2], 2),
        (&[3], &[0, 0], 0),
        (&[4], &[0, 2], 2),
        (&[4], &[0, 5], 5),
        (&[5], &[0, 1], 1),
        (&[0, 0], &[0, 3, 1], 1),
    ] {
        let problem = refused(&[0], kinds, offsets, values).expect("a problem");
        assert!(problem.starts_with("The durations have "), "{problem}");
    }
    assert!(refused(&[0, 1], &[0], &[0, 1], 1).expect("a problem").ends_with("for step 1."));
}

#[test]
fn percentiles_lie_straight_between_neighbours() {
    let values = [1.0, 2.0, 4.0, 8.0];
    assert_eq!(percentiles(&values, &[0.0, 0.5, 0.75, 1.0]), [1.0, 3.0, 5.0, 8.0]);
    assert_eq!(percentiles(&[5.0], &[0.0, 0.3, 1.0]), [5.0; 3]);
    assert!(percentiles(&[], &[0.5])[0].is_nan());
}
