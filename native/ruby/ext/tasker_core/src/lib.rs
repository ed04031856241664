//! The resolver for Ruby: classes around `tasker-columns`. What a caller sees stands in `lib/`, which adds
//! keyword arguments, rows and error classes; nothing here keeps memory of Ruby's while it works.

mod cells;
mod column;
mod error;
mod input;
mod interrupt;
mod shown;
mod snapshot;

use magnus::{Error, Module, Ruby};

/// Called by `require "tasker_core.so"`; private, since the macro adds a function without documentation.
mod extension {
    use super::{Error, Module, Ruby, column, snapshot};

    #[magnus::init(name = "tasker_core")]
    fn init(ruby: &Ruby) -> Result<(), Error> {
        let module = ruby.define_module("TaskerCore")?;
        module.const_set("STATES", snapshot::states(ruby)?)?;
        column::define(ruby, module)?;
        snapshot::define(ruby, module)
    }
}
