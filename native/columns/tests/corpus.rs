//! The recorded columns: the snapshot bit for bit as the TypeScript builder makes it of the same rows,
//! every answer as the oracle and the Rails engine's SQL give it.
#![cfg(target_endian = "little")]

mod support;
#[allow(dead_code)] // the buffers that are none stay with the resolver
#[path = "../../resolver/tests/support/vectors.rs"]
mod vectors;

use std::sync::atomic::{AtomicBool, AtomicU32};

use support::forms::{CaseMemory, FORMS, Form};
use support::{Case, Expected, Lines, read_cases};
use tasker_columns::{
    Answer, ContextRow, EXECUTION_STATUSES, HEALTH_STATUSES, OwnedSnapshot, ReadinessRow,
    percentage_text,
};
use tasker_resolver::{Section, Sections};

const FILES: [&str; 3] = ["random", "golden", "damaged"];

fn for_each_case(mut test: impl FnMut(&str, usize, &Case)) {
    for file in FILES {
        for (at, case) in read_cases(&format!("{file}.txt")).iter().enumerate() {
            test(file, at, case);
        }
    }
}

fn built(case: &Case, form: Form) -> OwnedSnapshot {
    OwnedSnapshot::build(&CaseMemory::new(case, form).input()).expect("readable columns")
}

/// Bytes of a section.
fn bytes_of(words: &[u64], section: Section) -> Vec<u8> {
    let sections = Sections::open(words).expect("a header");
    match section.element_bytes() {
        1 => sections.read::<u8>(section).to_vec(),
        4 => sections.read::<u32>(section).iter().flat_map(|word| word.to_le_bytes()).collect(),
        _ => sections.read::<i64>(section).iter().flat_map(|word| word.to_le_bytes()).collect(),
    }
}

#[test]
fn snapshots_are_the_same_bytes_as_in_typescript() {
    let first_output = Section::Bits as usize;
    for file in FILES {
        let recorded = vectors::read_vectors(&format!("{file}.bin")).sound;
        let cases = read_cases(&format!("{file}.txt"));
        assert_eq!(recorded.len(), cases.len());
        for (at, (case, sound)) in cases.iter().zip(&recorded).enumerate() {
            assert_eq!(case.now_micros, sound.now_micros);
            let same = |words: &[u64], expected: &[u64], sections: &[Section], form: Form| {
                for &section in sections {
                    let (own, other) = (bytes_of(words, section), bytes_of(expected, section));
                    assert_eq!(own, other, "{} of case {at} of {file}, {form:?}", section.name());
                }
            };
            for form in FORMS {
                let mut snapshot = built(case, form);
                assert_eq!(snapshot.words().len(), sound.words.len());
                same(snapshot.words(), &sound.words, &Section::ALL[..first_output], form);
                for (expected, answer) in case.answers.iter().zip(&sound.answers) {
                    let parameters = expected.parameters(case.now_micros);
                    snapshot.resolve(parameters, 1, &AtomicU32::new(0)).expect("an answer");
                    same(snapshot.words(), &answer.words, &Section::ALL[first_output..], form);
                }
            }
        }
    }
}

fn some<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(|| "null".to_owned(), |value| value.to_string())
}

fn instant(micros: Option<f64>) -> String {
    some(micros)
}

fn flag(value: bool) -> String {
    u8::from(value).to_string()
}

fn compare(name: &str, lines: &Lines, rows: usize, value: impl Fn(usize, &str) -> String) {
    let table = name.split(' ').next().expect("a table");
    let mut columns = 0;
    for (column, expected) in lines {
        let Some(column) = column.strip_prefix(table).and_then(|rest| rest.strip_prefix('.'))
        else {
            continue;
        };
        columns += 1;
        assert_eq!(rows, expected.len(), "{name}.{column}");
        for (row, expected) in expected.iter().enumerate() {
            assert_eq!(&value(row, column), expected, "{name}.{column}[{row}]");
        }
    }
    assert!(columns > 0, "{name}");
}

