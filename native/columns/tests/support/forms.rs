//! The columns of a case in memory, in every form that a column may have.

use tasker_columns::{Bits, Column, Edges, Input, Steps, Tasks, Validity, Values};

use super::Case;

/// How columns lie in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// numpy's: bytes for booleans and for what is null, i64 throughout.
    Bytes,
    /// Arrow's: bits behind an offset, the narrowest types.
    Bits,
    /// What C and databases have: i32, f64 for instants.
    Narrow,
}

pub const FORMS: [Form; 3] = [Form::Bytes, Form::Bits, Form::Narrow];

/// What a column holds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Id,
    Integer,
    Boolean,
    State,
    Instant,
}

enum Stored {
    U8(Vec<u8>),
    I32(Vec<i32>),
    I64(Vec<i64>),
    F64(Vec<f64>),
    Bits(Vec<u8>),
}

/// Bits in front of those that count.
const OFFSET: usize = 5;

/// A column's memory.
pub struct Memory {
    stored: Stored,
    valid: Vec<u8>,
    length: usize,
    has_nulls: bool,
    form: Form,
}

fn packed(bits: impl Iterator<Item = bool>) -> Vec<u8> {
    let mut bytes = vec![0b1_0101];
    for (at, bit) in (OFFSET..).zip(bits) {
        if at / 8 == bytes.len() {
            bytes.push(0);
        }
        bytes[at / 8] |= u8::from(bit) << (at % 8);
    }
    bytes
}

impl Memory {
    fn new(words: &[String], kind: Kind, form: Form) -> Self {
        let is_null = |word: &String| word == "null";
        // what stands in the place of a null must not matter
        fn read<T>(words: &[String], null: T) -> Vec<T>
        where
            T: std::str::FromStr + Copy,
            T::Err: std::fmt::Debug,
        {
            let value = |word: &String| if word == "null" { null } else { word.parse().unwrap() };
            words.iter().map(value).collect()
        }
        let has = |word: &str| words.iter().any(|other| other == word);
        let stored = match (kind, form) {
            (Kind::Id, Form::Narrow) if words.iter().all(|word| word.parse::<i32>().is_ok()) => {
                Stored::I32(read(words, 0))
            }
            (Kind::Integer, Form::Bits | Form::Narrow) => Stored::I32(read(words, i32::MIN)),
            (Kind::Integer, Form::Bytes) => Stored::I64(read(words, i64::MAX)),
            (Kind::Id, _) => Stored::I64(read(words, 0)),
            (Kind::Boolean, Form::Bits) => {
                Stored::Bits(packed(words.iter().map(|word| word != "0")))
            }
            (Kind::Boolean | Kind::State, _) => Stored::U8(read(words, 255)),
            (Kind::Instant, Form::Narrow) => Stored::F64(read(words, f64::NAN)),
            (Kind::Instant, _) if has("inf") || has("-inf") => Stored::F64(read(words, 0.0)),
            (Kind::Instant, _) => Stored::I64(read(words, i64::MIN)),
        };
        let valid: Vec<u8> = match form {
            Form::Bits => packed(words.iter().map(|word| !is_null(word))),
            _ => words.iter().map(|word| if is_null(word) { 0 } else { 7 }).collect(),
        };
        let has_nulls = words.iter().any(is_null);
        Self { stored, valid, length: words.len(), has_nulls, form }
    }

    pub fn column(&self) -> Column<'_> {
        let bits = |bytes| Bits::new(bytes, OFFSET, self.length).expect("enough bits");
        let values = match &self.stored {
            Stored::U8(values) => Values::U8(values),
            Stored::I32(values) => Values::I32(values),
            Stored::I64(values) => Values::I64(values),
            Stored::F64(values) => Values::F64(values),
            Stored::Bits(bytes) => Values::Bits(bits(bytes)),
        };
        let is_plain = !self.has_nulls || matches!(self.stored, Stored::I64(_));
        let validity = match self.form {
            // numpy says NaT inside of the values
            Form::Bytes if is_plain && self.is_nat() => Validity::All,
            Form::Bits => Validity::Bits(bits(&self.valid)),
            _ => Validity::Bytes(&self.valid),
        };
        Column { values, validity }
    }

    /// Whether each null is `i64::MIN`.
    fn is_nat(&self) -> bool {
        let Stored::I64(values) = &self.stored else { return !self.has_nulls };
        values.iter().zip(&self.valid).all(|(&value, &valid)| valid != 0 || value == i64::MIN)
    }
}

/// The memory of a whole case.
pub struct CaseMemory {
    columns: Vec<(String, Memory)>,
}

const KINDS: [(&str, Kind); 19] = [
    ("tasks.task_id", Kind::Id),
    ("tasks.named_task_id", Kind::Integer),
    ("tasks.state", Kind::State),
    ("steps.workflow_step_id", Kind::Id),
    ("steps.task_id", Kind::Id),
    ("steps.named_step_id", Kind::Integer),
    ("steps.state", Kind::State),
    ("steps.transitioned_at", Kind::Instant),
    ("steps.attempts", Kind::Integer),
    ("steps.retry_limit", Kind::Integer),
    ("steps.retryable", Kind::Boolean),
    ("steps.in_process", Kind::Boolean),
    ("steps.processed", Kind::Boolean),
    ("steps.skippable", Kind::Boolean),
    ("steps.backoff_request_seconds", Kind::Integer),
    ("steps.last_attempted_at", Kind::Instant),
    ("steps.next_attempt_at", Kind::Instant),
    ("edges.from_step_id", Kind::Id),
    ("edges.to_step_id", Kind::Id),
];

impl CaseMemory {
    pub fn new(case: &Case, form: Form) -> Self {
        let memory = |(name, kind): &(&str, Kind)| {
            ((*name).to_owned(), Memory::new(&case.input[*name], *kind, form))
        };
        Self { columns: KINDS.iter().map(memory).collect() }
    }

    fn get(&self, name: &str) -> Column<'_> {
        let found = self.columns.iter().find(|(other, _)| other == name);
        found.expect("a column of the input").1.column()
    }

    pub fn input(&self) -> Input<'_> {
        let step = |name: &str| Some(self.get(&format!("steps.{name}")));
        Input {
            tasks: Tasks {
                task_id: self.get("tasks.task_id"),
                named_task_id: Some(self.get("tasks.named_task_id")),
                state: Some(self.get("tasks.state")),
            },
            steps: Steps {
                workflow_step_id: self.get("steps.workflow_step_id"),
                task_id: self.get("steps.task_id"),
                named_step_id: step("named_step_id"),
                state: step("state"),
                transitioned_at: step("transitioned_at"),
                attempts: step("attempts"),
                retry_limit: step("retry_limit"),
                retryable: step("retryable"),
                in_process: step("in_process"),
                processed: step("processed"),
                skippable: step("skippable"),
                backoff_request_seconds: step("backoff_request_seconds"),
                last_attempted_at: step("last_attempted_at"),
                next_attempt_at: step("next_attempt_at"),
            },
            edges: Edges {
                from_step_id: self.get("edges.from_step_id"),
                to_step_id: self.get("edges.to_step_id"),
            },
            has_foreign_steps: false,
        }
    }
}
