//! What cannot be read is refused with its place; what has no answer is refused with its reason.

use std::sync::atomic::{AtomicBool, AtomicU32};

use tasker_columns::{
    Bits, Code, Column, Edges, Input, OwnedSnapshot, Parameters, Problem, Redundancy, Rules, Steps,
    Table, Tasks, Validity,
};

const PARAMETERS: Parameters =
    Parameters { rules: Rules::Rails, now_micros: 0.0, contexts: false, levels: false };

static TASK_IDS: [i64; 2] = [1, 2];
static STEP_IDS: [i64; 3] = [10, 11, 20];
static TASKS_OF_STEPS: [i64; 3] = [1, 1, 2];
static FROM: [i64; 1] = [10];
static TO: [i64; 1] = [11];

fn sound() -> Input<'static> {
    Input {
        tasks: Tasks { task_id: (&TASK_IDS).into(), named_task_id: None, state: None },
        steps: Steps::new((&STEP_IDS).into(), (&TASKS_OF_STEPS).into()),
        edges: Edges { from_step_id: (&FROM).into(), to_step_id: (&TO).into() },
        has_foreign_steps: false,
    }
}

fn refused<'a>(change: impl FnOnce(&mut Input<'a>)) -> Problem {
    let mut input: Input<'a> = sound();
    change(&mut input);
    OwnedSnapshot::build(&input).expect_err("a problem")
}

#[track_caller]
fn expect_message<'a>(message: &str, change: impl FnOnce(&mut Input<'a>)) {
    let problem = refused(change);
    assert_eq!((problem.code, problem.message.as_str()), (Code::BadInput, message));
}

#[test]
fn a_column_of_another_length_is_refused() {
    expect_message("steps.attempts has 2 rows instead of 3.", |input| {
        input.steps.attempts = Some((&[1_i32, 2]).into());
    });
    expect_message("edges.to_step_id has 0 rows instead of 1.", |input| {
        input.edges.to_step_id = (&[0_i64; 0]).into();
    });
    expect_message("tasks.state has 3 rows instead of 2.", |input| {
        input.tasks.state = Some((&[0_u8, 0, 0]).into());
    });
    expect_message("tasks.state has 2 rows and a validity of 1.", |input| {
        let state: Column<'_> = (&[0_u8, 0]).into();
        input.tasks.state = Some(state.with_validity(Validity::Bytes(&[1])));
    });
}

#[test]
fn a_column_of_another_type_is_refused() {
    expect_message("tasks.task_id is of the type f64, not i64 or i32.", |input| {
        input.tasks.task_id = (&[1.0, 2.0]).into();
    });
    expect_message("steps.attempts is of the type f64, not i32 or i64.", |input| {
        input.steps.attempts = Some((&[0.0; 3]).into());
    });
    expect_message("steps.processed is of the type i32, not u8 or bits.", |input| {
        input.steps.processed = Some((&[0_i32; 3]).into());
    });
    expect_message("steps.state is of the type i64, not u8.", |input| {
        input.steps.state = Some((&[0_i64; 3]).into());
    });
    for column in ["transitioned_at", "last_attempted_at", "next_attempt_at"] {
        let message = format!("steps.{column} is of the type i32, not i64 or f64.");
        expect_message(&message, |input| {
            let instants: Option<Column<'_>> = Some((&[0_i32; 3]).into());
            match column {
                "transitioned_at" => input.steps.transitioned_at = instants,
                "last_attempted_at" => input.steps.last_attempted_at = instants,
                _ => input.steps.next_attempt_at = instants,
            }
        });
    }
}

#[test]
fn a_value_that_cannot_be_read_names_its_row() {
    expect_message("steps.attempts[1] is 2147483648, which does not fit into 32 bits.", |input| {
        input.steps.attempts = Some((&[0_i64, 1 << 31, 0]).into())
    });
    expect_message("steps.retryable[2] is 2, not 0 or 1.", |input| {
        input.steps.retryable = Some((&[0_u8, 1, 2]).into());
    });
    expect_message("steps.state[0] is 130, which is no state code.", |input| {
        input.steps.state = Some((&[130_u8, 0, 0]).into());
    });
    expect_message("tasks.state[1] is 255, which is no state code.", |input| {
        input.tasks.state = Some((&[0_u8, 255]).into());
    });
    expect_message("steps.last_attempted_at[2] is NaN.", |input| {
        input.steps.last_attempted_at = Some((&[0.0, f64::INFINITY, f64::NAN]).into());
    });
    expect_message(
        "steps.next_attempt_at[1] is -9007199254740993 µs, which a double does not hold exactly.",
        |input| input.steps.next_attempt_at = Some((&[i64::MIN, -(1 << 53) - 1, 0]).into()),
    );
    let problem = refused(|input| input.steps.attempts = Some((&[0, 0, i64::MIN]).into()));
    let place = problem.place.expect("a place");
    assert_eq!((place.table, place.column, place.row), (Table::Steps, "attempts", Some(2)));
    assert_eq!(
        problem.to_string(),
        "TASKER_BAD_INPUT: steps.attempts[2] is -9223372036854775808, which does not fit into 32 bits."
    );
}

