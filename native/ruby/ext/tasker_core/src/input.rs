//! Tables of columns as hashes of arrays or `TaskerCore::Column`s.

use std::sync::Arc;

use magnus::r_hash::ForEach;
use magnus::typed_data::Obj;
use magnus::value::ReprValue;
use magnus::{RArray, RHash, Symbol, TryConvert, Value};
use tasker_columns::states::StateTexts;
use tasker_columns::{Column, Edges, Input, Problem, Steps, Table, Tasks};

use crate::cells::{Kind, Wanted};
use crate::column::{Memory, RubyColumn};
use crate::error::{Failure, bad_argument, bad_input};

const TASKS: &[(&str, Kind)] =
    &[("task_id", Kind::Id), ("named_task_id", Kind::Integer), ("state", Kind::State)];

const STEPS: &[(&str, Kind)] = &[
    ("workflow_step_id", Kind::Id),
    ("task_id", Kind::Id),
    ("named_step_id", Kind::Integer),
    ("state", Kind::State),
    ("transitioned_at", Kind::Instant),
    ("attempts", Kind::Integer),
    ("retry_limit", Kind::Integer),
    ("retryable", Kind::Boolean),
    ("in_process", Kind::Boolean),
    ("processed", Kind::Boolean),
    ("skippable", Kind::Boolean),
    ("backoff_request_seconds", Kind::Integer),
    ("last_attempted_at", Kind::Instant),
    ("next_attempt_at", Kind::Instant),
];

const EDGES: &[(&str, Kind)] = &[("from_step_id", Kind::Id), ("to_step_id", Kind::Id)];

/// The columns of one table, in the order of its list.
struct TableMemory {
    table: Table,
    names: &'static [(&'static str, Kind)],
    columns: Vec<Option<Arc<Memory>>>,
}

/// All columns, which nobody changes: they may be read without the lock.
pub struct InputMemory {
    tasks: TableMemory,
    steps: TableMemory,
    edges: TableMemory,
    has_foreign_steps: bool,
}

impl TableMemory {
    fn read(
        table: Table,
        names: &'static [(&'static str, Kind)],
        hash: RHash,
        texts: &mut StateTexts,
    ) -> Result<Self, Failure> {
        let mut columns = names.iter().map(|_| None).collect::<Vec<_>>();
        let mut failure = None;
        hash.foreach(|key: Value, value: Value| {
            match read_column(table, names, key, value, texts) {
                Ok((at, memory)) => columns[at] = memory,
                Err(problem) => failure = Some(problem),
            }
            Ok(if failure.is_none() { ForEach::Continue } else { ForEach::Stop })
        })?;
        failure.map_or(Ok(Self { table, names, columns }), |problem| Err(problem.into()))
    }

    fn get(&self, name: &str) -> Option<Column<'_>> {
        let at = self.names.iter().position(|&(other, _)| other == name)?;
        self.columns[at].as_ref().map(|memory| memory.column())
    }

    fn required(&self, name: &'static str) -> Result<Column<'_>, Problem> {
        self.get(name).ok_or_else(|| bad_input(self.table, name, None, "is missing"))
    }
}

/// A column's place in the list and its memory; none for nil.
fn read_column(
    table: Table,
    names: &[(&'static str, Kind)],
    key: Value,
    value: Value,
    texts: &mut StateTexts,
) -> Result<(usize, Option<Arc<Memory>>), Problem> {
    let name = Symbol::from_value(key).and_then(|symbol| symbol.name().ok());
    let at = name.as_ref().and_then(|name| names.iter().position(|&(other, _)| other == name));
    let Some(at) = at else {
        let name = name.map_or_else(|| format!("a {}", key.class()), |name| name.to_string());
        let all = names.iter().map(|&(name, _)| name).collect::<Vec<_>>().join(", ");
        return Err(bad_argument(format!("{table}: there is no column {name}, only {all}.")));
    };
    let (name, kind) = names[at];
    if value.is_nil() {
        return Ok((at, None));
    }
    if let Ok(column) = Obj::<RubyColumn>::try_convert(value) {
        return Ok((at, Some(Arc::clone(&column.0))));
    }
    let Some(array) = RArray::from_value(value) else {
        let what = format!("is a value of {}, not an Array or a TaskerCore::Column", value.class());
        return Err(bad_input(table, name, None, &what));
    };
    let memory = Wanted { table, name, kind }.read(array, texts)?;
    Ok((at, Some(Arc::new(memory))))
}

impl InputMemory {
    pub fn read(
        [tasks, steps, edges]: [RHash; 3],
        has_foreign_steps: bool,
        texts: &mut StateTexts,
    ) -> Result<Self, Failure> {
        Ok(Self {
            tasks: TableMemory::read(Table::Tasks, TASKS, tasks, texts)?,
            steps: TableMemory::read(Table::Steps, STEPS, steps, texts)?,
            edges: TableMemory::read(Table::Edges, EDGES, edges, texts)?,
            has_foreign_steps,
        })
    }

    pub fn input(&self) -> Result<Input<'_>, Problem> {
        let Self { tasks, steps, edges, has_foreign_steps } = self;
        Ok(Input {
            tasks: Tasks {
                task_id: tasks.required("task_id")?,
                named_task_id: tasks.get("named_task_id"),
                state: tasks.get("state"),
            },
            steps: Steps {
                workflow_step_id: steps.required("workflow_step_id")?,
                task_id: steps.required("task_id")?,
                named_step_id: steps.get("named_step_id"),
                state: steps.get("state"),
                transitioned_at: steps.get("transitioned_at"),
                attempts: steps.get("attempts"),
                retry_limit: steps.get("retry_limit"),
                retryable: steps.get("retryable"),
                in_process: steps.get("in_process"),
                processed: steps.get("processed"),
                skippable: steps.get("skippable"),
                backoff_request_seconds: steps.get("backoff_request_seconds"),
                last_attempted_at: steps.get("last_attempted_at"),
                next_attempt_at: steps.get("next_attempt_at"),
            },
            edges: Edges {
                from_step_id: edges.required("from_step_id")?,
                to_step_id: edges.required("to_step_id")?,
            },
            has_foreign_steps: *has_foreign_steps,
        })
    }
}
