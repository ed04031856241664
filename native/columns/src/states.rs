//! State codes and their texts.

pub use tasker_resolver::codes::state::{CANCELLED, COMPLETE, ERROR, IN_PROGRESS, PENDING};

/// Finished by an operator; done as [`COMPLETE`] is.
pub const RESOLVED_MANUALLY: u8 = 129;
/// First code of a state text that the contract does not name.
pub const FIRST_FOREIGN: u8 = 4;
/// Texts that one input may name besides the contract's.
pub const MOST_FOREIGN: usize = 124;

const KNOWN: [(&str, u8); 6] = [
    ("pending", PENDING),
    ("in_progress", IN_PROGRESS),
    ("error", ERROR),
    ("cancelled", CANCELLED),
    ("complete", COMPLETE),
    ("resolved_manually", RESOLVED_MANUALLY),
];

/// Whether a code may stand in a state column.
#[must_use]
pub const fn is_code(code: u8) -> bool {
    code <= RESOLVED_MANUALLY
}

/// Gives each state text its code and remembers the texts that the contract does not name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StateTexts {
    foreign: Vec<String>,
}

impl StateTexts {
    /// Code of a text; nothing when [`MOST_FOREIGN`] foreign texts are taken already. O(foreign texts).
    pub fn code(&mut self, text: &str) -> Option<u8> {
        if let Some(&(_, code)) = KNOWN.iter().find(|(known, _)| *known == text) {
            return Some(code);
        }
        let at = match self.foreign.iter().position(|known| known == text) {
            Some(at) => at,
            None if self.foreign.len() == MOST_FOREIGN => return None,
            None => {
                self.foreign.push(text.to_owned());
                self.foreign.len() - 1
            }
        };
        Some(FIRST_FOREIGN + at as u8)
    }

    /// Text of a code; nothing for one that was never given out. O(1).
    #[must_use]
    pub fn text(&self, code: u8) -> Option<&str> {
        if let Some(&(text, _)) = KNOWN.iter().find(|(_, known)| *known == code) {
            return Some(text);
        }
        let at = code.checked_sub(FIRST_FOREIGN)?;
        self.foreign.get(usize::from(at)).map(String::as_str)
    }

    /// The texts that the contract does not name, by code from [`FIRST_FOREIGN`] on.
    #[must_use]
    pub fn foreign(&self) -> &[String] {
        &self.foreign
    }
}

#[cfg(test)]
mod tests {
    use super::{FIRST_FOREIGN, MOST_FOREIGN, RESOLVED_MANUALLY, StateTexts};

    #[test]
    fn texts_and_codes_lead_to_each_other() {
        let mut texts = StateTexts::default();
        assert_eq!(texts.code("resolved_manually"), Some(RESOLVED_MANUALLY));
        assert_eq!(texts.text(RESOLVED_MANUALLY), Some("resolved_manually"));
        assert_eq!(texts.code("Complete"), Some(FIRST_FOREIGN));
        assert_eq!(texts.code(""), Some(FIRST_FOREIGN + 1));
        assert_eq!(texts.code("Complete"), Some(FIRST_FOREIGN));
        assert_eq!(texts.text(FIRST_FOREIGN + 1), Some(""));
        assert_eq!(texts.text(FIRST_FOREIGN + 2), None);
        assert_eq!(texts.text(255), None);
        assert_eq!(texts.foreign(), ["Complete", ""]);
    }

    #[test]
    fn the_125th_foreign_text_has_no_code() {
        let mut texts = StateTexts::default();
        let codes: Vec<_> = (0..=MOST_FOREIGN).map(|at| texts.code(&at.to_string())).collect();
        assert_eq!(codes[MOST_FOREIGN - 1], Some(127));
        assert_eq!(codes[MOST_FOREIGN], None);
    }
}
