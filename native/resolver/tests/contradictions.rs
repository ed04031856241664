//! Alone in its file, because it silences the messages of the panics it provokes.

mod support;

use support::{Random, parameters, random_plan};
use tasker_resolver::{Rules, Scratch, resolve_range};

/// A buffer that nobody checked may give a wrong answer or a panic, but touches nothing outside of
/// itself and comes to an end.
#[test]
fn unchecked_contradictions_end_in_an_answer_or_a_panic() {
    std::panic::set_hook(Box::new(|_| {}));
    let mut random = Random(7);
    for seed in 0..3000 {
        let plan = random_plan(&mut Random(seed), 4, 7);
        let mut buffer = plan.build();
        for _ in 0..=random.below(3) {
            let word = 32 + random.below(buffer.words.len() - 32);
            let shift = random.below(64);
            buffer.words[word] ^= random.next() >> shift;
        }
        let rules = random.pick(&[Rules::Rails, Rules::Engine]);
        let _ = std::panic::catch_unwind(move || {
            let mut snapshot = buffer.open().expect("an untouched header");
            let tasks = snapshot.counts().tasks;
            let Ok((graph, mut part)) = snapshot.part(0..tasks) else { return };
            resolve_range(&graph, &mut part, parameters(rules), &mut Scratch::default());
        });
    }
    let _ = std::panic::take_hook();
}
