//! Ready ids by template against the readiness kernels over the same rows, and the parts of it
//! against definitions written step by step.

mod support;

use support::{NOW, Node, Plan, Random, random_plan};
use tasker_resolver::codes::{flag, result, state, task_flag};
use tasker_resolver::planes::own;
use tasker_resolver::planes_groups::{group_by_graph, ungrouped};
use tasker_resolver::planes_index::{first_ids, read_marked_anywhere};
use tasker_resolver::planes_waits::WaitColumn;
use tasker_resolver::rules::failure_wait_micros;
use tasker_resolver::{Parameters, ReadyPlanes, Rules, Scratch, Section, resolve_range, vectors};

const BOTH: [Rules; 2] = [Rules::Rails, Rules::Engine];

/// Few graphs in many tasks: those of a random plan, each drawn many times, with nodes of their own;
/// a few edges between tasks and against the order.
fn repeated_plan(random: &mut Random) -> Plan {
    let few = random_plan(random, 3, 5);
    let graphs: Vec<(usize, Vec<(u32, u32)>)> = few
        .tasks()
        .into_iter()
        .map(|steps| {
            let inside = |node: u32| steps.contains(&(node as usize));
            let local = few.edges.iter().filter(|edge| inside(edge.0) && inside(edge.1));
            let first = steps.start as u32;
            (steps.len(), local.map(|edge| (edge.0 - first, edge.1 - first)).collect())
        })
        .collect();
    let mut plan = Plan::default();
    let mut steps = 0;
    for _ in 0..random.pick(&[5, 70, 130]) {
        let (size, edges) = &graphs[random.below(graphs.len())];
        plan.sizes.push(*size);
        plan.edges.extend(edges.iter().map(|edge| (edge.0 + steps, edge.1 + steps)));
        steps += *size as u32;
    }
    let ghosts = few.nodes.len() - few.steps();
    let nodes = steps as usize + ghosts;
    plan.nodes = (0..nodes).map(|_| few.nodes[random.below(few.nodes.len().max(1))]).collect();
    for _ in 0..if steps == 0 { 0 } else { random.below(3) } {
        plan.edges.push((random.below(nodes) as u32, random.below(steps as usize) as u32));
    }
    plan
}

/// Ids with a gap at every hundredth step and, in every third plan, at each.
fn ids_of(steps: usize) -> Vec<i64> {
    let apart = if steps.is_multiple_of(3) { 3_000_000_007 } else { 1 };
    (0..steps as i64).map(|step| i64::MIN + step * apart + step / 100).collect()
}

/// What the kernels say at a clock: numbers of the ready steps.
fn by_kernels(plan: &Plan, refused: &[usize], rules: Rules, now: f64) -> Vec<usize> {
    let mut buffer = plan.build();
    let mut snapshot = buffer.open().expect("a snapshot");
    let (graph, mut part) = snapshot.part(0..plan.sizes.len()).expect("all tasks");
    let parameters = Parameters { rules, now_micros: now, contexts: false, levels: false };
    resolve_range(&graph, &mut part, parameters, &mut Scratch::default());
    let answered = |task: usize| {
        let cyclic = part.task_flags[task] & task_flag::CYCLIC != 0 && rules == Rules::Engine;
        !refused.contains(&task) && !cyclic
    };
    let tasks = plan.tasks().into_iter().enumerate().filter(|(task, _)| answered(*task));
    let ready = |step: &usize| part.bits[*step] & result::READY != 0;
    tasks.flat_map(|(_, steps)| steps).filter(ready).collect()
}

/// A row as the index is told of it.
fn row_of(node: &Node, rules: Rules) -> (u8, f64) {
    let limit = if rules == Rules::Engine && node.limit == 0 { 1 } else { node.limit };
    let fresh = rules == Rules::Engine && node.state == state::PENDING;
    let may_run = (node.state == state::PENDING || node.state == state::ERROR)
        && node.flags & (flag::PROCESSED | flag::IN_PROCESS) == 0
        && (fresh || node.flags & flag::NOT_RETRYABLE == 0)
        && node.attempts < limit;
    let done = u8::from(node.state >= state::COMPLETE) * own::DONE;
    let code = (u8::from(may_run) * own::CANDIDATE) | done;
    if rules == Rules::Engine && !node.next_attempt_at.is_nan() {
        return (code, node.next_attempt_at);
    }
    let null = node.flags & flag::ATTEMPTS_NULL != 0;
    let mut end = f64::NEG_INFINITY.max(node.failed_at + failure_wait_micros(node.attempts, null));
    if node.flags & flag::BACKOFF_NULL == 0 {
        end = end.max(node.last_attempted_at + f64::from(node.backoff_seconds) * 1e6);
    }
    (code, end)
}

