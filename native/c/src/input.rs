//! Columns in the caller's memory.

use std::ffi::c_void;
use std::slice;

use tasker_columns::{Bits, Column as Borrowed, Edges, Input as Tables, Problem, Steps, Tasks};
use tasker_columns::{Code, MOST_ROWS, Validity, Values};

use crate::error::bad_argument;

/// No column begins behind so many elements of what it is cut from.
const FARTHEST: usize = 1 << 40;

/// Element types of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Type {
    /// The column is absent.
    Absent = 0,
    /// uint8_t: state codes, or booleans as 0 and 1.
    U8 = 1,
    /// int32_t.
    I32 = 2,
    /// int64_t; INT64_MIN is null in a column of instants.
    I64 = 3,
    /// double.
    F64 = 4,
    /// Booleans, one bit each, the lowest of a byte first.
    Bits = 5,
}

/// How a column says which elements are null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum ValidityType {
    /// None is.
    All = 0,
    /// Those whose byte is 0.
    Bytes = 1,
    /// Those whose bit is 0, the lowest of a byte first.
    Bits = 2,
}

/// A column: elements one behind the other, borrowed for the call. All zero means absent, which counts
/// as null throughout.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Column {
    /// The elements, aligned to their size; may be NULL where there is none.
    pub values: *const c_void,
    /// Bytes or bits that say which elements are null; not read where validity_type says that none is.
    pub validity: *const u8,
    /// Number of elements.
    pub length: usize,
    /// Bits of values before the first element (of bits only).
    pub values_offset: usize,
    /// Bytes or bits of validity before that of the first element.
    pub validity_offset: usize,
    /// A tasker_type.
    pub r#type: u32,
    /// A tasker_validity_type.
    pub validity_type: u32,
}

/// Everything that answers follow from. Columns of one table have one length. Instants are µs since the
/// epoch, UTC: TASKER_TYPE_I64 of at most 2^53 either way (INT64_MIN is null), or TASKER_TYPE_F64, which
/// may be infinite.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Input {
    /// sizeof(tasker_input).
    pub size: usize,
    /// Not 0 where steps of tasks that are not among these are only there as parents of others. Else each
    /// is reported, and so is an edge to a step that is not there.
    pub has_foreign_steps: u32,
    /// 0.
    pub reserved: u32,
    /// Ids (i64 or i32).
    pub task_id: Column,
    /// Named tasks (i32, or i64 that fits); 0 where absent.
    pub task_named_task_id: Column,
    /// State codes of the current transitions (u8, see tasker_state), null for none.
    pub task_state: Column,
    /// Ids (i64 or i32).
    pub step_id: Column,
    /// Tasks of the steps (i64 or i32).
    pub step_task_id: Column,
    /// Named steps (i32, or i64 that fits); 0 where absent.
    pub step_named_step_id: Column,
    /// State codes of the current transitions (u8, see tasker_state), null for none.
    pub step_state: Column,
    /// When the current transition was created (instants); read where the state is error.
    pub step_transitioned_at: Column,
    /// Attempts made (i32, or i64 that fits).
    pub step_attempts: Column,
    /// Attempts allowed (i32, or i64 that fits); null is 3.
    pub step_retry_limit: Column,
    /// Whether a failure may be tried again (u8 or bits); null is true.
    pub step_retryable: Column,
    /// Whether somebody works at the step (u8 or bits); null is false.
    pub step_in_process: Column,
    /// Whether the step was worked off (u8 or bits); null is false.
    pub step_processed: Column,
    /// Whether the step may be left out (u8 or bits); null is false. No answer depends on it.
    pub step_skippable: Column,
    /// Explicit wait, seconds (i32, or i64 that fits).
    pub step_backoff_request_seconds: Column,
    /// Last attempt (instants).
    pub step_last_attempted_at: Column,
    /// Stored next attempt (instants), read under TASKER_RULES_ENGINE.
    pub step_next_attempt_at: Column,
    /// Parents (i64 or i32).
    pub edge_from_step_id: Column,
    /// Children (i64 or i32).
    pub edge_to_step_id: Column,
}

impl Input {
    /// The tables, borrowed.
    ///
    /// # Safety
    /// Every column points to what it says, for `'a`.
    pub(crate) unsafe fn tables<'a>(&self) -> Result<Tables<'a>, Problem> {
        // SAFETY: the caller's promise, for each column alike.
        let some = |name, column: &Column| unsafe { column.borrow(name) };
        let needed = |name: &'static str, column: &Column| {
            some(name, column)?.ok_or_else(|| bad_argument(format!("{name} is absent.")))
        };
        Ok(Tables {
            tasks: Tasks {
                task_id: needed("task_id", &self.task_id)?,
                named_task_id: some("task_named_task_id", &self.task_named_task_id)?,
                state: some("task_state", &self.task_state)?,
            },
            steps: Steps {
                workflow_step_id: needed("step_id", &self.step_id)?,
                task_id: needed("step_task_id", &self.step_task_id)?,
                named_step_id: some("step_named_step_id", &self.step_named_step_id)?,
                state: some("step_state", &self.step_state)?,
                transitioned_at: some("step_transitioned_at", &self.step_transitioned_at)?,
                attempts: some("step_attempts", &self.step_attempts)?,
                retry_limit: some("step_retry_limit", &self.step_retry_limit)?,
                retryable: some("step_retryable", &self.step_retryable)?,
                in_process: some("step_in_process", &self.step_in_process)?,
                processed: some("step_processed", &self.step_processed)?,
                skippable: some("step_skippable", &self.step_skippable)?,
                backoff_request_seconds: some(
                    "step_backoff_request_seconds",
                    &self.step_backoff_request_seconds,
                )?,
                last_attempted_at: some("step_last_attempted_at", &self.step_last_attempted_at)?,
                next_attempt_at: some("step_next_attempt_at", &self.step_next_attempt_at)?,
            },
            edges: Edges {
                from_step_id: needed("edge_from_step_id", &self.edge_from_step_id)?,
                to_step_id: needed("edge_to_step_id", &self.edge_to_step_id)?,
            },
            has_foreign_steps: self.has_foreign_steps != 0,
        })
    }
}

