//! `TaskerCore::Snapshot`: workflows in memory, built once and asked as often as there are questions.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, TryLockError};

use magnus::typed_data::Obj;
use magnus::value::ReprValue;
use magnus::{
    Class, Error, Module, Object, RArray, RHash, RModule, Ruby, TryConvert, Value, function, method,
};
use tasker_columns::states::{self, StateTexts};
use tasker_columns::{Answer, CriticalPath, OwnedSnapshot, Parameters, Problem, Rules};

use crate::cells::clock;
use crate::column::RubyColumn;
use crate::error::{Failure, bad_argument, guarded};
use crate::input::InputMemory;
use crate::interrupt::without_lock;
use crate::shown::{Shown, percentages};

/// Steps up to which a resolution keeps the lock: it takes less than giving the lock to another thread.
const BRIEF_STEPS: usize = 1_024;
/// More threads than any machine has.
const MOST_THREADS: usize = 1_024;

/// What Ruby holds. The mutex is only ever tried: a thread that has the interpreter's lock must not wait
/// for one that needs it.
#[magnus::wrap(class = "TaskerCore::Snapshot", free_immediately)]
struct Snapshot {
    owned: Mutex<OwnedSnapshot>,
    texts: StateTexts,
    steps: usize,
    /// Counts resolutions, so that an answer knows whether it is still there.
    resolutions: AtomicU64,
}

