//! Reads columns: every value is checked, and what is wrong names its place.

use std::borrow::Cow;

use tasker_resolver::sections::MOST_ROWS;

use crate::column::{Column, Values};
use crate::problem::{Code, Place, Problem};
use crate::states;
use crate::tables::Table;

/// Most that a whole number of µs may be off the epoch: a double holds it exactly.
const MOST_MICROS: i64 = 1 << 53;
/// No row of the input: a step that only an edge names.
pub(crate) const NO_ROW: u32 = u32::MAX;

/// A column with its name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Named<'a> {
    pub table: Table,
    pub name: &'static str,
    pub column: Column<'a>,
}

/// Rows of the input in the order of the snapshot.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Rows<'a> {
    /// The first so many, as they are.
    All(usize),
    /// These; [`NO_ROW`] for what is not in the input.
    Listed(&'a [u32]),
}

impl Rows<'_> {
    /// Calls `read` with each position and its row.
    #[inline]
    pub fn each(
        &self,
        mut read: impl FnMut(usize, usize) -> Result<(), Problem>,
    ) -> Result<(), Problem> {
        match self {
            Self::All(count) => (0..*count).try_for_each(|at| read(at, at)),
            Self::Listed(rows) => rows
                .iter()
                .enumerate()
                .filter(|&(_, &row)| row != NO_ROW)
                .try_for_each(|(at, &row)| read(at, row as usize)),
        }
    }
}

impl<'a> Named<'a> {
    /// Checks how many elements the column has, and its validity.
    pub fn require_rows(&self, rows: usize) -> Result<(), Problem> {
        let length = self.column.len();
        if length > MOST_ROWS {
            return Err(self.problem(
                Code::TooLarge,
                None,
                format_args!("has {length} rows, more than one snapshot numbers"),
            ));
        }
        if let Some(held) = self.column.wrong_validity() {
            let what = format_args!("has {length} rows and a validity of {held}");
            return Err(self.bad(None, what));
        }
        if length != rows {
            return Err(self.bad(None, format_args!("has {length} rows instead of {rows}")));
        }
        Ok(())
    }

    /// All ids, without a copy where they are 64 bits wide.
    pub fn ids(&self) -> Result<Cow<'a, [i64]>, Problem> {
        if let Some(row) = (0..self.column.len()).find(|&row| self.is_null(row)) {
            return Err(self.bad(Some(row), "is null"));
        }
        match self.column.values {
            Values::I64(ids) => Ok(Cow::Borrowed(ids)),
            Values::I32(ids) => Ok(Cow::Owned(ids.iter().map(|&id| i64::from(id)).collect())),
            _ => Err(self.wrong_type("i64 or i32")),
        }
    }

    /// Writes the numbers of some rows; calls `null` with the position of each null.
    pub fn integers(
        &self,
        rows: &Rows<'_>,
        out: &mut [i32],
        mut null: impl FnMut(usize, &mut i32),
    ) -> Result<(), Problem> {
        match self.column.values {
            Values::I32(values) => rows.each(|at, row| {
                if self.is_null(row) {
                    null(at, &mut out[at]);
                } else {
                    out[at] = values[row];
                }
                Ok(())
            }),
            Values::I64(values) => rows.each(|at, row| {
                if self.is_null(row) {
                    null(at, &mut out[at]);
                    return Ok(());
                }
                let value = i32::try_from(values[row]);
                out[at] = value.map_err(|_| {
                    let what = format_args!("is {}, which does not fit into 32 bits", values[row]);
                    self.bad(Some(row), what)
                })?;
                Ok(())
            }),
            _ => Err(self.wrong_type("i32 or i64")),
        }
    }

    /// As [`Named::integers`], where none may be null.
    pub fn required_integers(&self, rows: &Rows<'_>, out: &mut [i32]) -> Result<(), Problem> {
        let mut first_null = None;
        self.integers(rows, out, |at, _| first_null = first_null.or(Some(at)))?;
        match (first_null, rows) {
            (None, _) => Ok(()),
            (Some(at), Rows::All(_)) => Err(self.bad(Some(at), "is null")),
            (Some(at), Rows::Listed(rows)) => Err(self.bad(Some(rows[at] as usize), "is null")),
        }
    }

    /// Calls `write` with the position and value of each boolean that is not null.
    pub fn booleans(
        &self,
        rows: &Rows<'_>,
        mut write: impl FnMut(usize, bool),
    ) -> Result<(), Problem> {
        match self.column.values {
            Values::U8(values) => rows.each(|at, row| {
                if !self.is_null(row) {
                    if values[row] > 1 {
                        let what = format_args!("is {}, not 0 or 1", values[row]);
                        return Err(self.bad(Some(row), what));
                    }
                    write(at, values[row] == 1);
                }
                Ok(())
            }),
            Values::Bits(bits) => rows.each(|at, row| {
                if !self.is_null(row) {
                    write(at, bits.get(row));
                }
                Ok(())
            }),
            _ => Err(self.wrong_type("u8 or bits")),
        }
    }

    /// Calls `write` with the position and code of each state that is not null.
    pub fn states(&self, rows: &Rows<'_>, mut write: impl FnMut(usize, u8)) -> Result<(), Problem> {
        let Values::U8(codes) = self.column.values else { return Err(self.wrong_type("u8")) };
        rows.each(|at, row| {
            if !self.is_null(row) {
                if !states::is_code(codes[row]) {
                    let what = format_args!("is {}, which is no state code", codes[row]);
                    return Err(self.bad(Some(row), what));
                }
                write(at, codes[row]);
            }
            Ok(())
        })
    }

    /// Checks that the column holds instants, so that [`Named::instant`] can read them.
    pub fn require_instants(&self) -> Result<(), Problem> {
        match self.column.values {
            Values::I64(_) | Values::F64(_) => Ok(()),
            _ => Err(self.wrong_type("i64 or f64")),
        }
    }

    /// One instant, µs since the epoch; NaN for null.
    #[inline]
    pub fn instant(&self, row: usize) -> Result<f64, Problem> {
        if self.is_null(row) {
            return Ok(f64::NAN);
        }
        match self.column.values {
            Values::I64(values) => match values[row] {
                i64::MIN => Ok(f64::NAN),
                value if value.abs() <= MOST_MICROS => Ok(value as f64),
                value => {
                    let what = format_args!("is {value} µs, which a double does not hold exactly");
                    Err(self.bad(Some(row), what))
                }
            },
            Values::F64(values) if values[row].is_nan() => Err(self.bad(Some(row), "is NaN")),
            Values::F64(values) => Ok(values[row]),
            _ => Err(self.wrong_type("i64 or f64")),
        }
    }

    #[inline]
    fn is_null(&self, row: usize) -> bool {
        !self.column.validity.is_valid(row)
    }

    fn wrong_type(&self, wanted: &str) -> Problem {
        let kind = self.column.values.kind();
        self.bad(None, format_args!("is of the type {kind}, not {wanted}"))
    }

    fn bad(&self, row: Option<usize>, what: impl std::fmt::Display) -> Problem {
        self.problem(Code::BadInput, row, what)
    }

    fn problem(&self, code: Code, row: Option<usize>, what: impl std::fmt::Display) -> Problem {
        Problem::at(code, Place { table: self.table, column: self.name, row }, what)
    }
}

/// Instants of a column that may be absent.
pub(crate) fn instant_of(column: Option<&Named<'_>>, row: usize) -> Result<f64, Problem> {
    column.map_or(Ok(f64::NAN), |column| column.instant(row))
}
