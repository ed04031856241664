//! Building and asking a snapshot.

use std::ffi::{CString, c_char};
use std::ptr::NonNull;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU32};

use tasker_columns::{OwnedSnapshot, Parameters, Problem, Rules};

use crate::error::{Code, Error, Table, bad_argument, c_string, guarded};
use crate::ids::Ids;
use crate::input::{Input, slice_of};

/// Workflows in memory: built once, resolved as often as there are questions. Opaque.
#[derive(Debug)]
pub struct Snapshot {
    pub(crate) owned: OwnedSnapshot,
    /// Messages of the row problems, made at the first question.
    messages: OnceLock<Vec<CString>>,
}

/// Sizes of a snapshot.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Counts {
    /// Tasks.
    pub tasks: usize,
    /// Steps of these tasks.
    pub steps: usize,
    /// Parents that are steps of other tasks, or that do not exist.
    pub ghosts: usize,
    /// Edges that lead to these steps.
    pub edges: usize,
}

/// A row that contradicts others or leads nowhere. Everything else is answered.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct RowProblem {
    /// One sentence for people, UTF-8; lives as long as the snapshot.
    pub message: *const c_char,
    /// Id of the row, or of the row it is about.
    pub id: i64,
    /// The task that it concerns, where has_task is 1.
    pub task_id: i64,
    /// 1 where it concerns a task, else 0.
    pub has_task: u32,
    /// 1 where the task is taken out of the answers, else 0.
    pub refused: u32,
    /// TASKER_CODE_BAD_ROW, TASKER_CODE_DANGLING_EDGE or TASKER_CODE_UNKNOWN_TASK.
    pub code: Code,
    /// The table of the row.
    pub table: Table,
}

/// Which rules decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum RuleSet {
    /// Answers as the Rails engine's SQL does.
    Rails = 0,
    /// Corrects what strands tasks.
    Engine = 1,
}

/// What a resolution depends on besides the snapshot.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Question {
    /// sizeof(tasker_question).
    pub size: usize,
    /// The clock, µs since the epoch, UTC.
    pub now_micros: f64,
    /// A tasker_rules.
    pub rules: u32,
    /// Not 0 for the contexts of tasks.
    pub contexts: u32,
    /// Not 0 for the levels of steps.
    pub levels: u32,
    /// Most threads; 0 and 1 stay in the calling one, and so do up to 65,536 steps.
    pub threads: u32,
    /// NULL, or a word that any thread may set, atomically, to something else than 0 to end the work; it
    /// is noticed within 16,384 steps. Only read.
    pub cancel: *const u32,
}

/// Refuses NULL by the argument's name.
pub(crate) fn not_null<T>(name: &str, pointer: *mut T) -> Result<NonNull<T>, Problem> {
    NonNull::new(pointer).ok_or_else(|| bad_argument(format!("{name} is NULL.")))
}

/// The snapshot behind a handle.
///
/// # Safety
/// NULL or a handle that lives for `'a`, see the crate.
pub(crate) unsafe fn snapshot_of<'a>(snapshot: *const Snapshot) -> Result<&'a Snapshot, Problem> {
    // SAFETY: the caller's promise.
    Ok(unsafe { not_null("snapshot", snapshot.cast_mut())?.as_ref() })
}

/// Reads every column and builds a snapshot into *snapshot: O(rows) where tasks come in the order of
/// their ids and steps in that of task and id, else O(rows log rows). Rows that contradict each other are
/// no error, see tasker_snapshot_problem.
///
/// Fails with TASKER_CODE_BAD_ARGUMENT for NULL, an unknown type or a misaligned column,
/// TASKER_CODE_BAD_INPUT with its place, TASKER_CODE_TOO_LARGE. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tasker_snapshot_build(
    input: *const Input,
    snapshot: *mut *mut Snapshot,
    error: *mut *mut Error,
) -> Code {
    let work = || {
        let out = not_null("snapshot", snapshot)?;
        let input = not_null("input", input.cast_mut())?;
        // SAFETY: not NULL; the size is the first field of every version.
        let size = unsafe { input.cast::<usize>().read() };
        if size != size_of::<Input>() {
            let message = format!("input.size is {size}, not {}.", size_of::<Input>());
            return Err(bad_argument(message));
        }
        // SAFETY: not NULL and of this size; the columns are as the crate demands.
        let tables = unsafe { input.as_ref().tables() }?;
        let owned = OwnedSnapshot::build(&tables)?;
        let handle = Box::new(Snapshot { owned, messages: OnceLock::new() });
        // SAFETY: not NULL, and the caller's to be written.
        unsafe { out.write(Box::into_raw(handle)) };
        Ok(())
    };
    // SAFETY: the caller's, see the crate.
    unsafe { guarded(error, work) }
}

