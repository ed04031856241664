//! Rounds of a fuzz run, by seed.
//!
//! `TASKER_FUZZ_SECONDS` bounds the time (default 2), `TASKER_FUZZ_SEED` chooses where to begin
//! (default 1). Round n has the seed of the first one plus n: what a failure prints repeats it at
//! once. A run that is killed leaves its latest seed in `fuzz-seed` below `target/tmp`.
#![allow(dead_code)] // each test file uses its part

use std::any::Any;
use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io::Write;
use std::panic::RefUnwindSafe;
use std::panic::catch_unwind;
use std::path::Path;
use std::process::exit;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// No round takes a hundredth of it: one that does hangs.
const LONGEST_ROUND: Duration = Duration::from_secs(120);

fn from_environment(name: &str, default: u64) -> u64 {
    let Ok(text) = env::var(name) else { return default };
    text.parse().unwrap_or_else(|_| panic!("{name} is {text}, not a whole number"))
}

/// Calls `round` with one seed after the other until the time is over, and prints how often it named
/// each kind. A panic in it fails the run.
pub fn run_rounds(round: impl Fn(u64) -> &'static str + RefUnwindSafe) {
    let first = from_environment("TASKER_FUZZ_SEED", 1);
    let seconds = from_environment("TASKER_FUZZ_SECONDS", 2);
    let repeat = move |seed: u64| format!("repeat with TASKER_FUZZ_SEED={seed}");
    let note = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fuzz-seed");
    let seed = AtomicU64::new(first);
    let over = AtomicBool::new(false);
    let mut kinds: BTreeMap<&str, u64> = BTreeMap::new();
    std::panic::set_hook(Box::new(|_| {}));
    thread::scope(|scope| {
        scope.spawn(|| watch(&seed, &over, repeat));
        let end = Instant::now() + Duration::from_secs(seconds);
        while Instant::now() < end {
            let number = seed.fetch_add(1, Ordering::Relaxed);
            // a process that dies says nothing any more
            fs::write(&note, number.to_string()).expect("a folder for temporary files");
            match catch_unwind(|| round(number)) {
                Ok(kind) => *kinds.entry(kind).or_default() += 1,
                Err(panic) => {
                    over.store(true, Ordering::Relaxed);
                    let _ = std::panic::take_hook();
                    panic!("{}; {}", text_of(&*panic), repeat(number));
                }
            }
        }
        over.store(true, Ordering::Relaxed);
    });
    let _ = std::panic::take_hook();
    let rounds = seed.load(Ordering::Relaxed) - first;
    println!("{rounds} rounds from seed {first}: {kinds:?}");
    assert!(rounds > 0, "not a single round in {seconds} s");
}

/// Ends the process where a round does not end.
fn watch(seed: &AtomicU64, over: &AtomicBool, repeat: impl Fn(u64) -> String) {
    let (mut seen, mut since) = (0, Instant::now());
    while !over.load(Ordering::Relaxed) {
        thread::sleep(Duration::from_millis(50));
        let now = seed.load(Ordering::Relaxed);
        if now != seen {
            (seen, since) = (now, Instant::now());
        } else if since.elapsed() > LONGEST_ROUND {
            let _ = writeln!(std::io::stderr(), "a call does not end; {}", repeat(now - 1));
            exit(101);
        }
    }
}

/// What a panic says.
pub fn text_of(panic: &(dyn Any + Send)) -> &str {
    match panic.downcast_ref::<&str>() {
        Some(text) => text,
        None => panic.downcast_ref::<String>().map_or("no text", String::as_str),
    }
}
