//! Work without the lock of the interpreter, which other threads of Ruby have meanwhile.

use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicU32, Ordering};

use magnus::rb_sys::protect;
use rb_sys::{Qnil, RB_NOGVL_INTR_FAIL, RB_NOGVL_UBF_ASYNC_SAFE, rb_nogvl, rb_thread_check_ints};
use tasker_columns::{Code, Problem};

use crate::error::{Failure, internal};

const FLAGS: i32 = (RB_NOGVL_INTR_FAIL | RB_NOGVL_UBF_ASYNC_SAFE) as i32;

struct Job<'a, F, T> {
    work: F,
    cancel: &'a AtomicU32,
    result: Option<Result<T, Problem>>,
}

/// Runs `work` without the lock. It must not touch anything of Ruby's, and ends early with `Cancelled` once
/// its argument is not zero: a signal came, or another thread raises in this one. It is called again where
/// that turns out to be of no consequence.
///
/// # Errors
/// Those of `work`, and whatever the interrupt raises.
pub fn without_lock<F, T>(work: F) -> Result<T, Failure>
where
    F: FnMut(&AtomicU32) -> Result<T, Problem> + Send,
    T: Send,
{
    let cancel = AtomicU32::new(0);
    let mut job = Job { work, cancel: &cancel, result: None };
    loop {
        // SAFETY: both functions get what they expect, which outlives the call; neither unwinds. With the
        // first flag nothing is raised behind the work, so that nothing is jumped over; the second one,
        // which a store to an atomic deserves, saves the thread that Ruby would start for `interrupt`.
        unsafe {
            rb_nogvl(
                Some(run::<F, T>),
                (&raw mut job).cast(),
                Some(interrupt),
                (&raw const cancel).cast_mut().cast(),
                FLAGS,
            );
        }
        match job.result.take() {
            // interrupted before it began, or while it ran
            None => {}
            Some(Err(problem)) if problem.code == Code::Cancelled => {}
            Some(result) => return result.map_err(Failure::Problem),
        }
        check_interrupts()?;
        cancel.store(0, Ordering::Relaxed);
    }
}

/// Raises what another thread or a signal handler wants to be raised here.
fn check_interrupts() -> Result<(), Failure> {
    protect(|| {
        // SAFETY: called with the lock; what it raises is caught by `protect`.
        unsafe { rb_thread_check_ints() };
        Qnil.into()
    })?;
    Ok(())
}

extern "C" fn run<F, T>(job: *mut c_void) -> *mut c_void
where
    F: FnMut(&AtomicU32) -> Result<T, Problem>,
{
    // SAFETY: the job of `without_lock`, which waits; nobody else has it.
    let job = unsafe { &mut *job.cast::<Job<'_, F, T>>() };
    let result = catch_unwind(AssertUnwindSafe(|| (job.work)(job.cancel)));
    job.result = Some(result.unwrap_or_else(|payload| Err(internal(payload.as_ref()))));
    null_mut()
}

extern "C" fn interrupt(cancel: *mut c_void) {
    // SAFETY: the flag of `without_lock`, which waits; it is only ever shared.
    let cancel = unsafe { &*cancel.cast::<AtomicU32>() };
    cancel.store(1, Ordering::Relaxed);
}
