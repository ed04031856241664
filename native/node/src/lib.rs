//! Node-API binding of `tasker-resolver`: the kernels over a SharedArrayBuffer, without a copy, for
//! the main thread and for worker threads. `src/resolver/native*.ts` alone calls it.
//!
//! Each view is a `Uint8Array` over a whole snapshot buffer. The header and the bounds of all
//! sections are read anew by every call, so that no call trusts an earlier one. A panic becomes an
//! error.

#![deny(unsafe_code)]

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook};

use napi::bindgen_prelude::{AsyncTask, Uint32Array};
use napi::{Env, Error, Result, Status, Task};
use napi_derive::{module_init, napi};
use tasker_resolver::{
    Cycle, Parameters, Problem, Rules, Scratch, layout, resolve_on_threads, resolve_range,
};

pub mod analysis;
mod hold;
pub mod planes;
#[allow(unsafe_code)]
mod view;

use hold::Hold;
use view::{KeptView, View};

/// Raised with every change of a function's name, arguments or answer.
const ABI_VERSION: u32 = 4;

/// Panics travel as errors; the default hook would write to the host's stderr beside that.
#[module_init]
fn init() {
    set_hook(Box::new(|_| {}));
}

/// Version of this interface.
#[napi]
pub fn abi_version() -> u32 {
    ABI_VERSION
}

/// Version of the snapshot layout that the kernels know.
#[napi]
pub fn layout_version() -> u32 {
    layout::VERSION
}

/// Checks header, sections and graph. O(T + N + E). `ticket` as for `resolveTasks`: the flags of tasks
/// are read, which a resolution writes.
///
/// Returns nothing for a sound buffer, else the name of the section and what is wrong with it.
#[napi]
pub fn find_problem(view: View, ticket: Option<u32>) -> Result<Option<Vec<String>>> {
    guarded(|| {
        let found = match view.snapshot() {
            Ok(mut snapshot) => {
                let _hold = Hold::take(snapshot.holder_word(), ticket)?;
                snapshot.check()
            }
            Err(problem) => Err(problem),
        };
        Ok(found.err().map(|Problem { section, problem }| vec![section.to_owned(), problem]))
    })
}

/// Resolves tasks `first_task` to `end_task - 1` in the calling thread.
///
/// `ticket` is what the caller has written into the header's holder word by compare and swap; without
/// it, this call takes the word. An error where another call has it.
///
/// Returns nothing where there is no cycle, else for each one its task, its length and its steps.
#[napi]
#[allow(clippy::too_many_arguments)] // JavaScript passes them one by one, without an object each call
pub fn resolve_tasks(
    view: View,
    engine: bool,
    now_micros: f64,
    contexts: bool,
    levels: bool,
    first_task: u32,
    end_task: u32,
    ticket: Option<u32>,
) -> Result<Option<Uint32Array>> {
    guarded(|| {
        let mut snapshot = view.snapshot().map_err(bad_snapshot)?;
        let _hold = Hold::take(snapshot.holder_word(), ticket)?;
        let tasks = first_task as usize..end_task as usize;
        let (graph, mut part) = snapshot.part(tasks).map_err(bad_snapshot)?;
        let parameters = parameters(engine, now_micros, contexts, levels);
        let steps = part.steps.len();
        let cycles =
            with_scratch(steps, |scratch| resolve_range(&graph, &mut part, parameters, scratch));
        Ok((!cycles.is_empty()).then(|| flat(&cycles)))
    })
}

/// Resolves every task on up to `threads` threads, off the event loop; `ticket` as for `resolveTasks`.
///
/// The promise gives nothing where the header's cancel word ended the work early, else the cycles
/// as `resolveTasks` does.
#[napi(ts_return_type = "Promise<Uint32Array | null>")]
pub fn resolve_all(
    view: KeptView,
    engine: bool,
    now_micros: f64,
    contexts: bool,
    levels: bool,
    threads: u32,
    ticket: Option<u32>,
) -> AsyncTask<ResolveAll> {
    let parameters = parameters(engine, now_micros, contexts, levels);
    AsyncTask::new(ResolveAll { view, parameters, threads: threads as usize, ticket })
}

/// The work of one call of `resolveAll`.
pub struct ResolveAll {
    view: KeptView,
    parameters: Parameters,
    threads: usize,
    ticket: Option<u32>,
}

impl Task for ResolveAll {
    type Output = Option<Vec<Cycle>>;
    type JsValue = Option<Uint32Array>;

    fn compute(&mut self) -> Result<Self::Output> {
        guarded(|| {
            let mut snapshot = self.view.snapshot().map_err(bad_snapshot)?;
            let _hold = Hold::take(snapshot.holder_word(), self.ticket)?;
            let cycles = resolve_on_threads(&mut snapshot, self.parameters, self.threads);
            Ok(cycles.map_err(bad_snapshot)?.ok())
        })
    }

    fn resolve(&mut self, _env: Env, cycles: Self::Output) -> Result<Self::JsValue> {
        Ok(cycles.map(|cycles| flat(&cycles)))
    }
}

thread_local! {
    static SCRATCH: std::cell::RefCell<Scratch> = std::cell::RefCell::default();
}

/// Steps of a task up to which a thread keeps the room for its next call: some hundred kilobytes.
const KEPT_STEPS: usize = 65_536;

/// Runs work with room for a task of so many steps.
fn with_scratch<T>(steps: usize, work: impl FnOnce(&mut Scratch) -> T) -> T {
    if steps <= KEPT_STEPS { SCRATCH.with_borrow_mut(work) } else { work(&mut Scratch::default()) }
}

fn parameters(engine: bool, now_micros: f64, contexts: bool, levels: bool) -> Parameters {
    let rules = if engine { Rules::Engine } else { Rules::Rails };
    Parameters { rules, now_micros, contexts, levels }
}

fn flat(cycles: &[Cycle]) -> Uint32Array {
    let mut words = Vec::new();
    for Cycle { task, path } in cycles {
        words.extend([*task as u32, path.len() as u32]);
        words.extend(path);
    }
    Uint32Array::new(words)
}

fn bad_snapshot(problem: Problem) -> Error {
    Error::new(Status::InvalidArg, problem.to_string())
}

/// Runs the work; a panic in it becomes an error. Outputs written halfway are no harm: they are
/// overwritten by the next resolution.
fn guarded<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let message = format!("The addon panicked: {}.", panic_text(&*panic));
        Err(Error::new(Status::GenericFailure, message))
    })
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    match panic.downcast_ref::<&str>() {
        Some(text) => text,
        None => panic.downcast_ref::<String>().map_or("for no stated reason", String::as_str),
    }
}