#[test]
fn groups_and_single_tasks_give_the_steps_of_the_kernels_through_clocks_and_changes() {
    let mut grouped = 0;
    for seed in 0..300 {
        let mut random = Random(seed);
        let mut plan = repeated_plan(&mut random);
        let tasks = plan.sizes.len();
        let refused: Vec<usize> = (0..random.below(3)).map(|_| random.below(tasks)).collect();
        let ids = ids_of(plan.steps());
        for rules in BOTH {
            let mut buffer = plan.build();
            let mut flags = buffer.u8s(Section::TaskFlags);
            for &task in &refused {
                flags[task] |= task_flag::REFUSED;
            }
            let snapshot = buffer.open().expect("a snapshot");
            let graph = snapshot.graph();
            let mut index =
                ReadyPlanes::new(&graph, &flags, &ids, rules, random.pick(&[1, 32, 64]));
            grouped += index.planes().len();
            for turn in 0..12 {
                let now = NOW + random.pick(&[0.0, 1.0, -1.0, 5e6, -5e6, 4e7, -4e7, f64::INFINITY]);
                let expected = by_kernels(&plan, &refused, rules, now);
                assert_eq!(index.count(&graph, now), expected.len(), "seed {seed}, turn {turn}");
                let mut found = vec![0; expected.len()];
                index.read_ids(&ids, &mut found);
                let expected: Vec<i64> = expected.iter().map(|&step| ids[step]).collect();
                assert_eq!(found, expected, "seed {seed}, turn {turn}, {rules:?}");
                for _ in 0..if plan.nodes.is_empty() { 0 } else { random.below(6) } {
                    let node = random.below(plan.nodes.len());
                    plan.nodes[node] = plan.nodes[random.below(plan.nodes.len())];
                    let (code, end) = row_of(&plan.nodes[node], rules);
                    index.set_step(&graph, node, code, end);
                }
            }
        }
    }
    assert!(grouped > 300, "{grouped} groups are too few to tell");
}

#[test]
fn tasks_are_alike_where_every_edge_is() {
    for seed in 0..200 {
        let plan = repeated_plan(&mut Random(seed));
        let mut buffer = plan.build();
        let flags = buffer.u8s(Section::TaskFlags);
        let snapshot = buffer.open().expect("a snapshot");
        let found = group_by_graph(&snapshot.graph(), &flags, Rules::Rails, 1);
        let shapes: Vec<Option<Vec<Vec<usize>>>> = plan
            .tasks()
            .into_iter()
            .map(|steps| {
                let own = steps.clone().map(|step| plan.parents_of(step));
                let ordered = |step: usize, parents: &[usize]| {
                    parents.iter().all(|parent| *parent >= steps.start && *parent < step)
                };
                let mut all = Vec::new();
                for (step, parents) in steps.clone().zip(own) {
                    if !ordered(step, &parents) {
                        return None;
                    }
                    all.push(parents.iter().map(|parent| parent - steps.start).collect());
                }
                (!all.is_empty()).then_some(all)
            })
            .collect();
        for (one, group) in found.group_of_task.iter().enumerate() {
            assert_eq!(*group >= 0, shapes[one].is_some(), "seed {seed}, task {one}");
            for (other, others) in found.group_of_task.iter().enumerate().skip(one + 1) {
                let alike = shapes[one].is_some() && shapes[one] == shapes[other];
                assert_eq!(*group >= 0 && group == others, alike, "seed {seed}, {one}, {other}");
            }
        }
        for (number, group) in found.groups.iter().enumerate() {
            for &task in &group.tasks {
                let shape = shapes[task as usize].as_ref().expect("a grouped task has a graph");
                assert_eq!(found.group_of_task[task as usize], number as i32);
                for (step, parents) in shape.iter().enumerate() {
                    let own = group.template.parents_of(step).iter().map(|&parent| parent as usize);
                    assert!(own.eq(parents.iter().copied()), "seed {seed}, task {task}");
                }
            }
        }
    }
}

#[test]
fn a_cyclic_task_is_set_apart_under_engine_rules_alone() {
    let mut plan = Plan::task(&[0, 0], &[(0, 1), (1, 0)]);
    plan.sizes.push(1);
    plan.nodes.push(Node::of(state::PENDING));
    let mut buffer = plan.build();
    let snapshot = buffer.open().expect("a snapshot");
    let groups = |rules| group_by_graph(&snapshot.graph(), &[0, 0], rules, 2).group_of_task;
    assert_eq!(groups(Rules::Rails), [ungrouped::UNORDERED, ungrouped::FEW_ALIKE]);
    assert_eq!(groups(Rules::Engine), [ungrouped::CYCLIC, ungrouped::FEW_ALIKE]);
}

