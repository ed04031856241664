//! `TaskerCore::Column`: numbers of one type, some of them null, in memory of their own.

use std::sync::Arc;

use magnus::{
    Class, Error, Module, Object, RArray, RModule, RString, Ruby, Value, function, method,
};
use tasker_columns::{Column, Problem, Validity, Values};

use crate::error::{Failure, bad_argument, guarded};

/// The elements of a column.
#[derive(Debug)]
pub enum Numbers {
    /// State codes and booleans.
    U8(Vec<u8>),
    /// Numbers and ids.
    I32(Vec<i32>),
    /// Ids, numbers, instants.
    I64(Vec<i64>),
    /// Instants.
    F64(Vec<f64>),
}

/// Elements, and which of them are not null.
#[derive(Debug)]
pub struct Memory {
    pub numbers: Numbers,
    /// A byte an element, 0 for null; nothing where none is.
    pub validity: Option<Vec<u8>>,
}

impl Memory {
    pub fn column(&self) -> Column<'_> {
        let values = match &self.numbers {
            Numbers::U8(values) => Values::U8(values),
            Numbers::I32(values) => Values::I32(values),
            Numbers::I64(values) => Values::I64(values),
            Numbers::F64(values) => Values::F64(values),
        };
        let validity = self.validity.as_deref().map_or(Validity::All, Validity::Bytes);
        Column { values, validity }
    }
}

/// What Ruby holds; several snapshots may be built from one at the same time.
#[magnus::wrap(class = "TaskerCore::Column", free_immediately)]
#[derive(Clone, Debug)]
pub struct RubyColumn(pub Arc<Memory>);

/// Whole elements of `N` bytes.
fn elements<T, const N: usize>(
    bytes: &[u8],
    kind: &str,
    read: impl Fn([u8; N]) -> T,
) -> Result<Vec<T>, Problem> {
    let (chunks, rest) = bytes.as_chunks::<N>();
    if !rest.is_empty() {
        let length = bytes.len();
        return Err(bad_argument(format!("{length} bytes are no whole number of {kind}.")));
    }
    Ok(chunks.iter().map(|chunk| read(*chunk)).collect())
}

/// Bytes of a string that is not touched while they are used.
fn with_bytes<T>(string: RString, read: impl FnOnce(&[u8]) -> T) -> T {
    // SAFETY: `read` calls nothing of Ruby's, so that the string neither changes nor moves.
    read(unsafe { string.as_slice() })
}

impl RubyColumn {
    /// `Column.unpack(kind, bytes, validity)`: copies, so that the string may lie anywhere.
    fn unpack(
        ruby: &Ruby,
        kind: String,
        bytes: RString,
        validity: Option<RString>,
    ) -> Result<Self, Error> {
        guarded(ruby, || {
            let numbers = with_bytes(bytes, |bytes| match kind.as_str() {
                "u8" => Ok(Numbers::U8(bytes.to_vec())),
                "i32" => elements(bytes, "i32", i32::from_ne_bytes).map(Numbers::I32),
                "i64" => elements(bytes, "i64", i64::from_ne_bytes).map(Numbers::I64),
                "f64" => elements(bytes, "f64", f64::from_ne_bytes).map(Numbers::F64),
                other => Err(bad_argument(format!(
                    "{other:?} is no type of a column: it is u8, i32, i64 or f64."
                ))),
            })?;
            let validity = validity.map(|bytes| with_bytes(bytes, <[u8]>::to_vec));
            let memory = Memory { numbers, validity };
            let (length, held) = (memory.column().len(), memory.validity.as_ref().map(Vec::len));
            match held {
                Some(held) if held != length => Err(Failure::Problem(bad_argument(format!(
                    "There are {length} elements and a validity of {held}."
                )))),
                _ => Ok(Self(Arc::new(memory))),
            }
        })
    }

    fn length(&self) -> usize {
        self.0.column().len()
    }

    fn kind(&self) -> &'static str {
        self.0.column().values.kind()
    }

    /// The elements as they lie in memory; what stands for null is not defined.
    fn bytes(ruby: &Ruby, own: &Self) -> RString {
        let bytes = match &own.0.numbers {
            Numbers::U8(values) => values.clone(),
            Numbers::I32(values) => values.iter().flat_map(|value| value.to_ne_bytes()).collect(),
            Numbers::I64(values) => values.iter().flat_map(|value| value.to_ne_bytes()).collect(),
            Numbers::F64(values) => values.iter().flat_map(|value| value.to_ne_bytes()).collect(),
        };
        ruby.str_from_slice(&bytes)
    }

    /// A byte an element, 0 for null, or nil where there is no null.
    fn validity(ruby: &Ruby, own: &Self) -> Option<RString> {
        own.0.validity.as_ref().map(|bytes| ruby.str_from_slice(bytes))
    }

    fn to_a(ruby: &Ruby, own: &Self) -> Result<RArray, Error> {
        let array = ruby.ary_new_capa(own.length());
        let column = own.0.column();
        for at in 0..column.len() {
            let value = column.validity.is_valid(at).then(|| element(ruby, &own.0.numbers, at));
            array.push(value)?;
        }
        Ok(array)
    }
}

fn element(ruby: &Ruby, numbers: &Numbers, at: usize) -> Value {
    use magnus::IntoValue;
    match numbers {
        Numbers::U8(values) => values[at].into_value_with(ruby),
        Numbers::I32(values) => values[at].into_value_with(ruby),
        Numbers::I64(values) => values[at].into_value_with(ruby),
        Numbers::F64(values) => values[at].into_value_with(ruby),
    }
}

/// Defines the class.
pub fn define(ruby: &Ruby, module: RModule) -> Result<(), Error> {
    let class = module.define_class("Column", ruby.class_object())?;
    class.undef_default_alloc_func();
    class.define_singleton_method("unpack", function!(RubyColumn::unpack, 3))?;
    class.define_method("length", method!(RubyColumn::length, 0))?;
    class.define_method("kind", method!(RubyColumn::kind, 0))?;
    class.define_method("bytes", method!(RubyColumn::bytes, 0))?;
    class.define_method("validity", method!(RubyColumn::validity, 0))?;
    class.define_method("to_a", method!(RubyColumn::to_a, 0))
}
