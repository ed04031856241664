//! Codes and bits inside the sections; the names are those of `src/graph`.

/// State codes of a node. Bit 7 says that the step is done; 4 to 127 are texts nobody knows here.
pub mod state {
    /// Not started; also a step without any transition.
    pub const PENDING: u8 = 0;
    /// A handler is at work.
    pub const IN_PROGRESS: u8 = 1;
    /// The latest attempt failed.
    pub const ERROR: u8 = 2;
    /// Given up by an operator.
    pub const CANCELLED: u8 = 3;
    /// Finished; this and everything above counts as done.
    pub const COMPLETE: u8 = 128;

    /// True for a code that is neither known nor done.
    #[inline]
    #[must_use]
    pub const fn is_foreign(code: u8) -> bool {
        code > CANCELLED && code < COMPLETE
    }
}

/// Bits of a node's flag byte.
pub mod flag {
    /// The step was worked off.
    pub const PROCESSED: u8 = 1;
    /// Somebody works at the step.
    pub const IN_PROCESS: u8 = 2;
    /// The step may not be tried again.
    pub const NOT_RETRYABLE: u8 = 4;
    /// The attempts are null in the row.
    pub const ATTEMPTS_NULL: u8 = 8;
    /// There is no explicit wait.
    pub const BACKOFF_NULL: u8 = 32;
}

/// Bits of a task's flag byte.
pub mod task_flag {
    /// Each local parent has a smaller number than its child: one forward pass suffices.
    pub const TOPOLOGICAL: u8 = 1;
    /// Written by the kernels: steps of the task stand on a cycle.
    pub const CYCLIC: u8 = 2;
    /// Written by the kernels: a root of the task leads into a cycle.
    pub const CYCLE_REACHABLE: u8 = 4;
    /// Rows of the task contradict each other: it stands in the snapshot, but is not answered.
    pub const REFUSED: u8 = 8;
}

/// Bits of a step's result byte.
pub mod result {
    /// Every parent is done.
    pub const SATISFIED: u8 = 1;
    /// An attempt is left.
    pub const ELIGIBLE: u8 = 2;
    /// The step may run now.
    pub const READY: u8 = 4;
    /// All but the clock is satisfied.
    pub const WAITING: u8 = 8;
    /// The step can never run again for its own sake.
    pub const DEAD: u8 = 16;
    /// An ancestor can never complete.
    pub const UNREACHABLE: u8 = 32;
    /// The step stands on a cycle that was reported.
    pub const ON_CYCLE: u8 = 64;
    /// In `error` without an attempt left.
    pub const EXHAUSTED: u8 = 128;
    /// Nothing can come of the step any more.
    pub const DEAD_END: u8 = DEAD | UNREACHABLE;
}

/// Execution statuses of a task.
pub mod status {
    /// At least one step may run now.
    pub const HAS_READY: u8 = 0;
    /// A step is running.
    pub const PROCESSING: u8 = 1;
    /// Nothing can run any more.
    pub const BLOCKED: u8 = 2;
    /// Every step is done.
    pub const ALL_COMPLETE: u8 = 3;
    /// Something can still become ready.
    pub const WAITING: u8 = 4;
}

/// Health statuses of a task.
pub mod health {
    /// No step failed.
    pub const HEALTHY: u8 = 0;
    /// Failures that can still be made good.
    pub const RECOVERING: u8 = 1;
    /// Failures that cannot.
    pub const BLOCKED: u8 = 2;
}
