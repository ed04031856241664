//! Columns that can be read, and what damage makes of them.

use std::ptr::null;

use tasker::input::{Column, Input};

use crate::random::Random;

/// Elements that every column has room for, at 8 bytes each.
pub const ROOM: usize = 64;
/// Columns of an input, in its order.
pub const COLUMNS: usize = 19;

/// Table and kind of each column: id, integer, boolean, state, instant.
const KINDS: [(usize, u8); COLUMNS] = [
    (0, b'i'),
    (0, b'n'),
    (0, b's'),
    (1, b'i'),
    (1, b't'),
    (1, b'n'),
    (1, b's'),
    (1, b'm'),
    (1, b'n'),
    (1, b'n'),
    (1, b'b'),
    (1, b'b'),
    (1, b'b'),
    (1, b'b'),
    (1, b'n'),
    (1, b'm'),
    (1, b'm'),
    (2, b'e'),
    (2, b'e'),
];

/// A column that can be read, more often than not.
pub fn sound_column(
    random: &mut Random,
    at: usize,
    sizes: [usize; 3],
    memory: &mut [Vec<u64>],
) -> Column {
    let (table, kind) = KINDS[at];
    let length = sizes[table];
    let (values, validity) = memory.split_at_mut(COLUMNS);
    let (values, validity) = (&mut values[at], &mut validity[at]);
    let words = random.below(3) == 0;
    let r#type = match kind {
        b'n' if words => 2,
        b's' => 1,
        b'b' => random.pick(&[1, 5]),
        b'm' => random.pick(&[3, 4]),
        _ => 3,
    };
    let few = sizes[1].max(1);
    for row in 0..length {
        let beyond = usize::from(random.below(9) == 0);
        let id = match kind {
            b't' => random.below(sizes[0].max(1) + beyond),
            b'e' => random.below(few + beyond),
            _ => row - usize::from(row > 0 && random.below(40) == 0),
        };
        let number = random.pick(&[0, 0, 1, 2, 3, 3, 44, -1, i32::MAX, i32::MIN]);
        let micros = random.pick(&[0, 1, -1, 1 << 53, i64::MIN, 1_800_000_000_000_000]);
        match (kind, r#type) {
            (b'n', 2) => write_bytes(values, row * 4, &number.to_ne_bytes()),
            (b'n', _) => values[row] = i64::from(number) as u64,
            (b's', _) => {
                write_bytes(
                    values,
                    row,
                    &[random.pick(&[0, 0, 1, 2, 2, 3, 4, 127, 128, 128, 129])],
                );
            }
            (b'b', 1) => write_bytes(values, row, &[random.below(2) as u8]),
            (b'b', _) => values[row / 8] = random.next(),
            (b'm', 4) => values[row] = random.pick(&[0.0, 1.8e15, f64::INFINITY]).to_bits(),
            (b'm', _) => values[row] = micros as u64,
            _ => values[row] = id as u64,
        }
    }
    let is_required = !matches!(kind, b's' | b'b' | b'm') && !matches!(at, 8 | 9 | 14);
    let validity_type = if is_required { 0 } else { random.below(3) as u32 };
    validity.iter_mut().for_each(|word| *word = random.next());
    let absent = !matches!(at, 0 | 3 | 4 | 17 | 18) && random.below(5) == 0;
    Column {
        values: values.as_ptr().cast(),
        validity: validity.as_ptr().cast(),
        length,
        values_offset: if r#type == 5 { random.below(9) } else { 0 },
        validity_offset: random.below(9),
        r#type: if absent { 0 } else { r#type },
        validity_type,
    }
}

fn write_bytes(words: &mut [u64], at: usize, bytes: &[u8]) {
    for (at, &byte) in (at..).zip(bytes) {
        let mut own = words[at / 8].to_ne_bytes();
        own[at % 8] = byte;
        words[at / 8] = u64::from_ne_bytes(own);
    }
}

pub fn damage(random: &mut Random, column: &mut Column, memory: &mut [u64]) {
    let far = [1 << 31, 1 << 32, usize::MAX, usize::MAX / 8];
    let near = random.below(8);
    match random.below(9) {
        0 => column.values = null(),
        1 => column.validity = null(),
        2 => column.r#type = random.pick(&[0, 1, 2, 3, 4, 5, 6, u32::MAX]),
        3 => column.validity_type = random.pick(&[0, 1, 2, 3, u32::MAX]),
        4 => column.length = random.below(ROOM - 4),
        5 => column.length = random.pick(&far),
        // the longest column leaves room for four of these
        6 if !column.values.is_null() => {
            column.values = column.values.cast::<u8>().wrapping_add(near).cast();
        }
        7 => column.validity_offset = random.pick(&[near, usize::MAX, usize::MAX - 63]),
        _ => memory.iter_mut().for_each(|word| *word = random.next() >> random.below(64)),
    }
    if column.r#type == 5 && random.below(4) == 0 {
        column.values_offset = random.pick(&[near, 63, usize::MAX]);
    }
}

pub fn input_of(columns: &[Column]) -> Input {
    let mut columns = columns.iter().copied();
    let mut next = || columns.next().expect("as many as an input has");
    Input {
        size: size_of::<Input>(),
        has_foreign_steps: 0,
        reserved: 0,
        task_id: next(),
        task_named_task_id: next(),
        task_state: next(),
        step_id: next(),
        step_task_id: next(),
        step_named_step_id: next(),
        step_state: next(),
        step_transitioned_at: next(),
        step_attempts: next(),
        step_retry_limit: next(),
        step_retryable: next(),
        step_in_process: next(),
        step_processed: next(),
        step_skippable: next(),
        step_backoff_request_seconds: next(),
        step_last_attempted_at: next(),
        step_next_attempt_at: next(),
        edge_from_step_id: next(),
        edge_to_step_id: next(),
    }
}
