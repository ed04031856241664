//! Ids that the library has made.

use std::ptr::null;

/// Ids that belong to whoever got them. Opaque.
#[derive(Debug)]
pub struct Ids(Vec<i64>);

impl Ids {
    /// A handle for the caller.
    pub(crate) fn handle(ids: Vec<i64>) -> *mut Self {
        Box::into_raw(Box::new(Self(ids)))
    }
}

/// Number of ids; 0 for NULL. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tasker_ids_count(ids: *const Ids) -> usize {
    // SAFETY: NULL or a handle, see the crate.
    unsafe { ids.as_ref() }.map_or(0, |ids| ids.0.len())
}

/// The ids, one behind the other, for as long as the handle lives; NULL for NULL. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tasker_ids_data(ids: *const Ids) -> *const i64 {
    // SAFETY: NULL or a handle, see the crate.
    unsafe { ids.as_ref() }.map_or(null(), |ids| ids.0.as_ptr())
}

/// Takes ids back. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tasker_ids_free(ids: *mut Ids) {
    if !ids.is_null() {
        // SAFETY: a handle that `Ids::handle` made, given back once.
        drop(unsafe { Box::from_raw(ids) });
    }
}
