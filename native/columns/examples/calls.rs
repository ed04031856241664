//! The program in Rust of the scenario `bindings`, which the other languages are held against; see
//! `bench/bindings/README.md`.

use std::io::{self, BufRead, Write};
use std::sync::atomic::AtomicU32;
use std::time::Instant;

use tasker_columns::{Edges, Input, OwnedSnapshot, Parameters, Rules, Steps, Tasks, states};

const STEPS_OF_A_TASK: usize = 10;
const PARAMETERS: Parameters =
    Parameters { rules: Rules::Rails, now_micros: 1.8e15, contexts: false, levels: false };

fn resolve(snapshot: &mut OwnedSnapshot, ready: Option<&mut [u8]>) {
    let answer = snapshot.resolve(PARAMETERS, 1, &AtomicU32::new(0)).expect("an answer");
    if let Some(ready) = ready {
        answer.readiness().ready_for_execution(ready);
    }
}

fn main() {
    let tasks: usize = std::env::args().nth(1).and_then(|text| text.parse().ok()).expect("TASKS");
    let steps = tasks * STEPS_OF_A_TASK;
    let task_ids: Vec<i64> = (0..tasks as i64).collect();
    let ids: Vec<i64> = (0..steps as i64).collect();
    let owners: Vec<i64> = (0..steps).map(|step| (step / STEPS_OF_A_TASK) as i64).collect();
    let state = |step: usize| match step % STEPS_OF_A_TASK < step / STEPS_OF_A_TASK % 11 {
        true => states::COMPLETE,
        false => states::PENDING,
    };
    let states: Vec<u8> = (0..steps).map(state).collect();
    let attempts: Vec<i32> = (0..steps).map(|step| (step % 3) as i32).collect();
    let (mut from, mut to) = (Vec::new(), Vec::new());
    for step in 0..steps {
        for back in 1..=2.min(step % STEPS_OF_A_TASK) {
            from.push((step - back) as i64);
            to.push(step as i64);
        }
    }
    let input = Input {
        tasks: Tasks { task_id: (&task_ids).into(), named_task_id: None, state: None },
        steps: Steps {
            state: Some((&states).into()),
            attempts: Some((&attempts).into()),
            ..Steps::new((&ids).into(), (&owners).into())
        },
        edges: Edges { from_step_id: (&from).into(), to_step_id: (&to).into() },
        has_foreign_steps: false,
    };
    let mut snapshot = OwnedSnapshot::build(&input).expect("columns");
    let mut ready = vec![0; steps];
    for line in io::stdin().lock().lines() {
        let line = line.expect("a line");
        let (what, times) = line.split_once(' ').expect("a question and a number");
        let times: u64 = times.parse().expect("a number");
        let start = Instant::now();
        match what {
            "build" => (0..times).for_each(|_| drop(OwnedSnapshot::build(&input))),
            "resolve" => (0..times).for_each(|_| resolve(&mut snapshot, None)),
            "call" => (0..times).for_each(|_| resolve(&mut snapshot, Some(&mut ready))),
            _ => {
                println!("{}", ready.iter().map(|&one| u64::from(one)).sum::<u64>());
                continue;
            }
        }
        println!("{}", start.elapsed().as_nanos());
        io::stdout().flush().expect("somebody who listens");
    }
}
