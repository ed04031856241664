//! Random bytes into every function of the C interface. Alone in its file, because it silences the
//! messages of panics.
//!
//! Columns lie in real memory, as the interface demands; everything else is anything: types, lengths
//! beyond all memory, NULL, misaligned addresses, offsets, codes, clocks. A call ends with a code that
//! is not `INTERNAL`, an error exactly where it fails, and nothing written behind what it was given.
//! Reads outside show under AddressSanitizer and valgrind, which run this file too.
//!
//! `TASKER_FUZZ_SECONDS` and `TASKER_FUZZ_SEED`: see `rounds.rs` of the resolver.

#[path = "../../resolver/tests/support/random.rs"]
mod random;
#[path = "../../resolver/tests/support/rounds.rs"]
mod rounds;
mod support;

use std::ffi::{CStr, c_void};
use std::ptr::{null, null_mut};

use random::Random;
use support::columns::{COLUMNS, ROOM, damage, input_of, sound_column};
use tasker::answer::{
    Field, tasker_cycles, tasker_read_f64, tasker_read_i32, tasker_read_i64, tasker_read_u8,
    tasker_ready_step_ids, tasker_row_count,
};
use tasker::error::{
    Code, Error, tasker_error_code, tasker_error_free, tasker_error_message, tasker_error_place,
};
use tasker::ids::{Ids, tasker_ids_count, tasker_ids_data, tasker_ids_free};
use tasker::input::Column;
use tasker::names::{
    tasker_code_name, tasker_execution_status_name, tasker_health_status_name,
    tasker_recommended_action_name, tasker_state_name,
};
use tasker::shape::{tasker_shape_columns, tasker_shape_free, tasker_shape_of_task};
use tasker::snapshot::{
    Question, Snapshot, tasker_blast_radius, tasker_critical_path, tasker_resolve,
    tasker_snapshot_build, tasker_snapshot_bytes, tasker_snapshot_counts, tasker_snapshot_free,
    tasker_snapshot_problem, tasker_snapshot_problem_count,
};

/// A value that no call writes.
const CANARY: u64 = 0xa5a5_a5a5_a5a5_a5a5;

#[test]
fn any_bytes_end_in_a_code() {
    rounds::run_rounds(|seed| round_of(&mut Random(seed)));
}

/// Takes the error of a call back, after a look at it.
fn settle(code: Code, error: *mut Error) -> Code {
    assert_ne!(code, Code::Internal, "{}", message_of(error));
    assert_eq!(code == Code::Ok, error.is_null());
    // SAFETY: NULL, or the error of the call before.
    unsafe {
        assert_eq!(tasker_error_code(error), code);
        let mut place = std::mem::MaybeUninit::uninit();
        if tasker_error_place(error, place.as_mut_ptr()) == 1 {
            assert!(!CStr::from_ptr(place.assume_init().column).is_empty());
        }
        tasker_error_free(error);
    }
    code
}

fn message_of(error: *const Error) -> String {
    // SAFETY: NULL, or the error of the call before.
    unsafe { CStr::from_ptr(tasker_error_message(error)) }.to_string_lossy().into_owned()
}

fn round_of(random: &mut Random) -> &'static str {
    names(random);
    let sizes = [random.below(6), random.below(20), random.below(30)];
    let mut memory: Vec<Vec<u64>> = (0..2 * COLUMNS).map(|_| vec![0; ROOM + 1]).collect();
    let mut columns: Vec<Column> =
        (0..COLUMNS).map(|at| sound_column(random, at, sizes, &mut memory)).collect();
    for _ in 0..random.pick(&[0, 0, 0, 1, 1, 2, 4]) {
        let at = random.below(COLUMNS);
        damage(random, &mut columns[at], &mut memory[at]);
    }
    let mut input = input_of(&columns);
    input.has_foreign_steps = random.below(2) as u32;
    if random.below(50) == 0 {
        input.size = random.next() as usize;
    }
    let (mut snapshot, mut error) = (null_mut(), null_mut());
    // SAFETY: all columns lie in `memory`, or are what the library refuses.
    let code =
        unsafe { tasker_snapshot_build(&raw const input, &raw mut snapshot, &raw mut error) };
    if settle(code, error) != Code::Ok {
        assert!(snapshot.is_null());
        return if code == Code::BadInput { "bad input" } else { "refused" };
    }
    drop(memory); // nothing of it is kept
    for _ in 0..3 {
        ask(random, snapshot);
        read(random, snapshot);
        analyse(random, snapshot);
    }
    // SAFETY: the handle of this round, given back once.
    unsafe { tasker_snapshot_free(snapshot) };
    "built"
}

