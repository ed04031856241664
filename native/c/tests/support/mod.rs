//! What the fuzz run is fed with.

pub mod columns;