impl Column {
    /// Nothing for a column that is absent.
    ///
    /// # Safety
    /// The column points to what it says, for `'a`.
    unsafe fn borrow<'a>(&self, name: &'static str) -> Result<Option<Borrowed<'a>>, Problem> {
        let Self { values, length, .. } = *self;
        if length > MOST_ROWS {
            let message = format!("{name} has {length} rows, more than one snapshot numbers.");
            return Err(Problem::new(Code::TooLarge, message));
        }
        // SAFETY: as for all below, the caller's promise; `elements` refuses what it can see.
        let values = unsafe {
            match self.r#type {
                0 => return Ok(None),
                1 => Values::U8(elements(name, values.cast(), length)?),
                2 => Values::I32(elements(name, values.cast(), length)?),
                3 => Values::I64(elements(name, values.cast(), length)?),
                4 => Values::F64(elements(name, values.cast(), length)?),
                5 => Values::Bits(bits(name, values.cast(), self.values_offset, length)?),
                other => {
                    return Err(bad_argument(format!("{name} is of the unknown type {other}.")));
                }
            }
        };
        let (validity, offset) = (self.validity, self.validity_offset);
        let validity = match self.validity_type {
            0 => Validity::All,
            1 => {
                let end = end_of(name, offset, length)?;
                // SAFETY: as above.
                Validity::Bytes(&unsafe { elements(name, validity, end) }?[offset..])
            }
            // SAFETY: as above.
            2 => Validity::Bits(unsafe { bits(name, validity, offset, length) }?),
            other => {
                let message = format!("{name} has a validity of the unknown type {other}.");
                return Err(bad_argument(message));
            }
        };
        Ok(Some(Borrowed { values, validity }))
    }
}

/// The end of a column that begins at an offset.
fn end_of(name: &str, offset: usize, length: usize) -> Result<usize, Problem> {
    if offset > FARTHEST {
        return Err(bad_argument(format!("{name} has an offset behind all memory.")));
    }
    Ok(offset + length)
}

/// # Safety
/// `values` is NULL, misaligned, or points to `length` elements that nobody writes during `'a`.
unsafe fn elements<'a, T>(name: &str, values: *const T, length: usize) -> Result<&'a [T], Problem> {
    if length == 0 {
        return Ok(&[]);
    }
    if values.is_null() {
        return Err(bad_argument(format!("{name} is NULL and has {length} rows.")));
    }
    if !values.is_aligned() {
        let message = format!("{name} is not aligned to {} bytes.", align_of::<T>());
        return Err(bad_argument(message));
    }
    // SAFETY: neither NULL nor misaligned, the rest is the caller's promise; no length that comes here
    // makes more bytes than a pointer can be offset by.
    Ok(unsafe { slice::from_raw_parts(values, length) })
}

/// # Safety
/// As `elements`, for the bytes that hold the bits.
unsafe fn bits<'a>(
    name: &str,
    bytes: *const u8,
    offset: usize,
    length: usize,
) -> Result<Bits<'a>, Problem> {
    let end = end_of(name, offset, length)?;
    // SAFETY: the caller's promise.
    Bits::new(unsafe { elements(name, bytes, end.div_ceil(8)) }?, offset, length)
}

/// Elements of the caller's to read.
///
/// # Safety
/// As `elements`.
pub(crate) unsafe fn slice_of<'a, T>(
    name: &str,
    values: *const T,
    length: usize,
) -> Result<&'a [T], Problem> {
    if length > MOST_ROWS {
        return Err(bad_argument(format!("{name} has {length} elements, more than there can be.")));
    }
    // SAFETY: the caller's promise.
    unsafe { elements(name, values, length) }
}

/// Elements of the caller's to write.
///
/// # Safety
/// `values` is NULL, misaligned, or points to `length` elements that nobody else uses during `'a`.
pub(crate) unsafe fn slice_of_mut<'a, T>(
    name: &str,
    values: *mut T,
    length: usize,
) -> Result<&'a mut [T], Problem> {
    // SAFETY: looked at for what is wrong with it, and not kept.
    unsafe { slice_of::<T>(name, values, length) }?;
    if length == 0 {
        return Ok(&mut []);
    }
    // SAFETY: neither NULL nor misaligned, and exclusive by the caller's promise.
    Ok(unsafe { slice::from_raw_parts_mut(values, length) })
}
