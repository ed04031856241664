//! Columns as they lie in the caller's memory: borrowed, never copied before they are read.

use crate::problem::{Code, Problem};

/// Bits, the lowest one of each byte first, as Apache Arrow has them.
#[derive(Clone, Copy, Debug)]
pub struct Bits<'a> {
    bytes: &'a [u8],
    offset: usize,
    length: usize,
}

impl<'a> Bits<'a> {
    /// `length` bits behind the first `offset` ones. O(1).
    ///
    /// # Errors
    /// `BadArgument` where the bytes hold fewer.
    pub fn new(bytes: &'a [u8], offset: usize, length: usize) -> Result<Self, Problem> {
        match offset.checked_add(length) {
            Some(end) if end.div_ceil(8) <= bytes.len() => Ok(Self { bytes, offset, length }),
            _ => {
                let held = bytes.len();
                let message = format!("{held} bytes do not hold {length} bits from bit {offset}.");
                Err(Problem::new(Code::BadArgument, message))
            }
        }
    }

    /// Number of bits.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.length
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// One bit. O(1).
    ///
    /// # Panics
    /// Where there is no such bit.
    #[inline]
    #[must_use]
    pub fn get(&self, at: usize) -> bool {
        assert!(at < self.length);
        let bit = self.offset + at;
        self.bytes[bit / 8] >> (bit % 8) & 1 == 1
    }
}

/// The elements of a column.
#[derive(Clone, Copy, Debug)]
pub enum Values<'a> {
    /// State codes, or booleans as 0 and 1.
    U8(&'a [u8]),
    /// Numbers and ids.
    I32(&'a [i32]),
    /// Ids, numbers that fit into 32 bits, µs since the epoch (`i64::MIN` is null there).
    I64(&'a [i64]),
    /// µs since the epoch, infinite ones among them.
    F64(&'a [f64]),
    /// Booleans.
    Bits(Bits<'a>),
}

impl Values<'_> {
    /// Number of elements.
    #[must_use]
    pub const fn len(&self) -> usize {
        match self {
            Self::U8(values) => values.len(),
            Self::I32(values) => values.len(),
            Self::I64(values) => values.len(),
            Self::F64(values) => values.len(),
            Self::Bits(bits) => bits.len(),
        }
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The type's name in messages.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::U8(_) => "u8",
            Self::I32(_) => "i32",
            Self::I64(_) => "i64",
            Self::F64(_) => "f64",
            Self::Bits(_) => "bits",
        }
    }
}

/// Which elements of a column are not null.
#[derive(Clone, Copy, Debug, Default)]
pub enum Validity<'a> {
    /// All of them.
    #[default]
    All,
    /// Those whose byte is not zero.
    Bytes(&'a [u8]),
    /// Those whose bit is set.
    Bits(Bits<'a>),
}

impl Validity<'_> {
    /// Whether an element is not null. O(1).
    ///
    /// # Panics
    /// Where there is no such element.
    #[inline]
    #[must_use]
    pub fn is_valid(&self, at: usize) -> bool {
        match self {
            Self::All => true,
            Self::Bytes(bytes) => bytes[at] != 0,
            Self::Bits(bits) => bits.get(at),
        }
    }

    const fn len(&self) -> Option<usize> {
        match self {
            Self::All => None,
            Self::Bytes(bytes) => Some(bytes.len()),
            Self::Bits(bits) => Some(bits.len()),
        }
    }
}

/// A column: elements, and which of them are null.
#[derive(Clone, Copy, Debug)]
pub struct Column<'a> {
    /// The elements.
    pub values: Values<'a>,
    /// Which are null; what stands in their place is not read.
    pub validity: Validity<'a>,
}

impl<'a> Column<'a> {
    /// The same elements, some of them null.
    #[must_use]
    pub const fn with_validity(self, validity: Validity<'a>) -> Self {
        Self { validity, ..self }
    }

    /// Number of elements.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Length of the validity where it differs from that of the values.
    pub(crate) fn wrong_validity(&self) -> Option<usize> {
        self.validity.len().filter(|&length| length != self.len())
    }
}

macro_rules! from_slices {
    ($($element:ty, $variant:ident;)+) => { $(
        impl<'a> From<&'a [$element]> for Column<'a> {
            fn from(values: &'a [$element]) -> Self {
                Self { values: Values::$variant(values), validity: Validity::All }
            }
        }

        impl<'a> From<&'a Vec<$element>> for Column<'a> {
            fn from(values: &'a Vec<$element>) -> Self {
                values.as_slice().into()
            }
        }

        impl<'a, const N: usize> From<&'a [$element; N]> for Column<'a> {
            fn from(values: &'a [$element; N]) -> Self {
                values.as_slice().into()
            }
        }
    )+ };
}

from_slices! {
    u8, U8;
    i32, I32;
    i64, I64;
    f64, F64;
}

impl<'a> From<Bits<'a>> for Column<'a> {
    fn from(bits: Bits<'a>) -> Self {
        Self { values: Values::Bits(bits), validity: Validity::All }
    }
}