#[test]
fn null_is_refused_where_a_value_must_be() {
    let nulls = || Validity::Bits(Bits::new(&[0b101], 0, 3).expect("three bits"));
    expect_message("steps.task_id[1] is null.", |input| {
        input.steps.task_id = input.steps.task_id.with_validity(nulls());
    });
    expect_message("steps.named_step_id[1] is null.", |input| {
        let named: Column<'_> = (&[1_i32, 2, 3]).into();
        input.steps.named_step_id = Some(named.with_validity(nulls()));
    });
    // in the order of the input, whatever the order of the snapshot
    expect_message("steps.named_step_id[0] is null.", |input| {
        input.steps.workflow_step_id = (&[20_i64, 11, 10]).into();
        input.steps.task_id = (&[2_i64, 1, 1]).into();
        let named: Column<'_> = (&[1_i64, 2, 3]).into();
        input.steps.named_step_id = Some(named.with_validity(Validity::Bytes(&[0, 1, 1])));
    });
}

#[test]
fn bits_lie_inside_of_their_bytes() {
    assert!(Bits::new(&[0], 5, 3).is_ok());
    for (offset, length) in [(5, 4), (9, 0), (usize::MAX, 1), (0, usize::MAX)] {
        let problem = Bits::new(&[0], offset, length).expect_err("too few bits");
        assert_eq!(problem.code, Code::BadArgument);
    }
    assert!(Bits::new(&[], 0, 0).expect("no bits").is_empty());
}

#[test]
fn no_input_is_answered_with_nothing() {
    let none: &[i64] = &[];
    let input = Input {
        tasks: Tasks { task_id: none.into(), named_task_id: None, state: None },
        steps: Steps::new(none.into(), none.into()),
        edges: Edges { from_step_id: none.into(), to_step_id: none.into() },
        has_foreign_steps: false,
    };
    let mut snapshot = OwnedSnapshot::build(&input).expect("a snapshot");
    assert!(snapshot.answer().is_none());
    let answer = snapshot.resolve(PARAMETERS, 1, &AtomicU32::new(0)).expect("an answer");
    assert!(answer.readiness().is_empty() && answer.cycles().is_empty());
    assert!(answer.contexts().is_none() && answer.levels().is_none(), "not asked for");
}

#[test]
fn a_clock_that_is_nan_is_refused_and_leaves_no_answer() {
    let mut snapshot = OwnedSnapshot::build(&sound()).expect("a snapshot");
    snapshot.resolve(PARAMETERS, 1, &AtomicU32::new(0)).expect("an answer");
    let parameters = Parameters { now_micros: f64::NAN, ..PARAMETERS };
    let problem = snapshot.resolve(parameters, 1, &AtomicU32::new(0)).expect_err("a problem");
    assert_eq!(problem.code, Code::BadArgument);
    assert!(snapshot.answer().is_none());
}

#[test]
fn whoever_cancels_gets_no_answer() {
    let steps = 70_000;
    let ids: Vec<i64> = (0..steps).collect();
    let tasks: Vec<i64> = (0..steps / 10).collect();
    let owners: Vec<i64> = (0..steps).map(|step| step / 10).collect();
    let input = Input {
        tasks: Tasks { task_id: (&tasks).into(), named_task_id: None, state: None },
        steps: Steps::new((&ids).into(), (&owners).into()),
        ..sound()
    };
    let mut snapshot = OwnedSnapshot::build(&input).expect("a snapshot");
    let problem = snapshot.resolve(PARAMETERS, 2, &AtomicU32::new(1)).expect_err("cancelled");
    assert_eq!(problem.code, Code::Cancelled);
    assert!(snapshot.answer().is_none());
    let answer = snapshot.resolve(PARAMETERS, 2, &AtomicU32::new(0)).expect("an answer");
    assert_eq!(answer.readiness().ready_step_ids().len(), ids.len() - 1);
}

