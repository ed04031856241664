//! Errors by code: `TaskerCore::Error.for` knows the class of each.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use magnus::{Error, Exception, Module, RClass, RModule, Ruby, prelude::*};
use tasker_columns::{Code, Place, Problem, Table};

/// The exception for a problem.
pub fn exception(ruby: &Ruby, problem: &Problem) -> Error {
    build(ruby, problem).map_or_else(|error| error, Error::from)
}

fn build(ruby: &Ruby, problem: &Problem) -> Result<Exception, Error> {
    let module: RModule = ruby.class_object().const_get("TaskerCore")?;
    let class: RClass = module.const_get("Error")?;
    let place = problem.place;
    class.funcall(
        "for",
        (
            problem.code.name(),
            problem.message.as_str(),
            place.map(|place| place.table.to_string()),
            place.map(|place| place.column),
            place.and_then(|place| place.row),
        ),
    )
}

/// A value that cannot be read, with its place.
pub fn bad_input(table: Table, column: &'static str, row: Option<usize>, what: &str) -> Problem {
    let place = Place { table, column, row };
    let mut problem = Problem::new(Code::BadInput, format!("{place} {what}."));
    problem.place = Some(place);
    problem
}

/// An argument outside of its range.
pub fn bad_argument(message: impl Into<String>) -> Problem {
    Problem::new(Code::BadArgument, message)
}

/// A defect of this program, with the words of its panic.
pub fn internal(payload: &(dyn Any + Send)) -> Problem {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    Problem::new(Code::Internal, format!("A defect: {}", text.unwrap_or("a panic without words")))
}

/// Runs what Ruby calls; a panic becomes an exception that can be rescued.
pub fn guarded<T>(ruby: &Ruby, work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Error> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(Failure::Problem(problem))) => Err(exception(ruby, &problem)),
        Ok(Err(Failure::Raised(error))) => Err(error),
        Err(payload) => Err(exception(ruby, &internal(payload.as_ref()))),
    }
}

/// Why a call ends without a value.
pub enum Failure {
    /// A problem of ours.
    Problem(Problem),
    /// Ruby raised, for instance because memory ran out or a thread was killed.
    Raised(Error),
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Raised(error)
    }
}
