//! What each kernel answers on graphs that one can draw.

mod support;

use support::{NOW, Node, Plan};
use tasker_resolver::codes::{flag, health, result, state, status, task_flag};
use tasker_resolver::{Cycle, Rules, Section};

const BOTH: [Rules; 2] = [Rules::Rails, Rules::Engine];

fn bits_of(plan: &Plan, rules: Rules) -> Vec<u8> {
    let mut buffer = plan.build();
    buffer.resolve(rules);
    buffer.u8s(Section::Bits)
}

fn bits_of_one(node: Node, rules: Rules) -> u8 {
    bits_of(&Plan { sizes: vec![1], nodes: vec![node], edges: vec![] }, rules)[0]
}

fn has(bits: u8, wanted: u8) -> bool {
    bits & wanted == wanted
}

#[test]
fn a_step_waits_for_every_parent() {
    let plan = Plan::task(&[128, 129, 0, 0, 0], &[(0, 3), (1, 3), (0, 4), (2, 4)]);
    for rules in BOTH {
        let mut buffer = plan.build();
        buffer.resolve(rules);
        assert_eq!(buffer.u32s(Section::CompletedParents), [0, 0, 0, 2, 1]);
        let bits = buffer.u8s(Section::Bits);
        assert!(has(bits[3], result::SATISFIED | result::READY));
        assert!(!has(bits[4], result::SATISFIED));
        assert!(!has(bits[0], result::READY));
    }
}

#[test]
fn duplicate_edges_count_twice() {
    let mut buffer = Plan::task(&[128, 0], &[(0, 1), (0, 1)]).build();
    buffer.resolve(Rules::Rails);
    assert_eq!(buffer.u32s(Section::CompletedParents), [0, 2]);
    assert!(has(buffer.u8s(Section::Bits)[1], result::READY));
}

#[test]
fn a_block_with_too_many_edges_is_counted_step_by_step() {
    let parents = 40_000;
    let mut plan = Plan::task(&[128; 2], &[]);
    plan.nodes[1].state = state::PENDING;
    plan.edges = vec![(0, 1); parents];
    let mut buffer = plan.build();
    buffer.resolve(Rules::Rails);
    assert_eq!(buffer.u32s(Section::CompletedParents), [0, 40_000]);
    assert!(has(buffer.u8s(Section::Bits)[1], result::READY));
}

#[test]
fn parents_in_other_tasks_count_by_their_state() {
    let nodes = vec![Node::of(state::PENDING), Node::of(state::COMPLETE)];
    let plan = Plan { sizes: vec![1], nodes, edges: vec![(1, 0)] };
    assert!(has(bits_of(&plan, Rules::Rails)[0], result::READY));
}

#[test]
fn who_may_run() {
    let pending = Node::default();
    let failed = Node { state: state::ERROR, attempts: 1, ..pending };
    for rules in BOTH {
        assert!(has(bits_of_one(pending, rules), result::READY));
        assert!(has(bits_of_one(failed, rules), result::READY));
        for code in [state::IN_PROGRESS, state::CANCELLED, state::COMPLETE, 4, 127] {
            assert!(!has(bits_of_one(Node::of(code), rules), result::READY));
        }
        for flags in [flag::PROCESSED, flag::IN_PROCESS] {
            let passed = Node { flags: flags | flag::BACKOFF_NULL, ..pending };
            assert!(!has(bits_of_one(passed, rules), result::READY));
        }
        let spent = Node { attempts: 3, ..failed };
        assert!(has(bits_of_one(spent, rules), result::EXHAUSTED));
    }
    let flags = flag::NOT_RETRYABLE | flag::BACKOFF_NULL;
    assert!(!has(bits_of_one(Node { flags, ..pending }, Rules::Rails), result::READY));
    assert!(has(bits_of_one(Node { flags, ..pending }, Rules::Engine), result::READY));
    assert!(!has(bits_of_one(Node { flags, ..failed }, Rules::Engine), result::READY));
    let limitless = Node { limit: 0, ..pending };
    assert!(!has(bits_of_one(limitless, Rules::Rails), result::READY));
    assert!(has(bits_of_one(limitless, Rules::Engine), result::READY));
}

