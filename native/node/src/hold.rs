//! One call at a time writes the outputs of a snapshot: its header says which, by a ticket.

use std::sync::atomic::{AtomicU32, Ordering};

use napi::{Error, Result, Status};

/// Nobody writes.
const FREE: u32 = 0;
/// The ticket of a call that brings none.
const NO_TICKET: u32 = u32::MAX;

/// The right to write a snapshot's outputs, until it is dropped.
pub struct Hold<'a> {
    /// Nothing where the caller has taken the word itself and will put zero back.
    taken: Option<&'a AtomicU32>,
}

impl<'a> Hold<'a> {
    /// Takes the word, or joins the caller that holds it under this ticket and keeps its other calls
    /// away from the same tasks.
    ///
    /// # Errors
    /// Where another call has the word.
    pub fn take(word: &'a AtomicU32, ticket: Option<u32>) -> Result<Self> {
        let ticket = ticket.filter(|&ticket| ticket != FREE && ticket != NO_TICKET);
        let own = ticket.unwrap_or(NO_TICKET);
        match word.compare_exchange(FREE, own, Ordering::Acquire, Ordering::Acquire) {
            Ok(_) => Ok(Self { taken: Some(word) }),
            Err(holder) if Some(holder) == ticket => Ok(Self { taken: None }),
            Err(_) => {
                let message = "The snapshot is being resolved already.";
                Err(Error::new(Status::InvalidArg, message.to_owned()))
            }
        }
    }
}

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        if let Some(word) = self.taken {
            word.store(FREE, Ordering::Release);
        }
    }
}