fn readiness_word(row: &ReadinessRow, column: &str) -> String {
    match column {
        "workflow_step_id" => row.workflow_step_id.to_string(),
        "task_id" => row.task_id.to_string(),
        "named_step_id" => row.named_step_id.to_string(),
        "current_state" => row.current_state.to_string(),
        "dependencies_satisfied" => flag(row.dependencies_satisfied),
        "retry_eligible" => flag(row.retry_eligible),
        "ready_for_execution" => flag(row.ready_for_execution),
        "last_failure_at" => instant(row.last_failure_at),
        "next_retry_at" => instant(row.next_retry_at),
        "total_parents" => row.total_parents.to_string(),
        "completed_parents" => row.completed_parents.to_string(),
        "attempts" => row.attempts.to_string(),
        "retry_limit" => row.retry_limit.to_string(),
        "backoff_request_seconds" => some(row.backoff_request_seconds),
        "last_attempted_at" => instant(row.last_attempted_at),
        other => panic!("unknown column {other}"),
    }
}

fn context_word(row: &ContextRow, column: &str) -> String {
    let (status, action) = EXECUTION_STATUSES[usize::from(row.execution_status)];
    match column {
        "task_id" => row.task_id.to_string(),
        "named_task_id" => row.named_task_id.to_string(),
        "status" => row.status.to_string(),
        "total_steps" => row.total_steps.to_string(),
        "pending_steps" => row.pending_steps.to_string(),
        "in_progress_steps" => row.in_progress_steps.to_string(),
        "completed_steps" => row.completed_steps.to_string(),
        "failed_steps" => row.failed_steps.to_string(),
        "ready_steps" => row.ready_steps.to_string(),
        "execution_status" => status.to_owned(),
        "recommended_action" => action.to_owned(),
        "completion_percentage" => percentage_text(row.completion_percentage, row.total_steps),
        "health_status" => HEALTH_STATUSES[usize::from(row.health_status)].to_owned(),
        other => panic!("unknown column {other}"),
    }
}

fn compare_answer(name: &str, answer: &Answer<'_>, expected: &Expected) {
    let readiness = answer.readiness();
    compare(&format!("readiness of {name}"), &expected.lines, readiness.len(), |row, column| {
        readiness_word(&readiness.row(row), column)
    });
    let contexts = answer.contexts().expect("asked for");
    compare(&format!("contexts of {name}"), &expected.lines, contexts.len(), |row, column| {
        context_word(&contexts.row(row), column)
    });
    let levels = answer.levels().expect("asked for");
    let (mut ids, mut level) = (vec![0; levels.len()], vec![0; levels.len()]);
    levels.workflow_step_id(&mut ids);
    levels.dependency_level(&mut level);
    let mut rows: Vec<_> = ids.into_iter().zip(level).collect();
    rows.sort_unstable(); // recorded by id
    compare(
        &format!("levels of {name}"),
        &expected.lines,
        rows.len(),
        |row, column| match column {
            "workflow_step_id" => rows[row].0.to_string(),
            _ => rows[row].1.to_string(),
        },
    );
    let cycles = answer.cycles().into_iter();
    let cycles: Vec<Vec<i64>> =
        cycles.map(|cycle| [&[cycle.task_id], cycle.step_ids.as_slice()].concat()).collect();
    assert_eq!(cycles, expected.cycles, "{name}");
    let ready = (0..readiness.len()).map(|row| readiness.row(row));
    let ready: Vec<i64> =
        ready.filter(|row| row.ready_for_execution).map(|row| row.workflow_step_id).collect();
    assert_eq!(readiness.ready_step_ids(), ready, "{name}");
}

#[test]
fn every_answer_is_the_recorded_one() {
    for_each_case(|file, at, case| {
        for form in FORMS {
            let mut snapshot = built(case, form);
            for expected in &case.answers {
                let name = format!("case {at} of {file}, {form:?}, {:?}", expected.rules);
                let parameters = expected.parameters(case.now_micros);
                let answer = snapshot.resolve(parameters, 1, &AtomicU32::new(0)).expect(&name);
                compare_answer(&name, &answer, expected);
            }
        }
    });
}

