//! The recorded snapshots: bit for bit what the TypeScript kernels answer, which agree with the naive
//! oracle and with the Rails engine's SQL. Files of the processor's own byte order.
#![cfg(target_endian = "little")]

mod support;

use support::Random;
use support::entry_points::ENTRY_POINTS;
use support::vectors::{Sound, Vectors, read_vectors};
use tasker_resolver::{Parameters, Scratch, Snapshot, resolve_on_threads, resolve_range};

const FILES: [&str; 3] = ["random.bin", "golden.bin", "damaged.bin"];

fn for_each_sound(mut test: impl FnMut(&str, &Sound)) {
    for file in FILES {
        let Vectors { sound, .. } = read_vectors(file);
        assert!(!sound.is_empty());
        for (at, sound) in sound.iter().enumerate() {
            test(&format!("snapshot {at} of {file}"), sound);
        }
    }
}

fn parameters(sound: &Sound, rules: tasker_resolver::Rules) -> Parameters {
    Parameters { rules, now_micros: sound.now_micros, contexts: true, levels: true }
}

#[test]
fn sound_snapshots_are_answered_bit_for_bit() {
    for_each_sound(|name, sound| {
        for answer in &sound.answers {
            let mut words = sound.words.clone();
            let mut snapshot = Snapshot::open(&mut words).expect(name);
            assert_eq!(snapshot.check(), Ok(()), "{name}");
            let tasks = snapshot.counts().tasks;
            let (graph, mut part) = snapshot.part(0..tasks).expect(name);
            let parameters = parameters(sound, answer.rules);
            let cycles = resolve_range(&graph, &mut part, parameters, &mut Scratch::default());
            assert_eq!(cycles, answer.cycles, "{name}, {:?}", answer.rules);
            assert!(words == answer.words, "{name}, {:?}", answer.rules);
        }
    });
}

#[test]
fn threads_and_single_tasks_answer_the_same() {
    for_each_sound(|name, sound| {
        for answer in &sound.answers {
            let parameters = parameters(sound, answer.rules);
            let mut words = sound.words.clone();
            let mut snapshot = Snapshot::open(&mut words).expect(name);
            let cycles = resolve_on_threads(&mut snapshot, parameters, 3).expect(name);
            assert_eq!(cycles.as_ref(), Ok(&answer.cycles), "{name}");
            assert!(words == answer.words, "{name}");

            let mut words = sound.words.clone();
            let mut snapshot = Snapshot::open(&mut words).expect(name);
            let mut scratch = Scratch::default();
            let mut cycles = Vec::new();
            for task in 0..snapshot.counts().tasks {
                let (graph, mut part) = snapshot.part(task..task + 1).expect(name);
                cycles.extend(resolve_range(&graph, &mut part, parameters, &mut scratch));
            }
            assert_eq!(cycles, answer.cycles, "{name}");
            assert!(words == answer.words, "{name}");
        }
    });
}

#[test]
fn ill_formed_buffers_are_refused_in_the_same_words() {
    let Vectors { ill_formed, .. } = read_vectors(FILES[0]);
    assert!(!ill_formed.is_empty());
    for (at, mut buffer) in ill_formed.into_iter().enumerate() {
        let found = Snapshot::open(&mut buffer.words).and_then(|mut snapshot| snapshot.check());
        let problem = found.expect_err("a problem");
        let said = (problem.section, problem.problem.as_str());
        assert_eq!(said, (buffer.section.as_str(), buffer.problem.as_str()), "buffer {at}");
    }
}

#[test]
fn every_entry_point_takes_every_sound_snapshot() {
    let mut random = Random(1);
    for_each_sound(|_, sound| {
        for (_, enter) in ENTRY_POINTS {
            enter(&mut sound.words.clone(), &mut random);
        }
    });
}