#[test]
fn waits() {
    let failed = Node { state: state::ERROR, attempts: 1, ..Node::default() };
    let after = |micros: f64| Node { failed_at: NOW - 2e6 + micros, ..failed };
    let cases = [(after(0.0), true), (after(1.0), false), (after(f64::NAN), true)];
    for (node, ready) in cases {
        for rules in BOTH {
            let wanted = if ready { result::READY } else { result::WAITING };
            assert!(has(bits_of_one(node, rules), wanted), "{node:?}");
        }
    }
    let explicit =
        Node { flags: 0, backoff_seconds: 30, last_attempted_at: NOW - 29e6, ..Node::default() };
    let stored = Node { next_attempt_at: NOW, ..explicit };
    assert!(has(bits_of_one(explicit, Rules::Engine), result::WAITING));
    assert!(has(bits_of_one(stored, Rules::Rails), result::WAITING));
    assert!(has(bits_of_one(stored, Rules::Engine), result::READY));
    let later = Node { next_attempt_at: NOW + 1.0, ..stored };
    assert!(has(bits_of_one(later, Rules::Engine), result::WAITING));
}

#[test]
fn the_end_of_a_wait_is_written_beside_its_step() {
    let nodes = vec![
        Node::default(),
        Node { failed_at: NOW, attempts: 2, state: state::ERROR, ..Node::default() },
        Node { flags: 0, backoff_seconds: 3, last_attempted_at: NOW, ..Node::default() },
        Node { next_attempt_at: NOW + 9.0, ..Node::default() },
    ];
    let plan = Plan { sizes: vec![4], nodes, edges: vec![] };
    let mut buffer = plan.build();
    buffer.resolve(Rules::Engine);
    assert_eq!(buffer.f64s(Section::NextRetryAt), [NOW + 4e6, NOW + 3e6, NOW + 9.0]);
    buffer.resolve(Rules::Rails);
    assert!(buffer.f64s(Section::NextRetryAt)[2].is_nan());
}

#[test]
fn levels_are_longest_paths() {
    let edges = [(0, 1), (1, 2), (0, 2), (2, 4), (3, 4)];
    for order in [[0, 1, 2, 3, 4], [4, 3, 2, 1, 0]] {
        let renamed: Vec<(u32, u32)> =
            edges.iter().map(|&(a, b)| (order[a as usize], order[b as usize])).collect();
        let mut buffer = Plan::task(&[0; 5], &renamed).build();
        buffer.resolve(Rules::Rails);
        let level = buffer.i32s(Section::Level);
        let of = |step: usize| level[order[step] as usize];
        assert_eq!([0, 1, 2, 3, 4].map(of), [0, 1, 2, 0, 3]);
    }
}

#[test]
fn a_parent_elsewhere_leaves_a_step_without_level() {
    let nodes = vec![Node::default(); 3];
    let plan = Plan { sizes: vec![2], nodes, edges: vec![(2, 0), (0, 1)] };
    let mut buffer = plan.build();
    buffer.resolve(Rules::Rails);
    assert_eq!(buffer.i32s(Section::Level), [-1, -1]);
}

#[test]
fn a_circle_is_reported_once_along_its_edges() {
    let mut buffer = Plan::task(&[0; 4], &[(0, 1), (3, 1), (1, 2), (2, 3)]).build();
    assert_eq!(buffer.resolve(Rules::Rails), [Cycle { task: 0, path: vec![2, 3, 1] }]);
    let flags = buffer.u8s(Section::TaskFlags)[0];
    assert!(has(flags, task_flag::CYCLIC | task_flag::CYCLE_REACHABLE));
    assert_eq!(buffer.i32s(Section::Level), [0, -1, -1, -1]);
    let on_cycle = buffer
        .u8s(Section::Bits)
        .iter()
        .map(|bits| has(*bits, result::ON_CYCLE))
        .collect::<Vec<_>>();
    assert_eq!(on_cycle, [false, true, true, true]);
}