#[test]
fn columns_hold_what_rows_do() {
    for_each_case(|_, _, case| {
        let mut snapshot = built(case, Form::Bits);
        for expected in &case.answers {
            let parameters = expected.parameters(case.now_micros);
            snapshot.resolve(parameters, 1, &AtomicU32::new(0)).expect("an answer");
            let answer = snapshot.answer().expect("the latest one");
            readiness_columns(&answer);
            context_columns(&answer);
            level_columns(&answer);
        }
    });
}

/// A column in memory of its own.
fn filled<T: Default + Clone>(rows: usize, fill: impl FnOnce(&mut [T])) -> Vec<T> {
    let mut out = vec![T::default(); rows];
    fill(&mut out);
    out
}

fn readiness_columns(answer: &Answer<'_>) {
    let readiness = answer.readiness();
    let rows = readiness.len();
    let ids = filled(rows, |out| readiness.workflow_step_id(out));
    let tasks = filled(rows, |out| readiness.task_id(out));
    let named = filled(rows, |out| readiness.named_step_id(out));
    let states = filled(rows, |out| readiness.current_state(out));
    let satisfied = filled(rows, |out| readiness.dependencies_satisfied(out));
    let eligible = filled(rows, |out| readiness.retry_eligible(out));
    let ready = filled(rows, |out| readiness.ready_for_execution(out));
    let failed_at = filled(rows, |out| readiness.last_failure_at(out));
    let next = filled(rows, |out| readiness.next_retry_at(out));
    let total = filled(rows, |out| readiness.total_parents(out));
    let completed = filled(rows, |out| readiness.completed_parents(out));
    let attempts = filled(rows, |out| readiness.attempts(out));
    let limits = filled(rows, |out| readiness.retry_limit(out));
    let waits = filled(rows, |out| readiness.backoff_request_seconds(out));
    let is_valid = filled(rows, |out| readiness.has_backoff_request(out));
    let last = filled(rows, |out| readiness.last_attempted_at(out));
    let some = |micros: f64| (!micros.is_nan()).then_some(micros);
    for row in 0..rows {
        let columns = ReadinessRow {
            workflow_step_id: ids[row],
            task_id: tasks[row],
            named_step_id: named[row],
            current_state: states[row],
            dependencies_satisfied: satisfied[row] == 1,
            retry_eligible: eligible[row] == 1,
            ready_for_execution: ready[row] == 1,
            last_failure_at: some(failed_at[row]),
            next_retry_at: some(next[row]),
            total_parents: total[row],
            completed_parents: completed[row],
            attempts: attempts[row],
            retry_limit: limits[row],
            backoff_request_seconds: (is_valid[row] == 1).then_some(waits[row]),
            last_attempted_at: some(last[row]),
        };
        assert_eq!(columns, readiness.row(row));
    }
}

fn context_columns(answer: &Answer<'_>) {
    let contexts = answer.contexts().expect("asked for");
    let rows = contexts.len();
    let ids = filled(rows, |out| contexts.task_id(out));
    let named = filled(rows, |out| contexts.named_task_id(out));
    let status = filled(rows, |out| contexts.status(out));
    let total = filled(rows, |out| contexts.total_steps(out));
    let pending = filled(rows, |out| contexts.pending_steps(out));
    let running = filled(rows, |out| contexts.in_progress_steps(out));
    let completed = filled(rows, |out| contexts.completed_steps(out));
    let failed = filled(rows, |out| contexts.failed_steps(out));
    let ready = filled(rows, |out| contexts.ready_steps(out));
    let execution = filled(rows, |out| contexts.execution_status(out));
    let percentage = filled(rows, |out| contexts.completion_percentage(out));
    let health = filled(rows, |out| contexts.health_status(out));
    for row in 0..rows {
        let columns = ContextRow {
            task_id: ids[row],
            named_task_id: named[row],
            status: status[row],
            total_steps: total[row],
            pending_steps: pending[row],
            in_progress_steps: running[row],
            completed_steps: completed[row],
            failed_steps: failed[row],
            ready_steps: ready[row],
            execution_status: execution[row],
            completion_percentage: percentage[row],
            health_status: health[row],
        };
        assert_eq!(columns, contexts.row(row));
    }
}