#[test]
fn marked_ids_are_read_in_every_way() {
    for seed in 0..500 {
        let mut random = Random(seed);
        let ids = ids_of(random.below(400));
        let dense = random.pick(&[2, 10, 40]);
        let marked: Vec<usize> = (0..ids.len()).filter(|_| random.below(dense) == 0).collect();
        let mut marks = vec![0_u64; ids.len().div_ceil(64)];
        for &step in &marked {
            marks[step / 64] |= 1 << (step % 64);
        }
        let expected: Vec<i64> = marked.iter().map(|&step| ids[step]).collect();
        let mut found = vec![0; expected.len()];
        read_marked_anywhere(&marks, &first_ids(&ids), &ids, &mut found);
        assert_eq!(found, expected, "seed {seed}");
        found.fill(0);
        vectors::read_marked(&marks, &first_ids(&ids), &ids, &mut found);
        assert_eq!(found, expected, "seed {seed}");
        let mut less = vec![0; expected.len() / 2];
        vectors::read_marked(&marks, &first_ids(&ids), &ids, &mut less);
        assert_eq!(less, expected[..expected.len() / 2], "seed {seed}");
    }
}

#[test]
fn a_column_of_waits_says_what_its_ends_say() {
    for seed in 0..300 {
        let mut random = Random(seed);
        let ends = [f64::NEG_INFINITY, f64::NEG_INFINITY, 1.0, 2.0, 3.0, 50.0, f64::INFINITY];
        let mut own = vec![f64::NEG_INFINITY; 130];
        let candidate = [!0, random.next(), 0b11];
        let mut open = candidate;
        let mut clock = f64::NAN;
        let mut column = WaitColumn::new(3, clock);
        for _ in 0..60 {
            if random.below(3) == 0 || clock.is_nan() {
                clock = random.pick(&[0.0, 1.0, 1.5, 2.0, 3.0, 49.0, 50.0, 51.0]);
                column.advance(clock, &candidate, &mut open);
            } else {
                let task = random.below(own.len());
                own[task] = random.pick(&ends);
                let waits = column.set(task, own[task], clock);
                assert_eq!(waits, own[task] > clock);
                let bit = 1 << (task % 64);
                open[task / 64] = if waits {
                    open[task / 64] & !bit
                } else {
                    open[task / 64] | (bit & candidate[task / 64])
                };
            }
            for (task, end) in own.iter().enumerate() {
                let expected = (candidate[task / 64] >> (task % 64)) & 1 == 1 && *end <= clock;
                assert_eq!(
                    (open[task / 64] >> (task % 64)) & 1 == 1,
                    expected,
                    "seed {seed}, task {task}"
                );
            }
        }
    }
}

#[test]
fn both_forms_of_the_planes_agree() {
    for seed in 0..100 {
        let plan = repeated_plan(&mut Random(seed));
        let mut buffer = plan.build();
        let flags = buffer.u8s(Section::TaskFlags);
        let snapshot = buffer.open().expect("a snapshot");
        let index =
            ReadyPlanes::new(&snapshot.graph(), &flags, &ids_of(plan.steps()), Rules::Engine, 2);
        for planes in index.planes() {
            let mut one = planes.clone();
            let mut other = planes.clone();
            let mut marks = vec![0; plan.steps().div_ceil(64)];
            let mut others = marks.clone();
            one.advance(NOW);
            other.advance(NOW);
            let count = one.refresh_anywhere(&mut marks);
            assert_eq!(count, vectors::refresh_planes(&mut other, &mut others));
            assert_eq!(marks, others);
            assert_eq!(count, marks.iter().map(|mark| i64::from(mark.count_ones())).sum());
        }
    }
}

#[test]
fn levels_of_tasks_that_share_a_graph_are_those_of_each_task_alone() {
    for seed in 0..200 {
        let plan = repeated_plan(&mut Random(seed));
        let parameters =
            Parameters { rules: Rules::Rails, now_micros: NOW, contexts: false, levels: true };
        let mut together = plan.build();
        together.resolve(Rules::Rails);
        let mut alone = plan.build();
        let mut snapshot = alone.open().expect("a snapshot");
        for task in 0..plan.sizes.len() {
            let (graph, mut part) = snapshot.part(task..task + 1).expect("a task");
            resolve_range(&graph, &mut part, parameters, &mut Scratch::default());
        }
        assert_eq!(together.i32s(Section::Level), alone.i32s(Section::Level), "seed {seed}");
    }
}
