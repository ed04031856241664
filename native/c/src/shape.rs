//! The shape of one task.

use std::ptr::null;
use std::sync::atomic::AtomicBool;

use tasker_columns::{Code as Cause, Problem, Redundancy};

use crate::error::{Code, Error, guarded};
use crate::input::slice_of;
use crate::snapshot::{Snapshot, not_null, snapshot_of};

/// Everything about one task's shape. Opaque.
#[derive(Debug)]
pub struct Shape {
    shape: tasker_columns::Shape,
    redundant: Vec<RedundantEdge>,
}

/// An edge that could go without any step running earlier.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct RedundantEdge {
    /// Id of the parent.
    pub from_step_id: i64,
    /// Id of the child.
    pub to_step_id: i64,
    /// 1 where the same edge stands there once more, 0 where a longer way leads there as well.
    pub is_repeated: u32,
}

/// The columns of a shape, valid for as long as the shape lives; NULL where they have no element.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct ShapeColumns {
    /// From the first start to the last end, seconds.
    pub seconds: f64,
    /// Number of steps: of the next four columns.
    pub steps: usize,
    /// Ids of the task's steps, ascending.
    pub step_ids: *const i64,
    /// Earliest start of each step, seconds from the first.
    pub start: *const f64,
    /// How much later each step may end without the task ending later, seconds.
    pub total_slack: *const f64,
    /// How much later each step may end without any child starting later, seconds.
    pub free_slack: *const f64,
    /// Number of steps of a longest chain.
    pub path_steps: usize,
    /// Their ids, first to last.
    pub path: *const i64,
    /// Number of dependency levels.
    pub levels: usize,
    /// Steps at each level.
    pub level_widths: *const u32,
    /// Number of edges that could go.
    pub redundant_edges: usize,
    /// These edges.
    pub redundant: *const RedundantEdge,
}

/// When each step of a task starts at the earliest, how much later it may end, a longest chain, the steps
/// at each level and the edges that could go, into *shape. O(steps + edges) of the task, but for the last.
/// `durations` and `count`: as tasker_critical_path has them.
///
/// Fails with TASKER_CODE_UNKNOWN_TASK, TASKER_CODE_CYCLE, TASKER_CODE_BAD_ARGUMENT for durations that do
/// not fit. Any number of threads.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tasker_shape_of_task(
    snapshot: *const Snapshot,
    task_id: i64,
    durations: *const f64,
    count: usize,
    shape: *mut *mut Shape,
    error: *mut *mut Error,
) -> Code {
    let work = || {
        // SAFETY: NULL or a handle, see the crate.
        let snapshot = unsafe { snapshot_of(snapshot) }?;
        let out = not_null("shape", shape)?;
        // SAFETY: the caller's, see the crate.
        let given = unsafe { slice_of("durations", durations, count) }?;
        let durations = (!durations.is_null()).then_some(given);
        let found = snapshot.owned.shape(task_id, durations, &AtomicBool::new(false))?;
        let shape = found.ok_or_else(|| {
            Problem::new(Cause::Cycle, format!("Task {task_id} has a cycle and no shape."))
        })?;
        let edges = shape.redundant_edges.iter().map(|edge| RedundantEdge {
            from_step_id: edge.from_step_id,
            to_step_id: edge.to_step_id,
            is_repeated: u32::from(edge.reason == Redundancy::Repeated),
        });
        let handle = Box::new(Shape { redundant: edges.collect(), shape });
        // SAFETY: not NULL, and the caller's to be written.
        unsafe { out.write(Box::into_raw(handle)) };
        Ok(())
    };
    // SAFETY: the caller's, see the crate.
    unsafe { guarded(error, work) }
}

/// The columns of a shape; all of them empty for NULL. Any number of threads.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tasker_shape_columns(shape: *const Shape) -> ShapeColumns {
    // SAFETY: NULL or a handle, see the crate.
    let Some(Shape { shape, redundant }) = (unsafe { shape.as_ref() }) else {
        return ShapeColumns {
            seconds: 0.0,
            steps: 0,
            step_ids: null(),
            start: null(),
            total_slack: null(),
            free_slack: null(),
            path_steps: 0,
            path: null(),
            levels: 0,
            level_widths: null(),
            redundant_edges: 0,
            redundant: null(),
        };
    };
    let path = &shape.critical_path;
    ShapeColumns {
        seconds: path.seconds,
        steps: shape.step_ids.len(),
        step_ids: first_of(&shape.step_ids),
        start: first_of(&shape.start),
        total_slack: first_of(&shape.total_slack),
        free_slack: first_of(&shape.free_slack),
        path_steps: path.step_ids.len(),
        path: first_of(&path.step_ids),
        levels: shape.level_widths.len(),
        level_widths: first_of(&shape.level_widths),
        redundant_edges: redundant.len(),
        redundant: first_of(redundant),
    }
}

fn first_of<T>(column: &[T]) -> *const T {
    if column.is_empty() { null() } else { column.as_ptr() }
}

/// Takes a shape back. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tasker_shape_free(shape: *mut Shape) {
    if !shape.is_null() {
        // SAFETY: a handle that `tasker_shape_of_task` made, given back once.
        drop(unsafe { Box::from_raw(shape) });
    }
}
