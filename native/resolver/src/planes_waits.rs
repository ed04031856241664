//! The waits of one step of a template in every task of its group.

/// Tasks in one word of a plane.
pub const TASKS_PER_WORD: usize = 64;

/// When the tasks' waits end, and how long what they say stays true: a clock between `from` and
/// `until` changes nothing, so that only a wait that ends between the last clock and the present one
/// is ever looked at.
#[derive(Clone, Debug)]
pub struct WaitColumn {
    /// End of each task's wait, µs since the epoch; negative infinity for none.
    ends: Vec<f64>,
    /// First end in each word that had not come at the clock.
    word_until: Vec<f64>,
    /// Latest end that had come at the clock; the column says nothing about earlier clocks.
    from: f64,
    /// First end that had not come at the clock; the column says nothing from it on.
    until: f64,
}

impl WaitColumn {
    /// No task waits yet. `clock` is NaN where none has been set: then the first one looks at all.
    #[must_use]
    pub fn new(words: usize, clock: f64) -> Self {
        let unset = clock.is_nan();
        Self {
            ends: vec![f64::NEG_INFINITY; words * TASKS_PER_WORD],
            word_until: vec![f64::INFINITY; words],
            from: if unset { f64::INFINITY } else { f64::NEG_INFINITY },
            until: if unset { f64::NEG_INFINITY } else { f64::INFINITY },
        }
    }

    /// Bytes held.
    #[must_use]
    pub fn bytes(&self) -> usize {
        (self.ends.len() + self.word_until.len()) * size_of::<f64>()
    }

    /// Changes a task's wait, and says whether the task waits at `clock`. O(1).
    pub fn set(&mut self, task: usize, end: f64, clock: f64) -> bool {
        self.ends[task] = end;
        let waits = end > clock;
        if waits {
            let word_until = &mut self.word_until[task / TASKS_PER_WORD];
            *word_until = word_until.min(end);
            self.until = self.until.min(end);
        } else {
            self.from = self.from.max(end);
        }
        waits
    }

    /// Sets the clock, and writes the words that it changes: the step's candidates that do not wait.
    /// Nothing where no wait ended in between; forward O(words) and 64 for each word that changes,
    /// backward O(tasks).
    pub fn advance(&mut self, now: f64, candidate: &[u64], open: &mut [u64]) {
        if now >= self.from && now < self.until {
            return;
        }
        let backward = now < self.from;
        if backward {
            self.from = f64::NEG_INFINITY;
        }
        self.until = f64::INFINITY;
        for (word, (open, candidate)) in open.iter_mut().zip(candidate).enumerate() {
            if backward || self.word_until[word] <= now {
                *open = candidate & !self.waiting_at(now, word);
            }
            self.until = self.until.min(self.word_until[word]);
        }
    }

    /// The tasks of a word that wait, one a bit.
    fn waiting_at(&mut self, now: f64, word: usize) -> u64 {
        let first = word * TASKS_PER_WORD;
        let mut until = f64::INFINITY;
        let mut waiting = 0;
        for (bit, &end) in self.ends[first..first + TASKS_PER_WORD].iter().enumerate() {
            if end > now {
                waiting |= 1 << bit;
                until = until.min(end);
            } else {
                self.from = self.from.max(end);
            }
        }
        self.word_until[word] = until;
        waiting
    }
}