fn names(random: &mut Random) {
    let code = random.next() as u32 >> random.pick(&[0, 24, 30]);
    for name in [
        tasker_code_name(code),
        tasker_state_name(code),
        tasker_execution_status_name(code),
        tasker_recommended_action_name(code),
        tasker_health_status_name(code),
    ] {
        // SAFETY: NULL or a text that lives as long as the program.
        assert!(name.is_null() || !unsafe { CStr::from_ptr(name) }.is_empty());
    }
}

fn ask(random: &mut Random, snapshot: *mut Snapshot) {
    let word = random.pick(&[0, 0, 0, 1]);
    let any_clock = f64::from_bits(random.next());
    let clocks = [0.0, 1.8e15, f64::INFINITY, f64::NEG_INFINITY, any_clock];
    let question = Question {
        size: size_of::<Question>() ^ usize::from(random.below(40) == 0),
        now_micros: random.pick(&clocks),
        rules: random.pick(&[0, 1, 0, 1, 2, u32::MAX]),
        contexts: random.below(2) as u32,
        levels: random.below(2) as u32,
        threads: random.below(4) as u32,
        cancel: random.pick(&[null(), &raw const word]),
    };
    let mut error = null_mut();
    // SAFETY: the handle of this round; the word lives as long as the call.
    let code = unsafe { tasker_resolve(snapshot, &raw const question, &raw mut error) };
    settle(code, error);
}

fn read(random: &mut Random, snapshot: *const Snapshot) {
    let mut error = null_mut();
    let mut rows = [0; 3];
    for (table, rows) in (0..).zip(&mut rows) {
        // SAFETY: the handle of this round.
        let code = unsafe { tasker_row_count(snapshot, table, rows, &raw mut error) };
        settle(code, error);
    }
    let fields = Field::ALL;
    for _ in 0..20 {
        let field = fields[random.below(fields.len())] as u32;
        let any = random.next() as u32;
        let field = random.pick(&[field, field, field, any]);
        let rows = rows[(field / 100) as usize % 3];
        let any = random.below(ROOM);
        let length = random.pick(&[rows, rows, any, usize::MAX]);
        let room = if length <= ROOM { length } else { ROOM };
        let mut out = vec![CANARY; room + 1];
        let shift = random.pick(&[0, 0, 0, 1, 4]);
        let address = out.as_mut_ptr().cast::<u8>().wrapping_add(shift).cast::<c_void>();
        let address = if random.below(9) == 0 { null_mut() } else { address };
        let kind = random.below(4);
        // SAFETY: room for as many elements of 8 bytes and a shift, or more than there can be.
        let code = unsafe {
            match kind {
                0 => tasker_read_i64(snapshot, field, address.cast(), length, &raw mut error),
                1 => tasker_read_i32(snapshot, field, address.cast(), length, &raw mut error),
                2 => tasker_read_u8(snapshot, field, address.cast(), length, &raw mut error),
                _ => tasker_read_f64(snapshot, field, address.cast(), length, &raw mut error),
            }
        };
        let written = if settle(code, error) == Code::Ok { length * [8, 4, 1, 8][kind] } else { 0 };
        let bytes: Vec<u8> = out.iter().flat_map(|word| word.to_ne_bytes()).collect();
        let untouched = bytes[..shift].iter().chain(&bytes[shift + written..]);
        assert!(untouched.copied().all(|byte| byte == 0xa5), "field {field} is written too far");
    }
    for list in [tasker_ready_step_ids, tasker_cycles] {
        let mut ids = null_mut();
        // SAFETY: the handle of this round.
        let code = unsafe { list(snapshot, &raw mut ids, &raw mut error) };
        settle_ids(code, error, ids);
    }
}

