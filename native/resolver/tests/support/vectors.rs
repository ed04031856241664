//! Reads the recorded snapshots of `test/vectors/snapshots`, which `test/support/snapshot-vectors.ts`
//! describes and writes.

use std::path::Path;

use tasker_resolver::{Cycle, Rules};

/// A sound snapshot and what is to be answered.
pub struct Sound {
    /// The buffer before anything was resolved; 0xa5 in every output.
    pub words: Vec<u64>,
    pub now_micros: f64,
    pub answers: Vec<Answer>,
}

/// What one rule set makes of a snapshot.
pub struct Answer {
    pub rules: Rules,
    /// The buffer afterwards.
    pub words: Vec<u64>,
    pub cycles: Vec<Cycle>,
}

/// A buffer that is none, and why.
pub struct IllFormed {
    pub words: Vec<u64>,
    pub section: String,
    pub problem: String,
}

/// One recorded file.
pub struct Vectors {
    pub sound: Vec<Sound>,
    pub ill_formed: Vec<IllFormed>,
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(length);
        self.0 = rest;
        taken
    }

    fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.take(4).try_into().expect("four bytes"))
    }

    fn length(&mut self) -> usize {
        self.u32() as usize
    }

    fn f64(&mut self) -> f64 {
        f64::from_le_bytes(self.take(8).try_into().expect("eight bytes"))
    }

    fn text(&mut self) -> String {
        let length = self.length();
        String::from_utf8(self.take(length).to_vec()).expect("UTF-8")
    }

    /// Bytes up to some length, the rest filled with 0xa5.
    fn buffer(&mut self) -> Vec<u8> {
        let whole = self.length();
        let stored = self.length();
        let mut bytes = self.take(stored).to_vec();
        bytes.resize(whole, 0xa5);
        bytes
    }

    fn sound(&mut self) -> (Vec<u8>, Sound) {
        let now_micros = self.f64();
        let bytes = self.buffer();
        let answers = [Rules::Rails, Rules::Engine].map(|rules| {
            let mut after = bytes.clone();
            for _ in 0..self.u32() {
                let (offset, length) = (self.length(), self.length());
                after[offset..offset + length].copy_from_slice(self.take(length));
            }
            let mut cycles = Vec::new();
            for _ in 0..self.u32() {
                let (task, length) = (self.length(), self.length());
                cycles.push(Cycle { task, path: (0..length).map(|_| self.u32()).collect() });
            }
            Answer { rules, words: words_of(&after), cycles }
        });
        let words = words_of(&bytes);
        (bytes, Sound { words, now_micros, answers: answers.into() })
    }

    fn ill_formed(&mut self, sound: &[Vec<u8>]) -> IllFormed {
        let mut bytes = sound[self.length()].clone();
        for _ in 0..self.u32() {
            let at = self.length();
            bytes[at..at + 4].copy_from_slice(self.take(4));
        }
        bytes.resize(self.length(), 0xa5);
        IllFormed { words: words_of(&bytes), section: self.text(), problem: self.text() }
    }
}

fn words_of(bytes: &[u8]) -> Vec<u64> {
    assert!(bytes.len().is_multiple_of(8));
    let words = bytes.chunks_exact(8);
    words.map(|word| u64::from_le_bytes(word.try_into().expect("eight bytes"))).collect()
}

/// Reads one file of the folder.
pub fn read_vectors(name: &str) -> Vectors {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../test/vectors/snapshots");
    let bytes = std::fs::read(folder.join(name)).expect("a file of the checkout");
    let mut reader = Reader(&bytes);
    assert_eq!(reader.take(4), b"TKSV");
    let (sound, ill_formed) = (reader.length(), reader.length());
    let (originals, sound): (Vec<_>, Vec<_>) = (0..sound).map(|_| reader.sound()).unzip();
    let ill_formed = (0..ill_formed).map(|_| reader.ill_formed(&originals)).collect();
    assert!(reader.0.is_empty(), "{} bytes too many", reader.0.len());
    Vectors { sound, ill_formed }
}
