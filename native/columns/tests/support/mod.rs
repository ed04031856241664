//! Reads the recorded columns of `test/vectors/columns`, whose README describes the format.
#![allow(dead_code)] // each test file uses its part

pub mod forms;

use std::collections::HashMap;
use std::path::Path;

use tasker_columns::{Parameters, Rules};

/// Lines of one case by their first word.
pub type Lines = HashMap<String, Vec<String>>;

/// Columns and what is to be answered.
#[derive(Default)]
pub struct Case {
    pub now_micros: f64,
    /// Lines before the first answer.
    pub input: Lines,
    pub answers: Vec<Expected>,
    /// The lines `problem`, without that word.
    pub problems: Vec<String>,
    /// The lines `critical_path`, likewise.
    pub paths: Vec<Vec<String>>,
}

/// What one rule set makes of a case.
pub struct Expected {
    pub rules: Rules,
    pub lines: Lines,
    pub cycles: Vec<Vec<i64>>,
}

impl Expected {
    pub fn parameters(&self, now_micros: f64) -> Parameters {
        Parameters { rules: self.rules, now_micros, contexts: true, levels: true }
    }
}

pub fn vectors_folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../test/vectors")
}

/// Reads one file of the folder.
pub fn read_cases(name: &str) -> Vec<Case> {
    let text = std::fs::read_to_string(vectors_folder().join("columns").join(name))
        .expect("a file of the checkout");
    let mut cases = Vec::new();
    let mut case = Case::default();
    for line in text.lines() {
        let mut words = line.split(' ').map(str::to_owned);
        let name = words.next().expect("a first word");
        let words: Vec<String> = words.collect();
        match name.as_str() {
            "case" => case = Case::default(),
            "now" => case.now_micros = words[0].parse().expect("a clock"),
            "rules" => {
                let rules = if words[0] == "rails" { Rules::Rails } else { Rules::Engine };
                let (lines, cycles) = (Lines::new(), Vec::new());
                case.answers.push(Expected { rules, lines, cycles });
            }
            "cycle" => {
                let ids = words.iter().map(|word| word.parse().expect("an id")).collect();
                case.answers.last_mut().expect("an answer").cycles.push(ids);
            }
            "problem" => case.problems.push(words.join(" ")),
            "critical_path" => case.paths.push(words),
            "end" => cases.push(std::mem::take(&mut case)),
            _ => {
                let lines =
                    case.answers.last_mut().map_or(&mut case.input, |answer| &mut answer.lines);
                lines.insert(name, words);
            }
        }
    }
    assert!(!cases.is_empty());
    cases
}
