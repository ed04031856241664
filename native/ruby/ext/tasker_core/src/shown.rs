//! Columns of answers as arrays of Ruby values, or packed.

use magnus::value::ReprValue;
use magnus::{Error, IntoValue, RArray, Ruby, Value};
use tasker_columns::states::StateTexts;
use tasker_columns::{Answer, EXECUTION_STATUSES, HEALTH_STATUSES, Problem, percentage_text};

use crate::column::{Memory, Numbers};
use crate::error::bad_argument;

/// What the numbers of a column stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// Themselves.
    Number,
    /// true and false.
    Boolean,
    /// µs since the epoch, NaN for null.
    Instant,
    /// State codes.
    State,
    /// Indices into the names of execution statuses.
    ExecutionStatus,
    /// Likewise, of what is recommended.
    RecommendedAction,
    /// Likewise, of health.
    HealthStatus,
}

/// A column and what its numbers stand for.
pub struct Shown {
    pub memory: Memory,
    pub meaning: Meaning,
}

fn filled<T: Default + Clone>(rows: usize, fill: impl FnOnce(&mut [T])) -> Vec<T> {
    let mut out = vec![T::default(); rows];
    fill(&mut out);
    out
}

impl Shown {
    /// A column of an answer; O(rows).
    pub fn of(answer: &Answer<'_>, table: &str, name: &str) -> Result<Self, Problem> {
        let shown = match table {
            "readiness" => Self::of_readiness(answer, name),
            "contexts" => Self::of_contexts(answer, name)?,
            "levels" => Self::of_levels(answer, name)?,
            _ => None,
        };
        shown.ok_or_else(|| bad_argument(format!("There is no column {table}.{name}.")))
    }

    fn of_readiness(answer: &Answer<'_>, name: &str) -> Option<Self> {
        use Meaning::{Boolean, Instant, Number, State};
        let from = answer.readiness();
        let rows = from.len();
        let mut validity = None;
        let (meaning, numbers) = match name {
            "workflow_step_id" => {
                (Number, Numbers::I64(filled(rows, |out| from.workflow_step_id(out))))
            }
            "task_id" => (Number, Numbers::I64(filled(rows, |out| from.task_id(out)))),
            "named_step_id" => (Number, Numbers::I32(filled(rows, |out| from.named_step_id(out)))),
            "current_state" => (State, Numbers::U8(filled(rows, |out| from.current_state(out)))),
            "dependencies_satisfied" => {
                (Boolean, Numbers::U8(filled(rows, |out| from.dependencies_satisfied(out))))
            }
            "retry_eligible" => {
                (Boolean, Numbers::U8(filled(rows, |out| from.retry_eligible(out))))
            }
            "ready_for_execution" => {
                (Boolean, Numbers::U8(filled(rows, |out| from.ready_for_execution(out))))
            }
            "last_failure_at" => {
                (Instant, Numbers::F64(filled(rows, |out| from.last_failure_at(out))))
            }
            "next_retry_at" => (Instant, Numbers::F64(filled(rows, |out| from.next_retry_at(out)))),
            "total_parents" => (Number, Numbers::I32(filled(rows, |out| from.total_parents(out)))),
            "completed_parents" => {
                (Number, Numbers::I32(filled(rows, |out| from.completed_parents(out))))
            }
            "attempts" => (Number, Numbers::I32(filled(rows, |out| from.attempts(out)))),
            "retry_limit" => (Number, Numbers::I32(filled(rows, |out| from.retry_limit(out)))),
            "backoff_request_seconds" => {
                validity = Some(filled(rows, |out| from.has_backoff_request(out)));
                (Number, Numbers::I32(filled(rows, |out| from.backoff_request_seconds(out))))
            }
            "last_attempted_at" => {
                (Instant, Numbers::F64(filled(rows, |out| from.last_attempted_at(out))))
            }
            _ => return None,
        };
        Some(Self { memory: Memory { numbers, validity }, meaning })
    }

