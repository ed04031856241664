//! Random snapshots against definitions written down step by step, and against other divisions of
//! the same work.

mod support;

use support::{Buffer, NOW, Node, Plan, Random, parameters, random_plan};
use tasker_resolver::codes::{flag, result, state};
use tasker_resolver::layout::header;
use tasker_resolver::readiness::resolve_dependencies_anywhere;
use tasker_resolver::rules::failure_wait_micros;
use tasker_resolver::vectors;
use tasker_resolver::{Cancelled, Rules, Scratch, Section, resolve_on_threads, resolve_range};

const BOTH: [Rules; 2] = [Rules::Rails, Rules::Engine];

fn for_random_plans(runs: u64, mut test: impl FnMut(&Plan)) {
    for seed in 0..runs {
        let plan = random_plan(&mut Random(seed), 5, 9);
        test(&plan);
    }
}

/// The contract's conditions one by one.
fn is_ready(plan: &Plan, step: usize, rules: Rules) -> bool {
    let node = &plan.nodes[step];
    let done = |parent: usize| plan.nodes[parent].state >= state::COMPLETE;
    if !plan.parents_of(step).into_iter().all(done) {
        return false;
    }
    let limit = if rules == Rules::Engine && node.limit == 0 { 1 } else { node.limit };
    let retryable = node.flags & flag::NOT_RETRYABLE == 0;
    let fresh = rules == Rules::Engine && node.state == state::PENDING;
    (node.state == state::PENDING || node.state == state::ERROR)
        && node.flags & (flag::PROCESSED | flag::IN_PROCESS) == 0
        && (retryable || fresh)
        && node.attempts < limit
        && !waits(node, rules)
}

fn waits(node: &Node, rules: Rules) -> bool {
    if rules == Rules::Engine && !node.next_attempt_at.is_nan() {
        return node.next_attempt_at > NOW;
    }
    let explicit = node.flags & flag::BACKOFF_NULL == 0
        && node.last_attempted_at + f64::from(node.backoff_seconds) * 1e6 > NOW;
    let null = node.flags & flag::ATTEMPTS_NULL != 0;
    explicit || node.failed_at + failure_wait_micros(node.attempts, null) > NOW
}

fn longest_paths(plan: &Plan) -> Vec<Option<i32>> {
    let mut level = vec![None; plan.steps()];
    for task in plan.tasks() {
        // longer than any path: what still grows then hangs on a cycle
        for round in 0..=task.len() * 2 {
            for step in task.clone() {
                let parents = plan.parents_of(step);
                let local = parents.iter().filter(|parent| task.contains(parent));
                let through = local.filter_map(|&parent| level[parent]).max();
                let grown = match through {
                    Some(_) if round > task.len() => continue,
                    Some(deepest) => Some(deepest + 1),
                    None if parents.is_empty() => Some(0),
                    None => None,
                };
                level[step] = grown;
            }
        }
    }
    level
}

#[test]
fn readiness_is_what_the_contract_says() {
    for_random_plans(2000, |plan| {
        for rules in BOTH {
            let mut buffer = plan.build();
            let cycles = buffer.resolve(rules);
            let bits = buffer.u8s(Section::Bits);
            for task in plan.tasks().into_iter().enumerate() {
                let apart =
                    rules == Rules::Engine && cycles.iter().any(|cycle| cycle.task == task.0);
                for step in task.1 {
                    let ready = bits[step] & result::READY != 0;
                    assert_eq!(ready, !apart && is_ready(plan, step, rules), "{plan:?} {step}");
                }
            }
        }
    });
}

#[test]
fn levels_are_longest_paths() {
    for_random_plans(1000, |plan| {
        let mut buffer = plan.build();
        let cycles = buffer.resolve(Rules::Rails);
        let expected = longest_paths(plan);
        let level = buffer.i32s(Section::Level);
        for (task, steps) in plan.tasks().into_iter().enumerate() {
            if cycles.iter().any(|cycle| cycle.task == task) {
                continue;
            }
            for step in steps {
                assert_eq!(level[step], expected[step].unwrap_or(-1), "{plan:?} {step}");
            }
        }
    });
}

#[test]
fn every_cycle_follows_edges_and_every_tangle_has_one() {
    for_random_plans(1000, |plan| {
        let mut buffer = plan.build();
        let cycles = buffer.resolve(Rules::Rails);
        for cycle in &cycles {
            for (at, &step) in cycle.path.iter().enumerate() {
                let next = cycle.path[(at + 1) % cycle.path.len()];
                assert!(plan.edges.contains(&(step, next)), "{plan:?} {cycle:?}");
            }
        }
        for (task, steps) in plan.tasks().into_iter().enumerate() {
            let mut left: Vec<usize> = steps.collect();
            loop {
                let before = left.len();
                let all = left.clone();
                left.retain(|&step| plan.parents_of(step).iter().any(|at| all.contains(at)));
                if left.len() == before {
                    break;
                }
            }
            let found = cycles.iter().any(|cycle| cycle.task == task);
            assert_eq!(found, !left.is_empty(), "{plan:?}");
        }
    });
}

