//! C interface of `tasker-columns`: `include/tasker.h` is made of this crate and describes it.
//!
//! Every function that runs more than a few lines is guarded (`error::guarded`): a panic, which would
//! be a defect, becomes `TASKER_CODE_INTERNAL` and never crosses the border. What the caller has to
//! keep to is said once, here, for all of them: a pointer is NULL or points to what its type and the
//! lengths beside it say, for as long as the call lasts; a handle came from this library and was not
//! given back yet. NULL, a length beyond what a snapshot numbers and a misaligned pointer are found out
//! and refused.

// the promise above is that of every function: it would stand here some thirty times
#![allow(clippy::missing_safety_doc)]

pub mod answer;
pub mod error;
pub mod ids;
pub mod input;
pub mod names;
pub mod shape;
pub mod snapshot;

/// Raised with every change that a caller compiled against an older header would not survive.
pub const TASKER_ABI_VERSION: u32 = 1;

/// The interface that the library has; compare it with TASKER_ABI_VERSION of the header. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tasker_abi_version() -> u32 {
    TASKER_ABI_VERSION
}