/// Reads every id, and takes them back.
fn settle_ids(code: Code, error: *mut Error, ids: *mut Ids) {
    assert_eq!(settle(code, error) == Code::Ok, !ids.is_null());
    // SAFETY: NULL, or what the call before made.
    unsafe {
        let all = (0..tasker_ids_count(ids)).map(|at| tasker_ids_data(ids).add(at).read());
        std::hint::black_box(all.sum::<i64>());
        tasker_ids_free(ids);
    }
}

fn analyse(random: &mut Random, snapshot: *const Snapshot) {
    let mut error = null_mut();
    // SAFETY: the handle of this round, and memory that is as long as it says.
    unsafe {
        let steps = tasker_snapshot_counts(snapshot).steps;
        let mut length = 0;
        let bytes = tasker_snapshot_bytes(snapshot, &raw mut length);
        let sum = (0..length).map(|at| u64::from(bytes.add(at).read())).sum::<u64>();
        assert!(sum > 0 && length >= steps);
        let problems = tasker_snapshot_problem_count(snapshot);
        let at = random.below(problems + 2);
        let mut problem = std::mem::MaybeUninit::uninit();
        let code = tasker_snapshot_problem(snapshot, at, problem.as_mut_ptr(), &raw mut error);
        assert_eq!(settle(code, error) == Code::Ok, at < problems);
        if at < problems {
            assert!(!CStr::from_ptr(problem.assume_init().message).is_empty());
        }
        let any = random.next() as i64;
        let task = random.pick(&[0, 1, 2, any]);
        let durations: Vec<f64> = (0..random.below(8))
            .map(|_| random.pick(&[0.0, 1.0, 2.5, -1.0, f64::NAN, 1e16]))
            .collect();
        let given = if random.below(2) == 0 { null() } else { durations.as_ptr() };
        let count = if given.is_null() { 0 } else { durations.len() };
        let count = if random.below(20) == 0 { usize::MAX } else { count };
        let (mut seconds, mut path) = (0.0, null_mut());
        let code = tasker_critical_path(
            snapshot,
            task,
            given,
            count,
            &raw mut seconds,
            &raw mut path,
            &raw mut error,
        );
        settle_ids(code, error, path);
        let mut shape = null_mut();
        let code =
            tasker_shape_of_task(snapshot, task, given, count, &raw mut shape, &raw mut error);
        assert_eq!(settle(code, error) == Code::Ok, !shape.is_null());
        let columns = tasker_shape_columns(shape);
        let last = |column: *const f64| column.add(columns.steps - 1).read();
        if columns.steps > 0 {
            assert!(columns.start.read() >= 0.0 && last(columns.free_slack) >= 0.0);
            assert!(last(columns.total_slack) >= last(columns.free_slack));
            let ids = std::slice::from_raw_parts(columns.step_ids, columns.steps);
            let path = std::slice::from_raw_parts(columns.path, columns.path_steps);
            assert!(path.iter().all(|id| ids.contains(id)));
            // steps that only depend on other tasks have no level
            let widths = (0..columns.levels).map(|level| columns.level_widths.add(level).read());
            assert!(widths.sum::<u32>() as usize <= columns.steps);
        }
        for at in 0..columns.redundant_edges {
            assert!(columns.redundant.add(at).read().is_repeated < 2);
        }
        tasker_shape_free(shape);
        let starts: Vec<i64> = (0..random.below(4)).map(|_| random.below(20) as i64).collect();
        let mut affected = null_mut();
        let code = tasker_blast_radius(
            snapshot,
            starts.as_ptr(),
            starts.len(),
            &raw mut affected,
            &raw mut error,
        );
        settle_ids(code, error, affected);
    }
}
