//! The address of a JavaScript view's memory: all unsafe code of the binding but the one slice over
//! an array for ids in `planes.rs`.
//!
//! A view is accepted only over a SharedArrayBuffer. Such memory can neither be moved nor detached,
//! and stays allocated while anything refers to it: for a synchronous call the caller's argument
//! does, for an asynchronous one the reference in [`KeptView`].

use std::ptr;

use napi::bindgen_prelude::{FromNapiValue, TypeName, Uint8Array};
use napi::{Error, Result, Status, ValueType, check_status, sys};
use tasker_resolver::{Problem, Snapshot};

/// A `Uint8Array` over shared memory, for the duration of a call.
pub struct View {
    base: *mut u8,
    bytes: usize,
}

impl View {
    /// Reads the header. O(sections).
    pub fn snapshot(&self) -> std::result::Result<Snapshot<'_>, Problem> {
        // SAFETY: the memory outlives the view, see above. Whoever takes a part or reads the flags of
        // tasks has the header's holder word (`Hold`), by which resolvers of all threads keep each
        // other away; the others read inputs alone, which nobody writes.
        unsafe { Snapshot::from_raw(self.base, self.bytes) }
    }
}

impl TypeName for View {
    fn type_name() -> &'static str {
        "Uint8Array"
    }

    fn value_type() -> ValueType {
        ValueType::Object
    }
}

impl FromNapiValue for View {
    unsafe fn from_napi_value(env: sys::napi_env, value: sys::napi_value) -> Result<Self> {
        let mut kind = 0;
        let mut bytes = 0;
        let mut base = ptr::null_mut();
        let mut buffer = ptr::null_mut();
        let mut is_unshared = false;
        // SAFETY: napi-rs calls with a live environment and a value of it; every out-pointer is a
        // local of the type that Node-API writes.
        unsafe {
            check_status!(
                sys::napi_get_typedarray_info(
                    env,
                    value,
                    &mut kind,
                    &mut bytes,
                    &mut base,
                    &mut buffer,
                    ptr::null_mut(),
                ),
                "The view is no typed array"
            )?;
            check_status!(sys::napi_is_arraybuffer(env, buffer, &mut is_unshared))?;
        }
        if kind != sys::TypedarrayType::uint8_array || is_unshared {
            let message = "The view is no Uint8Array over a SharedArrayBuffer";
            return Err(Error::new(Status::InvalidArg, message.to_owned()));
        }
        Ok(Self { base: base.cast(), bytes })
    }
}

/// A view that keeps its memory allocated until it is dropped.
pub struct KeptView {
    view: View,
    _array: Uint8Array,
}

// SAFETY: the address is good in every thread, and the reference is a handle that napi-rs allows to
// be sent; it is dropped in the thread of its environment, after the work.
unsafe impl Send for KeptView {}

impl KeptView {
    /// As [`View::snapshot`].
    pub fn snapshot(&self) -> std::result::Result<Snapshot<'_>, Problem> {
        self.view.snapshot()
    }
}

impl TypeName for KeptView {
    fn type_name() -> &'static str {
        View::type_name()
    }

    fn value_type() -> ValueType {
        View::value_type()
    }
}

impl FromNapiValue for KeptView {
    unsafe fn from_napi_value(env: sys::napi_env, value: sys::napi_value) -> Result<Self> {
        // SAFETY: the same environment and value that this function was called with.
        unsafe {
            let view = View::from_napi_value(env, value)?;
            Ok(Self { view, _array: Uint8Array::from_napi_value(env, value)? })
        }
    }
}