/// A row that contradicts others, as Ruby's struct wants it.
type ProblemFields = (&'static str, String, String, i64, Option<i64>, bool);

fn floats(array: Option<RArray>) -> Result<Option<Vec<f64>>, Failure> {
    let Some(array) = array else { return Ok(None) };
    let mut values = Vec::with_capacity(array.len());
    for at in 0..array.len() {
        values.push(f64::try_convert(array.entry(at as isize)?)?);
    }
    Ok(Some(values))
}

fn path_fields(path: CriticalPath) -> (f64, Vec<i64>) {
    (path.seconds, path.step_ids)
}

impl Snapshot {
    fn build(
        ruby: &Ruby,
        tasks: RHash,
        steps: RHash,
        edges: RHash,
        has_foreign_steps: bool,
        foreign_states: RArray,
    ) -> Result<Self, Error> {
        guarded(ruby, || {
            let mut texts = StateTexts::default();
            for at in 0..foreign_states.len() {
                let text: String = foreign_states.entry(at as isize)?;
                let most = || bad_argument("There are more than 124 foreign states.");
                texts.code(&text).ok_or_else(most)?;
            }
            let memory = InputMemory::read([tasks, steps, edges], has_foreign_steps, &mut texts)?;
            let owned = without_lock(|_| OwnedSnapshot::build(&memory.input()?))?;
            let steps = owned.counts().steps;
            Ok(Self { owned: Mutex::new(owned), texts, steps, resolutions: AtomicU64::new(0) })
        })
    }

    fn lock(&self) -> Result<MutexGuard<'_, OwnedSnapshot>, Problem> {
        match self.owned.try_lock() {
            Ok(guard) => Ok(guard),
            // a panic cannot leave the snapshot half done: the answer of a failed resolution is gone
            Err(TryLockError::Poisoned(poisoned)) => Ok(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => {
                Err(bad_argument("The snapshot is being resolved in another thread."))
            }
        }
    }

    /// `resolve_now(now, engine, contexts, levels, threads)`: the number of the resolution.
    fn resolve_now(
        ruby: &Ruby,
        own: Obj<Self>,
        now: Value,
        engine: bool,
        contexts: bool,
        levels: bool,
        threads: usize,
    ) -> Result<u64, Error> {
        guarded(ruby, || {
            if !(1..=MOST_THREADS).contains(&threads) {
                return Err(bad_argument(format!("{threads} threads are not 1 to 1024.")).into());
            }
            let rules = if engine { Rules::Engine } else { Rules::Rails };
            let parameters = Parameters { rules, now_micros: clock(now)?, contexts, levels };
            let own: &Self = &own;
            let mut owned = own.lock()?;
            let number = own.resolutions.fetch_add(1, Ordering::Relaxed) + 1;
            if own.steps <= BRIEF_STEPS {
                owned.resolve(parameters, 1, &0.into())?;
            } else {
                let owned = &mut *owned;
                without_lock(|cancel| owned.resolve(parameters, threads, cancel).map(|_| ()))?;
            }
            Ok(number)
        })
    }

    fn with_answer<T>(
        &self,
        ruby: &Ruby,
        number: u64,
        read: impl FnOnce(&Answer<'_>) -> Result<T, Failure>,
    ) -> Result<T, Error> {
        guarded(ruby, || {
            let owned = self.lock()?;
            let answer =
                owned.answer().filter(|_| self.resolutions.load(Ordering::Relaxed) == number);
            let gone = || bad_argument("The snapshot was resolved again: this answer is gone.");
            read(&answer.ok_or_else(gone)?)
        })
    }

    fn values(
        ruby: &Ruby,
        own: &Self,
        number: u64,
        table: String,
        name: String,
    ) -> Result<RArray, Error> {
        own.with_answer(ruby, number, |answer| {
            if name == "completion_percentage_text" {
                return percentages(ruby, answer)?
                    .ok_or_else(|| bad_argument("Contexts were not asked for.").into());
            }
            Ok(Shown::of(answer, &table, &name)?.values(ruby, &own.texts)?)
        })
    }

    fn packed(
        ruby: &Ruby,
        own: &Self,
        number: u64,
        table: String,
        name: String,
    ) -> Result<RubyColumn, Error> {
        own.with_answer(ruby, number, |answer| {
            Ok(RubyColumn(Shown::of(answer, &table, &name)?.memory.into()))
        })
    }

    fn ready_step_ids(ruby: &Ruby, own: &Self, number: u64) -> Result<RArray, Error> {
        own.with_answer(ruby, number, |answer| {
            let ids = answer.readiness().ready_step_ids();
            let array = ruby.ary_new_capa(ids.len());
            ids.into_iter().try_for_each(|id| array.push(id))?;
            Ok(array)
        })
    }

    fn cycles(ruby: &Ruby, own: &Self, number: u64) -> Result<RArray, Error> {
        own.with_answer(ruby, number, |answer| {
            let array = ruby.ary_new();
            for cycle in answer.cycles() {
                array.push((cycle.task_id, ruby.ary_from_vec(cycle.step_ids)))?;
            }
            Ok(array)
        })
    }

    fn problem_fields(ruby: &Ruby, own: &Self) -> Result<RArray, Error> {
        guarded(ruby, || {
            let array = ruby.ary_new();
            for problem in own.lock()?.problems() {
                let fields: ProblemFields = (
                    problem.code.name(),
                    problem.message.clone(),
                    problem.table.to_string(),
                    problem.id,
                    problem.task_id,
                    problem.refused,
                );
                array.push(fields)?;
            }
            Ok(array)
        })
    }

    fn counts(ruby: &Ruby, own: &Self) -> Result<(usize, usize, usize), Error> {
        guarded(ruby, || {
            let counts = own.lock()?.counts();
            Ok((counts.tasks, counts.steps, counts.edges))
        })
    }

    fn path_of(
        ruby: &Ruby,
        own: &Self,
        task_id: i64,
        durations: Option<RArray>,
    ) -> Result<Option<(f64, RArray)>, Error> {
        guarded(ruby, || {
            let durations = floats(durations)?;
            let path = own.lock()?.critical_path(task_id, durations.as_deref())?;
            Ok(path.map(path_fields).map(|(seconds, ids)| (seconds, ruby.ary_from_vec(ids))))
        })
    }

    fn blast_radius(ruby: &Ruby, own: &Self, step_ids: RArray) -> Result<RArray, Error> {
        guarded(ruby, || {
            let mut ids = Vec::with_capacity(step_ids.len());
            for at in 0..step_ids.len() {
                ids.push(i64::try_convert(step_ids.entry(at as isize)?)?);
            }
            let steps = own.lock()?.blast_radius(&ids, &AtomicBool::new(false))?;
            Ok(ruby.ary_from_vec(steps))
        })
    }
}

/// Names of the contract's states and their codes.
pub fn states(ruby: &Ruby) -> Result<RHash, Error> {
    let hash = ruby.hash_new();
    let mut texts = StateTexts::default();
    for name in ["pending", "in_progress", "error", "cancelled", "complete", "resolved_manually"] {
        hash.aset(name, texts.code(name))?;
    }
    debug_assert_eq!(texts, StateTexts::default());
    debug_assert_eq!(hash.len(), usize::from(states::FIRST_FOREIGN) + 2);
    hash.freeze();
    Ok(hash)
}

/// Defines the class.
pub fn define(ruby: &Ruby, module: RModule) -> Result<(), Error> {
    let class = module.define_class("Snapshot", ruby.class_object())?;
    class.undef_default_alloc_func();
    class.define_singleton_method("build", function!(Snapshot::build, 5))?;
    class.define_method("resolve_now", method!(Snapshot::resolve_now, 5))?;
    class.define_method("values", method!(Snapshot::values, 3))?;
    class.define_method("packed", method!(Snapshot::packed, 3))?;
    class.define_method("ready_step_ids", method!(Snapshot::ready_step_ids, 1))?;
    class.define_method("cycles", method!(Snapshot::cycles, 1))?;
    class.define_method("problem_fields", method!(Snapshot::problem_fields, 0))?;
    class.define_method("counts", method!(Snapshot::counts, 0))?;
    class.define_method("path_of", method!(Snapshot::path_of, 2))?;
    class.define_method("blast_radius", method!(Snapshot::blast_radius, 1))
}