/// Takes a snapshot back. Any thread, one at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tasker_snapshot_free(snapshot: *mut Snapshot) {
    if !snapshot.is_null() {
        // SAFETY: a handle that `tasker_snapshot_build` made, given back once.
        drop(unsafe { Box::from_raw(snapshot) });
    }
}

/// Sizes of a snapshot; all 0 for NULL. Any number of threads.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tasker_snapshot_counts(snapshot: *const Snapshot) -> Counts {
    // SAFETY: NULL or a handle, see the crate.
    let counts = unsafe { snapshot.as_ref() }.map(|snapshot| snapshot.owned.counts());
    let tasker_columns::Counts { tasks, steps, ghosts, edges, .. } = counts.unwrap_or_default();
    Counts { tasks, steps, ghosts, edges }
}

/// The bytes of the snapshot and, in *length, their number; NULL for NULL. They are those that the other
/// languages make of the same rows, outputs of the latest resolution included, in the layout of
/// src/graph/snapshot/layout.ts; valid until the next tasker_resolve. Any number of threads.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tasker_snapshot_bytes(
    snapshot: *const Snapshot,
    length: *mut usize,
) -> *const u8 {
    // SAFETY: NULL or a handle, see the crate.
    let words = unsafe { snapshot.as_ref() }.map_or(&[][..], |snapshot| snapshot.owned.words());
    if let Some(length) = NonNull::new(length) {
        // SAFETY: not NULL, and the caller's to be written.
        unsafe { length.write(size_of_val(words)) };
    }
    if words.is_empty() { std::ptr::null() } else { words.as_ptr().cast() }
}

/// Number of rows that contradict others or lead nowhere; 0 for NULL. Any number of threads.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tasker_snapshot_problem_count(snapshot: *const Snapshot) -> usize {
    // SAFETY: NULL or a handle, see the crate.
    unsafe { snapshot.as_ref() }.map_or(0, |snapshot| snapshot.owned.problems().len())
}

/// Writes the row problem of a number from 0 on. Fails with TASKER_CODE_BAD_ARGUMENT where there is none.
/// Any number of threads.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tasker_snapshot_problem(
    snapshot: *const Snapshot,
    at: usize,
    problem: *mut RowProblem,
    error: *mut *mut Error,
) -> Code {
    let work = || {
        // SAFETY: NULL or a handle, see the crate.
        let Snapshot { owned, messages } = unsafe { snapshot_of(snapshot) }?;
        let out = not_null("problem", problem)?;
        let found = owned.problems();
        let none = || bad_argument(format!("There is no problem {at} of {}.", found.len()));
        let row = found.get(at).ok_or_else(none)?;
        let texts = || found.iter().map(|problem| c_string(&problem.message)).collect();
        let row = RowProblem {
            message: messages.get_or_init(texts)[at].as_ptr(),
            id: row.id,
            task_id: row.task_id.unwrap_or(0),
            has_task: u32::from(row.task_id.is_some()),
            refused: u32::from(row.refused),
            code: row.code.into(),
            table: row.table.into(),
        };
        // SAFETY: not NULL, and the caller's to be written.
        unsafe { out.write(row) };
        Ok(())
    };
    // SAFETY: the caller's, see the crate.
    unsafe { guarded(error, work) }
}

