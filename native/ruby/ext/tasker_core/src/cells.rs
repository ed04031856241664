//! Reads arrays of Ruby values into columns; calls no method of theirs.

use magnus::value::ReprValue;
use magnus::{Float, Integer, RArray, RString, Symbol, Time, Value};
use tasker_columns::states::StateTexts;
use tasker_columns::{Problem, Table};

use crate::column::{Memory, Numbers};
use crate::error::bad_input;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Ids.
    Id,
    /// Numbers of 32 bits.
    Integer,
    /// true and false.
    Boolean,
    /// Codes or texts.
    State,
    /// µs since the epoch or times.
    Instant,
}

/// A column with its place and what it holds.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    pub table: Table,
    pub name: &'static str,
    pub kind: Kind,
}

impl Wanted {
    /// Reads an array; O(rows).
    pub fn read(&self, array: RArray, texts: &mut StateTexts) -> Result<Memory, Problem> {
        match self.kind {
            Kind::Id | Kind::Integer => self.collect(array, 0, integer).map(number(Numbers::I64)),
            Kind::Boolean => self.collect(array, 0, boolean).map(number(Numbers::U8)),
            Kind::State => {
                self.collect(array, 0, |value| state(value, texts)).map(number(Numbers::U8))
            }
            Kind::Instant => self.collect(array, 0.0, instant).map(number(Numbers::F64)),
        }
    }

    fn collect<T: Copy>(
        &self,
        array: RArray,
        null: T,
        mut read: impl FnMut(Value) -> Result<T, String>,
    ) -> Result<(Vec<T>, Option<Vec<u8>>), Problem> {
        let length = array.len();
        let mut values = Vec::with_capacity(length);
        let mut validity: Option<Vec<u8>> = None;
        for row in 0..length {
            // checked each time: nothing called here changes the array, but that is not ours to promise
            let entry = array.entry::<Value>(row as isize);
            let value = entry.map_err(|error| self.bad(row, &error.to_string()))?;
            if value.is_nil() {
                validity.get_or_insert_with(|| vec![1; length])[row] = 0;
                values.push(null);
            } else {
                values.push(read(value).map_err(|what| self.bad(row, &what))?);
            }
        }
        Ok((values, validity))
    }

    fn bad(&self, row: usize, what: &str) -> Problem {
        bad_input(self.table, self.name, Some(row), what)
    }
}

fn number<T>(numbers: fn(Vec<T>) -> Numbers) -> impl Fn((Vec<T>, Option<Vec<u8>>)) -> Memory {
    move |(values, validity)| Memory { numbers: numbers(values), validity }
}

fn is_no(value: Value, wanted: &str) -> String {
    // the name of the class alone: the text of a value may be long, or be made by code of others
    format!("is a value of {}, not {wanted}", value.class())
}

fn integer(value: Value) -> Result<i64, String> {
    let integer = Integer::from_value(value).ok_or_else(|| is_no(value, "Integer"))?;
    integer.to_i64().map_err(|_| "does not fit into 64 bits".to_owned())
}

fn boolean(value: Value) -> Result<u8, String> {
    if value.is_kind_of(magnus::Ruby::get_with(value).class_true_class()) {
        return Ok(1);
    }
    if !value.to_bool() {
        return Ok(0);
    }
    match integer(value) {
        Ok(bit @ 0..=1) => Ok(bit as u8),
        _ => Err(is_no(value, "true or false")),
    }
}

fn state(value: Value, texts: &mut StateTexts) -> Result<u8, String> {
    if let Some(code) = Integer::from_value(value) {
        return code.to_u8().map_err(|_| "is no state code".to_owned());
    }
    let text = if let Some(text) = RString::from_value(value) {
        text.to_string().map_err(|_| "is no text in UTF-8".to_owned())?
    } else if let Some(symbol) = Symbol::from_value(value) {
        symbol.name().map_err(|_| "is no text in UTF-8".to_owned())?.into_owned()
    } else {
        return Err(is_no(value, "the text or code of a state"));
    };
    texts.code(&text).ok_or_else(|| "is the 125th state text outside of the contract".to_owned())
}

fn instant(value: Value) -> Result<f64, String> {
    /// Whole numbers up to here are exact.
    const MOST_MICROS: i64 = 1 << 53;
    let exact = |micros: i64| {
        if micros.unsigned_abs() <= MOST_MICROS as u64 {
            Ok(micros as f64)
        } else {
            Err("is further from the epoch than 2^53 µs".to_owned())
        }
    };
    if let Some(float) = Float::from_value(value) {
        let micros = float.to_f64();
        return if micros.is_nan() { Err("is NaN".to_owned()) } else { Ok(micros) };
    }
    if let Some(time) = Time::from_value(value) {
        let time = time.timespec().map_err(|_| "is out of range".to_owned())?;
        let micros = time.tv_sec.checked_mul(1_000_000);
        let micros = micros.and_then(|micros| micros.checked_add(time.tv_nsec / 1_000));
        return micros.map_or_else(|| Err("is out of range".to_owned()), exact);
    }
    if Integer::from_value(value).is_none() {
        return Err(is_no(value, "a Time or µs since the epoch"));
    }
    exact(integer(value)?)
}

/// A clock: as an instant of a column.
pub fn clock(value: Value) -> Result<f64, Problem> {
    instant(value).map_err(|what| crate::error::bad_argument(format!("now {what}.")))
}
