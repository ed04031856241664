//! Ready steps by template: the index of `tasker-resolver` as an object of JavaScript.
//!
//! The object holds its own planes, not the snapshot: each call brings the view along, and sections
//! that are smaller than when the index was built end in an error.

use napi::bindgen_prelude::{AsyncTask, BigInt64Array, Int32Array, Uint8Array, Uint32Array};
use napi::{Env, Error, Result, Status, Task};
use napi_derive::napi;
use tasker_resolver::{ReadyPlanes as Index, Rules, Snapshot};

use crate::view::{KeptView, View};
use crate::{bad_snapshot, guarded};

/// The steps of a snapshot that may run, asked again and again.
#[napi]
pub struct ReadyPlanes {
    index: Index,
}

#[napi]
impl ReadyPlanes {
    /// Groups the tasks, `at_least` of one graph together. `task_flags` is a copy of the snapshot's:
    /// kernels write that section, and the snapshot may be resolved at the same time. O(T + N + E).
    #[napi(constructor)]
    pub fn new(view: View, engine: bool, at_least: u32, task_flags: Uint8Array) -> Result<Self> {
        guarded(|| {
            let snapshot = view.snapshot().map_err(bad_snapshot)?;
            Ok(Self { index: build(&snapshot, &task_flags, engine, at_least)? })
        })
    }

    /// Number of each task's group, or why it has none.
    #[napi]
    pub fn group_of_task(&self) -> Int32Array {
        Int32Array::new(self.index.group_of_task().to_vec())
    }

    /// Of each group, one after the other, its tasks, and steps and edges of one of them.
    #[napi]
    pub fn groups(&self) -> Uint32Array {
        let sizes = self.index.planes().iter().flat_map(|planes| {
            let template = planes.template();
            [planes.tasks(), template.steps(), template.parents.len()].map(|size| size as u32)
        });
        Uint32Array::new(sizes.collect())
    }

    /// Bytes held.
    #[napi]
    pub fn bytes(&self) -> f64 {
        self.index.bytes() as f64
    }

    /// How many steps may run at `now_micros` (µs since the epoch).
    #[napi]
    pub fn count(&mut self, view: View, now_micros: f64) -> Result<u32> {
        guarded(|| {
            let snapshot = view.snapshot().map_err(bad_snapshot)?;
            Ok(self.index.count(&snapshot.graph(), now_micros) as u32)
        })
    }

    /// Ids of the steps of the last count into `ids`, which is as long.
    #[napi]
    pub fn read_ids(&self, view: View, mut ids: BigInt64Array) -> Result<()> {
        guarded(|| {
            let snapshot = view.snapshot().map_err(bad_snapshot)?;
            self.index.read_ids(snapshot.step_ids(), ids_of(&mut ids));
            Ok(())
        })
    }

    /// Writes what the row of a node says now, and when its wait ends, negative infinity for none.
    #[napi]
    pub fn set_step(&mut self, view: View, node: u32, code: u32, wait_end: f64) -> Result<()> {
        guarded(|| {
            let code = u8::try_from(code)
                .map_err(|_| Error::new(Status::InvalidArg, format!("{code} is no code")))?;
            let snapshot = view.snapshot().map_err(bad_snapshot)?;
            self.index.set_step(&snapshot.graph(), node as usize, code, wait_end);
            Ok(())
        })
    }
}

/// As the constructor of `ReadyPlanes`, off the event loop.
#[napi(ts_return_type = "Promise<ReadyPlanes>")]
pub fn ready_planes_async(
    view: KeptView,
    engine: bool,
    at_least: u32,
    task_flags: Uint8Array,
) -> AsyncTask<Build> {
    AsyncTask::new(Build { view, task_flags: task_flags.to_vec(), engine, at_least })
}

/// The work of one call of `readyPlanesAsync`.
pub struct Build {
    view: KeptView,
    task_flags: Vec<u8>,
    engine: bool,
    at_least: u32,
}

impl Task for Build {
    type Output = Index;
    type JsValue = ReadyPlanes;

    fn compute(&mut self) -> Result<Self::Output> {
        guarded(|| {
            let snapshot = self.view.snapshot().map_err(bad_snapshot)?;
            build(&snapshot, &self.task_flags, self.engine, self.at_least)
        })
    }

    fn resolve(&mut self, _env: Env, index: Self::Output) -> Result<Self::JsValue> {
        Ok(ReadyPlanes { index })
    }
}

fn build(snapshot: &Snapshot<'_>, task_flags: &[u8], engine: bool, at_least: u32) -> Result<Index> {
    let tasks = snapshot.counts().tasks;
    if task_flags.len() != tasks {
        let message = format!("There are {} flag bytes for {tasks} tasks.", task_flags.len());
        return Err(Error::new(Status::InvalidArg, message));
    }
    let rules = if engine { Rules::Engine } else { Rules::Rails };
    let (graph, ids) = (snapshot.graph(), snapshot.step_ids());
    Ok(Index::new(&graph, task_flags, ids, rules, at_least as usize))
}

/// The array's memory, for the duration of a call.
#[allow(unsafe_code)]
fn ids_of(ids: &mut BigInt64Array) -> &mut [i64] {
    // SAFETY: the array is the caller's own, made for this call and not seen by anybody else yet;
    // JavaScript does not run until the call returns.
    unsafe { ids.as_mut() }
}