#[test]
fn parts_and_threads_write_what_one_run_writes() {
    for_random_plans(300, |plan| {
        for rules in BOTH {
            let fresh = plan.build();
            let mut whole = fresh.clone();
            let expected = whole.resolve(rules);
            let mut parts = fresh.clone();
            let mut scratch = Scratch::default();
            let mut cycles = Vec::new();
            for task in 0..plan.sizes.len() {
                let mut snapshot = parts.open().expect("a snapshot");
                let (graph, mut part) = snapshot.part(task..task + 1).expect("a task");
                cycles.extend(resolve_range(&graph, &mut part, parameters(rules), &mut scratch));
            }
            assert_eq!(cycles, expected);
            assert!(parts.words == whole.words, "{plan:?}");
            let mut threads = fresh;
            assert_eq!(on_threads(&mut threads, rules, 3), Ok(expected));
            assert!(threads.words == whole.words, "{plan:?}");
        }
    });
}

#[test]
fn every_width_of_vectors_writes_the_same() {
    let mut random = Random(3);
    let mut running = vec![0; 65_536].try_into().expect("as long as the type says");
    for tasks in [1, 30, 400] {
        let plan = random_plan(&mut random, tasks, 12);
        for rules in BOTH {
            let mut wide = plan.build();
            let mut plain = wide.clone();
            let mut snapshot = wide.open().expect("a snapshot");
            let (graph, mut part) = snapshot.part(0..tasks).expect("all tasks");
            vectors::resolve_dependencies(&graph, &mut part.all_steps(), rules, &mut running);
            let mut snapshot = plain.open().expect("a snapshot");
            let (graph, mut part) = snapshot.part(0..tasks).expect("all tasks");
            resolve_dependencies_anywhere(&graph, &mut part.all_steps(), rules, &mut running);
            assert!(wide.words == plain.words, "{plan:?}");
        }
    }
}

fn on_threads(
    buffer: &mut Buffer,
    rules: Rules,
    threads: usize,
) -> Result<Vec<tasker_resolver::Cycle>, Cancelled> {
    let mut snapshot = buffer.open().expect("a snapshot");
    resolve_on_threads(&mut snapshot, parameters(rules), threads).expect("sound taskSteps")
}

/// Tasks enough for many stretches, each of 30 steps, some tangled; or one task of as many.
fn large(tasks: usize, steps: usize) -> Buffer {
    let mut plan = Plan { sizes: vec![steps; tasks], ..Plan::default() };
    plan.nodes = (0..tasks * steps).map(|at| Node::of([128, 0, 2, 128, 1][at % 5])).collect();
    let mut buffer = plan.build_chains();
    assert_eq!(buffer.problem(), None);
    buffer
}

#[test]
fn large_snapshots_are_shared_out() {
    for (tasks, steps) in [(8_000, 30), (1, 240_000), (3, 90_000)] {
        for rules in BOTH {
            let fresh = large(tasks, steps);
            let mut whole = fresh.clone();
            let expected = whole.resolve(rules);
            for threads in [0, 1, 4] {
                let mut shared = fresh.clone();
                assert_eq!(on_threads(&mut shared, rules, threads), Ok(expected.clone()));
                assert!(shared.words == whole.words, "{tasks} {steps} {threads}");
            }
        }
    }
}

/// Large tasks between small ones, none at the edge of a stretch, with failures of every kind.
#[test]
fn large_tasks_among_small_ones_are_counted_once() {
    let small = || std::iter::repeat_n(7, 3_000);
    let sizes = small().chain([60_001]).chain(small()).chain([0, 50_003, 16_384, 1]).collect();
    let mut plan = Plan { sizes, ..Plan::default() };
    let steps = plan.sizes.iter().sum();
    plan.nodes = (0..steps)
        .map(|at: usize| {
            let attempts = (at % 4) as i32;
            Node { attempts, ..Node::of([128, 128, 0, 2, 1, 128, 2, 3][at / 5 % 8]) }
        })
        .collect();
    let fresh = plan.build_chains();
    for rules in BOTH {
        let mut whole = fresh.clone();
        let expected = whole.resolve(rules);
        for threads in [1, 2, 4] {
            let mut shared = fresh.clone();
            assert_eq!(on_threads(&mut shared, rules, threads), Ok(expected.clone()));
            assert!(shared.words == whole.words, "{rules:?} {threads}");
        }
        let counted = whole.u32s(Section::FailedSteps)[3_000];
        assert!(counted > 10_000, "{counted} failed steps in the first large task");
    }
}

#[test]
fn a_cancelled_run_writes_nothing_more() {
    for (tasks, steps) in [(8_000, 30), (1, 240_000)] {
        let mut buffer = large(tasks, steps);
        buffer.set_header_word(header::CANCEL, 1);
        let before = buffer.words.clone();
        assert_eq!(on_threads(&mut buffer, Rules::Engine, 2), Err(Cancelled));
        assert!(buffer.words == before);
    }
}
