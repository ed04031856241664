//! Codes and their texts.

use std::ffi::c_char;
use std::ptr::null;

use crate::error::Code;

/// State codes. 4 to 127 are the caller's to give to texts that are none of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum State {
    /// Not started; also what is without a current transition.
    Pending = 0,
    /// A handler is at work.
    InProgress = 1,
    /// The latest attempt failed.
    Error = 2,
    /// Given up by an operator.
    Cancelled = 3,
    /// Finished.
    Complete = 128,
    /// Finished by an operator.
    ResolvedManually = 129,
}

/// Text of a state code, NULL for one that the contract does not name. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tasker_state_name(state: u32) -> *const c_char {
    let name = match state {
        0 => c"pending",
        1 => c"in_progress",
        2 => c"error",
        3 => c"cancelled",
        128 => c"complete",
        129 => c"resolved_manually",
        _ => return null(),
    };
    name.as_ptr()
}

/// Text of a code of TASKER_FIELD_CONTEXT_EXECUTION_STATUS, NULL for any other. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tasker_execution_status_name(status: u32) -> *const c_char {
    let name = match status {
        0 => c"has_ready_steps",
        1 => c"processing",
        2 => c"blocked_by_failures",
        3 => c"all_complete",
        4 => c"waiting_for_dependencies",
        _ => return null(),
    };
    name.as_ptr()
}

/// The action recommended for a code of TASKER_FIELD_CONTEXT_EXECUTION_STATUS, NULL for any other. Any
/// thread.
#[unsafe(no_mangle)]
pub extern "C" fn tasker_recommended_action_name(status: u32) -> *const c_char {
    let name = match status {
        0 => c"execute_ready_steps",
        1 => c"wait_for_completion",
        2 => c"handle_failures",
        3 => c"finalize_task",
        4 => c"wait_for_dependencies",
        _ => return null(),
    };
    name.as_ptr()
}

/// Text of a code of TASKER_FIELD_CONTEXT_HEALTH_STATUS, NULL for any other. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tasker_health_status_name(status: u32) -> *const c_char {
    let name = match status {
        0 => c"healthy",
        1 => c"recovering",
        2 => c"blocked",
        _ => return null(),
    };
    name.as_ptr()
}

/// Stable name of a tasker_code, `TASKER_BAD_INPUT` and so on; NULL for TASKER_CODE_OK and what is no
/// code. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tasker_code_name(code: u32) -> *const c_char {
    const NAMES: [(Code, &std::ffi::CStr); 10] = [
        (Code::BadArgument, c"TASKER_BAD_ARGUMENT"),
        (Code::BadInput, c"TASKER_BAD_INPUT"),
        (Code::BadRow, c"TASKER_BAD_ROW"),
        (Code::BadSnapshot, c"TASKER_BAD_SNAPSHOT"),
        (Code::Cancelled, c"TASKER_CANCELLED"),
        (Code::Cycle, c"TASKER_CYCLE"),
        (Code::DanglingEdge, c"TASKER_DANGLING_EDGE"),
        (Code::Internal, c"TASKER_INTERNAL"),
        (Code::TooLarge, c"TASKER_TOO_LARGE"),
        (Code::UnknownTask, c"TASKER_UNKNOWN_TASK"),
    ];
    let known = NAMES.iter().find(|(known, _)| *known as u32 == code);
    known.map_or(null(), |(_, name)| name.as_ptr())
}

#[cfg(test)]
mod tests {
    use std::ffi::{CStr, c_char};

    use tasker_columns::{Code as Cause, EXECUTION_STATUSES, HEALTH_STATUSES, states::StateTexts};

    use super::*;

    fn text(name: *const c_char) -> Option<&'static str> {
        // SAFETY: the names live as long as the program.
        (!name.is_null()).then(|| unsafe { CStr::from_ptr(name) }.to_str().expect("ASCII"))
    }

    #[test]
    fn names_are_those_of_the_other_languages() {
        for &cause in Cause::ALL {
            assert_eq!(text(tasker_code_name(Code::from(cause) as u32)), Some(cause.name()));
            assert_eq!(Code::from(cause) as u32, cause as u32);
        }
        assert_eq!([0, 11, u32::MAX].map(|code| text(tasker_code_name(code))), [None; 3]);
        let states = StateTexts::default();
        for code in 0..=255 {
            assert_eq!(text(tasker_state_name(code)), states.text(code as u8));
        }
        for (code, (status, action)) in (0..).zip(EXECUTION_STATUSES) {
            assert_eq!(text(tasker_execution_status_name(code)), Some(status));
            assert_eq!(text(tasker_recommended_action_name(code)), Some(action));
        }
        assert_eq!(text(tasker_execution_status_name(5)), None);
        assert_eq!(text(tasker_recommended_action_name(5)), None);
        for (code, health) in (0..).zip(HEALTH_STATUSES) {
            assert_eq!(text(tasker_health_status_name(code)), Some(health));
        }
        assert_eq!(text(tasker_health_status_name(3)), None);
    }
}