/// Resolves every task: readiness and cycles always, contexts and levels where they are asked for.
/// O(steps + edges). The answers stay with the snapshot until the next resolution; one that fails leaves
/// none.
///
/// Fails with TASKER_CODE_BAD_ARGUMENT for unknown rules or a clock that is NaN, TASKER_CODE_CANCELLED.
/// One thread at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tasker_resolve(
    snapshot: *mut Snapshot,
    question: *const Question,
    error: *mut *mut Error,
) -> Code {
    let work = || {
        // SAFETY: NULL or a handle that nobody else uses meanwhile, see the crate.
        let snapshot = unsafe { not_null("snapshot", snapshot)?.as_mut() };
        let question = not_null("question", question.cast_mut())?;
        // SAFETY: not NULL; the size is the first field of every version.
        let size = unsafe { question.cast::<usize>().read() };
        if size != size_of::<Question>() {
            let message = format!("question.size is {size}, not {}.", size_of::<Question>());
            return Err(bad_argument(message));
        }
        // SAFETY: not NULL and of this size.
        let question = unsafe { question.read() };
        let rules = match question.rules {
            0 => Rules::Rails,
            1 => Rules::Engine,
            other => return Err(bad_argument(format!("There are no rules {other}."))),
        };
        let parameters = Parameters {
            rules,
            now_micros: question.now_micros,
            contexts: question.contexts != 0,
            levels: question.levels != 0,
        };
        static NEVER: AtomicU32 = AtomicU32::new(0);
        let cancel = match NonNull::new(question.cancel.cast_mut()) {
            None => &NEVER,
            Some(word) if !word.is_aligned() => {
                return Err(bad_argument("question.cancel is not aligned to 4 bytes."));
            }
            // SAFETY: a word of the caller's that lives as long as the call; whoever writes it does so
            // atomically, and here it is only read.
            Some(word) => unsafe { word.cast::<AtomicU32>().as_ref() },
        };
        snapshot.owned.resolve(parameters, question.threads as usize, cancel).map(|_| ())
    };
    // SAFETY: the caller's, see the crate.
    unsafe { guarded(error, work) }
}

/// The longest chain of a task: its length into *seconds, its steps into *step_ids, first to last.
/// O(steps + edges) of the task. `durations` are seconds of each step of the task in the order of their
/// ids, from 0 to 1e15; NULL stands for 1 throughout, and `count` is 0 then.
///
/// Fails with TASKER_CODE_UNKNOWN_TASK, TASKER_CODE_CYCLE, TASKER_CODE_BAD_ARGUMENT for durations that do
/// not fit. Any number of threads.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tasker_critical_path(
    snapshot: *const Snapshot,
    task_id: i64,
    durations: *const f64,
    count: usize,
    seconds: *mut f64,
    step_ids: *mut *mut Ids,
    error: *mut *mut Error,
) -> Code {
    let work = || {
        // SAFETY: NULL or a handle, see the crate.
        let snapshot = unsafe { snapshot_of(snapshot) }?;
        let (seconds, step_ids) = (not_null("seconds", seconds)?, not_null("step_ids", step_ids)?);
        // SAFETY: the caller's, see the crate.
        let given = unsafe { slice_of("durations", durations, count) }?;
        let durations = (!durations.is_null()).then_some(given);
        let path = snapshot.owned.critical_path(task_id, durations)?;
        let path = path.ok_or_else(|| {
            let message = format!("Task {task_id} has a cycle and no longest chain.");
            Problem::new(tasker_columns::Code::Cycle, message)
        })?;
        // SAFETY: not NULL, and the caller's to be written.
        unsafe {
            seconds.write(path.seconds);
            step_ids.write(Ids::handle(path.step_ids));
        }
        Ok(())
    };
    // SAFETY: the caller's, see the crate.
    unsafe { guarded(error, work) }
}

/// The steps that can no longer run if `count` given ones fail for good, into *affected, by task, then
/// step: all that depend on one, directly or through others, unless done or running. O(steps).
///
/// Fails with TASKER_CODE_BAD_ARGUMENT for an id that no step has. Any number of threads.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tasker_blast_radius(
    snapshot: *const Snapshot,
    step_ids: *const i64,
    count: usize,
    affected: *mut *mut Ids,
    error: *mut *mut Error,
) -> Code {
    let work = || {
        // SAFETY: NULL or a handle, see the crate.
        let snapshot = unsafe { snapshot_of(snapshot) }?;
        let out = not_null("affected", affected)?;
        // SAFETY: the caller's, see the crate.
        let step_ids = unsafe { slice_of("step_ids", step_ids, count) }?;
        let ids = snapshot.owned.blast_radius(step_ids, &AtomicBool::new(false))?;
        // SAFETY: not NULL, and the caller's to be written.
        unsafe { out.write(Ids::handle(ids)) };
        Ok(())
    };
    // SAFETY: the caller's, see the crate.
    unsafe { guarded(error, work) }
}