    fn of_contexts(answer: &Answer<'_>, name: &str) -> Result<Option<Self>, Problem> {
        use Meaning::{ExecutionStatus, HealthStatus, Number, RecommendedAction, State};
        let asked = || bad_argument("Contexts were not asked for: resolve with contexts: true.");
        let from = answer.contexts().ok_or_else(asked)?;
        let rows = from.len();
        let counts = |fill: &dyn Fn(&mut [i64])| (Number, Numbers::I64(filled(rows, fill)));
        let (meaning, numbers) = match name {
            "task_id" => counts(&|out| from.task_id(out)),
            "named_task_id" => (Number, Numbers::I32(filled(rows, |out| from.named_task_id(out)))),
            "status" => (State, Numbers::U8(filled(rows, |out| from.status(out)))),
            "total_steps" => counts(&|out| from.total_steps(out)),
            "pending_steps" => counts(&|out| from.pending_steps(out)),
            "in_progress_steps" => counts(&|out| from.in_progress_steps(out)),
            "completed_steps" => counts(&|out| from.completed_steps(out)),
            "failed_steps" => counts(&|out| from.failed_steps(out)),
            "ready_steps" => counts(&|out| from.ready_steps(out)),
            "execution_status" => {
                (ExecutionStatus, Numbers::U8(filled(rows, |out| from.execution_status(out))))
            }
            "recommended_action" => {
                (RecommendedAction, Numbers::U8(filled(rows, |out| from.execution_status(out))))
            }
            "completion_percentage" => {
                (Number, Numbers::F64(filled(rows, |out| from.completion_percentage(out))))
            }
            "health_status" => {
                (HealthStatus, Numbers::U8(filled(rows, |out| from.health_status(out))))
            }
            _ => return Ok(None),
        };
        Ok(Some(Self { memory: Memory { numbers, validity: None }, meaning }))
    }

    fn of_levels(answer: &Answer<'_>, name: &str) -> Result<Option<Self>, Problem> {
        let asked = || bad_argument("Levels were not asked for: resolve with levels: true.");
        let from = answer.levels().ok_or_else(asked)?;
        let rows = from.len();
        let numbers = match name {
            "workflow_step_id" => Numbers::I64(filled(rows, |out| from.workflow_step_id(out))),
            "task_id" => Numbers::I64(filled(rows, |out| from.task_id(out))),
            "dependency_level" => Numbers::I32(filled(rows, |out| from.dependency_level(out))),
            _ => return Ok(None),
        };
        let memory = Memory { numbers, validity: None };
        Ok(Some(Self { memory, meaning: Meaning::Number }))
    }

    /// The values as Ruby has them: true and false, texts, µs as Integer, nil.
    pub fn values(&self, ruby: &Ruby, texts: &StateTexts) -> Result<RArray, Error> {
        let rows = self.memory.column().len();
        let array = ruby.ary_new_capa(rows);
        // on the stack, where the garbage collector finds each text
        let mut known: [Option<Value>; 256] = [None; 256];
        for at in 0..rows {
            let valid = self.memory.validity.as_ref().is_none_or(|bytes| bytes[at] != 0);
            let value = match (&self.memory.numbers, self.meaning) {
                _ if !valid => ruby.qnil().into_value_with(ruby),
                (Numbers::U8(codes), Meaning::Boolean) => (codes[at] != 0).into_value_with(ruby),
                (Numbers::U8(codes), meaning) => {
                    let code = codes[at];
                    *known[usize::from(code)].get_or_insert_with(|| {
                        text(meaning, code, texts).map_or_else(
                            || ruby.qnil().into_value_with(ruby),
                            |text| shared(ruby, text),
                        )
                    })
                }
                (Numbers::I32(values), _) => values[at].into_value_with(ruby),
                (Numbers::I64(values), _) => values[at].into_value_with(ruby),
                (Numbers::F64(values), Meaning::Instant) => instant(ruby, values[at]),
                (Numbers::F64(values), _) => values[at].into_value_with(ruby),
            };
            array.push(value)?;
        }
        Ok(array)
    }
}

/// A frozen text, for every row that has it.
fn shared(ruby: &Ruby, text: &str) -> Value {
    let text = ruby.str_new(text);
    text.freeze();
    text.into_value_with(ruby)
}

/// Whole µs, which a double holds exactly; infinite ones as they are, NaN as nil.
fn instant(ruby: &Ruby, micros: f64) -> Value {
    if micros.is_nan() {
        ruby.qnil().into_value_with(ruby)
    } else if micros.is_finite() && micros.fract() == 0.0 && micros.abs() < 9e18 {
        (micros as i64).into_value_with(ruby)
    } else {
        micros.into_value_with(ruby)
    }
}

fn text(meaning: Meaning, code: u8, texts: &StateTexts) -> Option<&str> {
    let at = usize::from(code);
    match meaning {
        Meaning::State => texts.text(code),
        Meaning::ExecutionStatus => EXECUTION_STATUSES.get(at).map(|names| names.0),
        Meaning::RecommendedAction => EXECUTION_STATUSES.get(at).map(|names| names.1),
        Meaning::HealthStatus => HEALTH_STATUSES.get(at).copied(),
        Meaning::Number | Meaning::Boolean | Meaning::Instant => None,
    }
}

/// Percentages as the database prints them.
pub fn percentages(ruby: &Ruby, answer: &Answer<'_>) -> Result<Option<RArray>, Error> {
    let Some(contexts) = answer.contexts() else { return Ok(None) };
    let array = ruby.ary_new_capa(contexts.len());
    for row in 0..contexts.len() {
        let row = contexts.row(row);
        array.push(percentage_text(row.completion_percentage, row.total_steps))?;
    }
    Ok(Some(array))
}
