//! Errors, and the border that no panic crosses.

use std::any::Any;
use std::ffi::{CString, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::null_mut;

use tasker_columns::{Code as Cause, Place as InputPlace, Problem, Table as InputTable};

/// What became of a call; but for TASKER_CANCELLED and TASKER_INTERNAL, docs/errors.md has the names, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Code {
    /// The call did what it was asked for.
    Ok = 0,
    /// An argument has a value outside of its documented range.
    BadArgument = 1,
    /// A column cannot be read; tasker_error_place says which, and often the row.
    BadInput = 2,
    /// A row contradicts another one (of row problems only).
    BadRow = 3,
    /// A snapshot contradicts itself, which no input leads to.
    BadSnapshot = 4,
    /// The word that tasker_question points to was set.
    Cancelled = 5,
    /// The steps of the task depend on each other in a circle.
    Cycle = 6,
    /// An edge names a step that does not exist (of row problems only).
    DanglingEdge = 7,
    /// A defect of this library.
    Internal = 8,
    /// More rows than one snapshot numbers (2^31 - 1 of a kind), or more than 32 GiB.
    TooLarge = 9,
    /// There is no such task.
    UnknownTask = 10,
}

impl From<Cause> for Code {
    fn from(cause: Cause) -> Self {
        match cause {
            Cause::BadArgument => Self::BadArgument,
            Cause::BadInput => Self::BadInput,
            Cause::BadRow => Self::BadRow,
            Cause::BadSnapshot => Self::BadSnapshot,
            Cause::Cancelled => Self::Cancelled,
            Cause::Cycle => Self::Cycle,
            Cause::DanglingEdge => Self::DanglingEdge,
            Cause::Internal => Self::Internal,
            Cause::TooLarge => Self::TooLarge,
            Cause::UnknownTask => Self::UnknownTask,
        }
    }
}

/// A table of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Table {
    /// Tasks.
    Tasks = 0,
    /// Workflow steps.
    Steps = 1,
    /// Edges.
    Edges = 2,
}

impl From<InputTable> for Table {
    fn from(table: InputTable) -> Self {
        match table {
            InputTable::Tasks => Self::Tasks,
            InputTable::Steps => Self::Steps,
            InputTable::Edges => Self::Edges,
        }
    }
}

/// Where in the input an error lies.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Place {
    /// Name of the column, as in the database; lives as long as the error.
    pub column: *const c_char,
    /// Number of the row, -1 where no single row is to blame.
    pub row: i64,
    /// The table.
    pub table: Table,
}

/// Why a call failed. Opaque.
#[derive(Debug)]
pub struct Error {
    code: Code,
    message: CString,
    place: Option<(InputPlace, CString)>,
}

impl From<Problem> for Error {
    fn from(Problem { code, message, place }: Problem) -> Self {
        let place = place.map(|place| (place, c_string(place.column)));
        Self { code: code.into(), message: c_string(&message), place }
    }
}

/// A text for C; none of ours holds a NUL.
pub(crate) fn c_string(text: &str) -> CString {
    CString::new(text.replace('\0', "")).unwrap_or_default()
}

/// A refusal of an argument.
pub(crate) fn bad_argument(message: impl Into<String>) -> Problem {
    Problem::new(Cause::BadArgument, message)
}

/// Runs the work; whatever it ends in becomes a code, a panic too.
///
/// # Safety
/// `error` is NULL or may be written.
pub(crate) unsafe fn guarded(
    error: *mut *mut Error,
    work: impl FnOnce() -> Result<(), Problem>,
) -> Code {
    let result = catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let message = format!("The library panicked: {}.", panic_text(&*panic));
        Err(Problem::new(Cause::Internal, message))
    });
    let (code, handle) = match result {
        Ok(()) => (Code::Ok, null_mut()),
        Err(problem) if error.is_null() => (problem.code.into(), null_mut()),
        Err(problem) => (problem.code.into(), Box::into_raw(Box::new(Error::from(problem)))),
    };
    if !error.is_null() {
        // SAFETY: not NULL, and the caller's to be written.
        unsafe { error.write(handle) };
    }
    code
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    match panic.downcast_ref::<&str>() {
        Some(text) => text,
        None => panic.downcast_ref::<String>().map_or("for no stated reason", String::as_str),
    }
}

/// The code of an error; TASKER_CODE_OK for NULL. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tasker_error_code(error: *const Error) -> Code {
    // SAFETY: NULL or a handle, see the crate.
    unsafe { error.as_ref() }.map_or(Code::Ok, |error| error.code)
}

/// One sentence for people, UTF-8; lives as long as the error. Empty for NULL. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tasker_error_message(error: *const Error) -> *const c_char {
    // SAFETY: NULL or a handle, see the crate.
    unsafe { error.as_ref() }.map_or(c"".as_ptr(), |error| error.message.as_ptr())
}

/// Writes where in the input the error lies and returns 1, or returns 0 where it lies nowhere there. Any
/// thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tasker_error_place(error: *const Error, place: *mut Place) -> u32 {
    // SAFETY: NULL or a handle, see the crate.
    let found = unsafe { error.as_ref() }.and_then(|error| error.place.as_ref());
    let (Some((found, column)), false) = (found, place.is_null()) else { return 0 };
    let row = found.row.map_or(-1, |row| row as i64);
    let found = Place { column: column.as_ptr(), row, table: found.table.into() };
    // SAFETY: not NULL, and the caller's to be written.
    unsafe { place.write(found) };
    1
}

/// Takes an error back. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tasker_error_free(error: *mut Error) {
    if !error.is_null() {
        // SAFETY: a handle that `guarded` made, given back once.
        drop(unsafe { Box::from_raw(error) });
    }
}