fn level_columns(answer: &Answer<'_>) {
    let levels = answer.levels().expect("asked for");
    let rows = levels.len();
    let tasks = filled(rows, |out| levels.task_id(out));
    let level = filled(rows, |out| levels.dependency_level(out));
    let ids = filled(rows, |out| levels.workflow_step_id(out));
    let keys: Vec<_> = (0..rows).map(|row| (tasks[row], level[row], ids[row])).collect();
    assert!(keys.is_sorted(), "task by task, by level, then id");
}

#[test]
fn rows_that_contradict_each_other_are_reported_in_the_same_words() {
    let mut reported = 0;
    for_each_case(|file, at, case| {
        let snapshot = built(case, Form::Bytes);
        let mut found: Vec<(String, String)> = snapshot
            .problems()
            .iter()
            .map(|problem| {
                let (task, refused) = (some(problem.task_id), u8::from(problem.refused));
                let (code, table, id) = (problem.code.name(), problem.table, problem.id);
                let line = format!("{code} {table} {id} {task} {refused} {}", problem.message);
                (problem.message.clone(), line)
            })
            .collect();
        found.sort();
        let lines: Vec<String> = found.into_iter().map(|(_, line)| line).collect();
        let mut expected = case.problems.clone();
        expected.sort_by_key(|line| line.splitn(6, ' ').nth(5).map(str::to_owned));
        assert_eq!(lines, expected, "case {at} of {file}");
        reported += lines.len();
    });
    assert!(reported > 0);
}

#[test]
fn longest_chains_are_the_recorded_ones() {
    for_each_case(|file, at, case| {
        let snapshot = built(case, Form::Bytes);
        for words in &case.paths {
            let name = format!("task {} of case {at} of {file}", words[0]);
            let task = words[0].parse().expect("an id");
            let path = snapshot.critical_path(task, None).expect(&name).expect("no cycle");
            assert_eq!(path.seconds.to_string(), words[1], "{name}");
            let ids: Vec<String> = path.step_ids.iter().map(i64::to_string).collect();
            assert_eq!(ids, words[2..], "{name}");
            let shape = snapshot.shape(task, None, &AtomicBool::new(false)).expect(&name);
            let shape = shape.expect("no cycle");
            assert_eq!(shape.critical_path, path, "{name}");
            let critical = shape.step_ids.iter().zip(&shape.total_slack);
            let on_path = critical.filter(|(id, _)| path.step_ids.contains(id));
            assert!(on_path.clone().count() == path.step_ids.len());
            assert!(on_path.into_iter().all(|(_, &slack)| slack == 0.0), "{name}");
        }
    });
}

#[test]
fn rows_lead_back_to_the_input() {
    for_each_case(|_, _, case| {
        let mut snapshot = built(case, Form::Bytes);
        let parameters = case.answers[0].parameters(case.now_micros);
        snapshot.resolve(parameters, 1, &AtomicU32::new(0)).expect("an answer");
        let answer = snapshot.answer().expect("the latest one");
        let readiness = answer.readiness();
        let ids = &case.input["steps.workflow_step_id"];
        for row in 0..readiness.len() {
            let source = snapshot.step_row(readiness.step(row));
            assert_eq!(ids[source], readiness.row(row).workflow_step_id.to_string());
        }
        let contexts = answer.contexts().expect("asked for");
        let ids = &case.input["tasks.task_id"];
        for row in 0..contexts.len() {
            let source = snapshot.task_row(contexts.task(row));
            assert_eq!(ids[source], contexts.row(row).task_id.to_string());
        }
    });
}
