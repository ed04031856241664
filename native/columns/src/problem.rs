//! What is wrong with an input or a question, by code.

use std::fmt;

use crate::tables::Table;

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $variant:ident $name:literal $number:literal;)+) => {
        /// Stable error codes; but for `Cancelled` and `Internal`, which other languages say in their
        /// own way, those of `docs/errors.md`. The numbers are those of the C header.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u32)]
        pub enum Code { $($(#[doc = $doc])+ $variant = $number,)+ }

        impl Code {
            /// Every code, ascending.
            pub const ALL: &[Code] = &[$(Code::$variant,)+];

            /// The code as every language spells it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Code::$variant => $name,)+ }
            }
        }
    };
}

codes! {
    /// An argument has a value outside of its documented range.
    BadArgument "TASKER_BAD_ARGUMENT" 1;
    /// A column cannot be read: of another type or length, without a value it needs, out of range.
    BadInput "TASKER_BAD_INPUT" 2;
    /// A row contradicts another one.
    BadRow "TASKER_BAD_ROW" 3;
    /// A snapshot buffer contradicts itself; no input leads to it.
    BadSnapshot "TASKER_BAD_SNAPSHOT" 4;
    /// The work was ended by its caller.
    Cancelled "TASKER_CANCELLED" 5;
    /// The steps of a task depend on each other in a circle.
    Cycle "TASKER_CYCLE" 6;
    /// An edge names a step that does not exist.
    DanglingEdge "TASKER_DANGLING_EDGE" 7;
    /// A defect of this program.
    Internal "TASKER_INTERNAL" 8;
    /// More rows than a snapshot numbers.
    TooLarge "TASKER_TOO_LARGE" 9;
    /// A step names a task that does not exist.
    UnknownTask "TASKER_UNKNOWN_TASK" 10;
}

/// Where in the input a problem lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The table.
    pub table: Table,
    /// The column, named as in the database.
    pub column: &'static str,
    /// Number of the row in the input, where one row is to blame.
    pub row: Option<usize>,
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.table, self.column)?;
        self.row.map_or(Ok(()), |row| write!(formatter, "[{row}]"))
    }
}

/// Why there is no answer at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What kind of problem.
    pub code: Code,
    /// One sentence for people.
    pub message: String,
    /// Where in the input, where it lies there.
    pub place: Option<Place>,
}

impl Problem {
    /// A problem that lies nowhere in the input.
    #[must_use]
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), place: None }
    }

    pub(crate) fn at(code: Code, place: Place, what: impl fmt::Display) -> Self {
        Self { code, message: format!("{place} {what}."), place: Some(place) }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.code.name(), self.message)
    }
}

impl std::error::Error for Problem {}

impl From<tasker_resolver::Problem> for Problem {
    fn from(problem: tasker_resolver::Problem) -> Self {
        Self::new(Code::BadSnapshot, problem.to_string())
    }
}

/// A row that contradicts the others. Beside it everything is answered, but for the task of a
/// `refused` row, which is set apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowProblem {
    /// `BadRow`, `DanglingEdge` or `UnknownTask`.
    pub code: Code,
    /// One sentence for people, the same in every language.
    pub message: String,
    /// The table of the row.
    pub table: Table,
    /// Id of the row, or of the row it is about.
    pub id: i64,
    /// Id of the task that it concerns, where there is one.
    pub task_id: Option<i64>,
    /// Whether the task is taken out of the answers.
    pub refused: bool,
}