#[test]
fn what_an_earlier_run_said_of_cycles_is_taken_back() {
    let mut buffer = Plan::task(&[0; 2], &[(1, 0)]).build();
    buffer.set_u8(Section::TaskFlags, &[task_flag::CYCLIC | task_flag::CYCLE_REACHABLE]);
    assert_eq!(buffer.resolve(Rules::Engine), []);
    assert_eq!(buffer.u8s(Section::TaskFlags), [0]);
}

#[test]
fn dead_steps_and_what_hangs_on_them() {
    let plan = Plan::task(&[3, 0, 0, 128, 0], &[(0, 1), (1, 2), (3, 4)]);
    let bits = bits_of(&plan, Rules::Engine);
    assert!(has(bits[0], result::DEAD));
    assert!(has(bits[1], result::UNREACHABLE) && has(bits[2], result::UNREACHABLE));
    assert!(has(bits[4], result::READY));
    assert!(bits_of(&plan, Rules::Rails).iter().all(|bits| bits & result::DEAD_END == 0));
}

#[test]
fn a_task_with_a_circle_is_set_apart() {
    let bits = bits_of(&Plan::task(&[0, 0, 0, 128], &[(1, 2), (2, 1)]), Rules::Engine);
    assert!(bits.iter().all(|bits| bits & result::READY == 0));
    assert!(has(bits[0], result::UNREACHABLE) && !has(bits[3], result::UNREACHABLE));
}

#[test]
fn contexts() {
    let context = |plan: &Plan, rules| {
        let mut buffer = plan.build();
        buffer.resolve(rules);
        (buffer.u8s(Section::ExecutionStatus)[0], buffer.u8s(Section::HealthStatus)[0])
    };
    let of = |states: &[u8], rules| context(&Plan::task(states, &[]), rules);
    for rules in BOTH {
        assert_eq!(of(&[0, 1], rules), (status::HAS_READY, health::HEALTHY));
        assert_eq!(of(&[2, 1], rules), (status::HAS_READY, health::RECOVERING));
        assert_eq!(of(&[1, 128], rules), (status::PROCESSING, health::HEALTHY));
        assert_eq!(of(&[128, 129], rules), (status::ALL_COMPLETE, health::HEALTHY));
        let mut spent = Plan::task(&[2, 128], &[]);
        spent.nodes[0].attempts = 3;
        assert_eq!(context(&spent, rules), (status::BLOCKED, health::BLOCKED));
        let mut waiting = Plan::task(&[2, 128], &[]);
        waiting.nodes[0].failed_at = NOW;
        assert_eq!(context(&waiting, rules), (status::WAITING, health::RECOVERING));
    }
    assert_eq!(of(&[], Rules::Rails), (status::WAITING, health::HEALTHY));
    assert_eq!(of(&[], Rules::Engine), (status::ALL_COMPLETE, health::HEALTHY));
    assert_eq!(of(&[3, 128], Rules::Rails), (status::WAITING, health::HEALTHY));
    assert_eq!(of(&[3, 128], Rules::Engine), (status::BLOCKED, health::BLOCKED));
}

#[test]
fn counts_exceed_a_byte() {
    let mut buffer = Plan::task(&[0; 1000], &[]).build();
    buffer.resolve(Rules::Rails);
    assert_eq!(buffer.u32s(Section::PendingSteps), [1000]);
    assert_eq!(buffer.u32s(Section::ReadySteps), [1000]);
    assert_eq!(buffer.u32s(Section::FailedSteps), [0]);
}