#[test]
fn steps_of_other_tasks_are_parents_where_that_is_said() {
    let mut input = sound();
    input.steps.task_id = (&[1_i64, 3, 2]).into();
    let states: &[u8] = &[128, 0, 0];
    input.steps.state = Some(states.into());
    let edges = ([11_i64, 10, 10, 77], [20_i64, 20, 11, 99]);
    input.edges = Edges { from_step_id: (&edges.0).into(), to_step_id: (&edges.1).into() };
    let reported = OwnedSnapshot::build(&input).expect("a snapshot");
    let codes: Vec<Code> = reported.problems().iter().map(|problem| problem.code).collect();
    assert_eq!(codes, [Code::UnknownTask, Code::DanglingEdge]);
    input.has_foreign_steps = true;
    let mut silent = OwnedSnapshot::build(&input).expect("a snapshot");
    assert_eq!(silent.problems(), []);
    assert_eq!(silent.words(), reported.words());
    let answer = silent.resolve(PARAMETERS, 1, &AtomicU32::new(0)).expect("an answer");
    let rows: Vec<(i64, i32, i32)> = (0..answer.readiness().len())
        .map(|row| answer.readiness().row(row))
        .map(|row| (row.workflow_step_id, row.total_parents, row.completed_parents))
        .collect();
    assert_eq!(rows, [(10, 0, 0), (20, 2, 1)]);
}

#[test]
fn questions_about_what_is_not_there_are_refused() {
    let snapshot = OwnedSnapshot::build(&sound()).expect("a snapshot");
    let on = AtomicBool::new(false);
    let code = |result: Result<_, Problem>| result.map(|_: Vec<i64>| ()).map_err(|it| it.code);
    assert_eq!(snapshot.critical_path(3, None).expect_err("none").code, Code::UnknownTask);
    for durations in [&[1.0][..], &[1.0, f64::NAN], &[1.0, -1.0], &[f64::INFINITY, 0.0]] {
        let problem = snapshot.critical_path(1, Some(durations)).expect_err("no durations");
        assert_eq!(problem.code, Code::BadArgument);
    }
    assert_eq!(code(snapshot.blast_radius(&[12], &on)), Err(Code::BadArgument));
    assert_eq!(code(snapshot.blast_radius(&[10], &AtomicBool::new(true))), Err(Code::Cancelled));
    assert_eq!(snapshot.blast_radius(&[10], &on), Ok(vec![11]));
}

#[test]
fn a_shape_has_ids() {
    let mut input = sound();
    input.steps.task_id = (&[1_i64, 1, 1]).into();
    let edges = ([10_i64, 11, 10], [11_i64, 20, 20]);
    input.edges = Edges { from_step_id: (&edges.0).into(), to_step_id: (&edges.1).into() };
    let snapshot = OwnedSnapshot::build(&input).expect("a snapshot");
    let on = AtomicBool::new(false);
    let shape = snapshot.shape(1, Some(&[2.0, 3.0, 0.5]), &on).expect("sound").expect("no cycle");
    assert_eq!((shape.step_ids, shape.start), (vec![10, 11, 20], vec![0.0, 2.0, 5.0]));
    assert_eq!((shape.total_slack, shape.free_slack), (vec![0.0; 3], vec![0.0; 3]));
    assert_eq!(shape.critical_path.seconds, 5.5);
    assert_eq!(shape.critical_path.step_ids, [10, 11, 20]);
    assert_eq!(shape.level_widths, [1, 1, 1]);
    let [edge] = shape.redundant_edges[..] else { panic!("one edge can go") };
    assert_eq!((edge.from_step_id, edge.to_step_id), (10, 20));
    assert_eq!(edge.reason, Redundancy::Implied);
    let cyclic = ([10_i64, 11], [11_i64, 10]);
    input.edges = Edges { from_step_id: (&cyclic.0).into(), to_step_id: (&cyclic.1).into() };
    let snapshot = OwnedSnapshot::build(&input).expect("a snapshot");
    assert_eq!(snapshot.shape(1, None, &on), Ok(None));
    assert_eq!(snapshot.critical_path(1, None), Ok(None));
}
