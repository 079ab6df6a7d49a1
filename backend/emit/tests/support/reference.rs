//! Strings by an independent reference: what `encoding_rs` decodes and encodes, which must agree
//! with std, and the Canonical ABI's sequence of allocations.

use encoding_rs::{Encoding as Decoder, UTF_8, UTF_16LE, mem};

/// The bit of a length that tells UTF-16 from Latin-1.
pub const TAG: u32 = 1 << 31;

/// An encoding of strings in memory.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Encoding {
    Utf8,
    Utf16,
    Compact,
}
pub use Encoding::{Compact, Utf8, Utf16};

/// All of them.
pub const ALL: [Encoding; 3] = [Utf8, Utf16, Compact];

impl Encoding {
    pub fn name(self) -> &'static str {
        match self {
            Utf8 => "utf8",
            Utf16 => "utf16",
            Compact => "latin1-utf16",
        }
    }
}

/// How the bytes of a source are meant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Form {
    Utf8,
    Utf16,
    Latin1,
}

impl Form {
    /// The encodings that have strings of this form, and the tag that their lengths bear.
    pub fn encodings(self) -> &'static [(Encoding, u32)] {
        match self {
            Form::Utf8 => &[(Utf8, 0)],
            Form::Utf16 => &[(Utf16, 0), (Compact, TAG)],
            Form::Latin1 => &[(Compact, 0)],
        }
    }

    pub fn unit(self) -> usize {
        if self == Form::Utf16 { 2 } else { 1 }
    }
}

/// One call of an allocator: old size, alignment, new size.
pub type Call = (u32, u32, u32);

/// What should come of a source.
#[derive(Debug, PartialEq)]
pub struct Outcome {
    pub bytes: Vec<u8>,
    pub length: u32,
    pub calls: Vec<Call>,
}

/// The text of a source, or the reason to trap.
pub fn decode(form: Form, bytes: &[u8]) -> Result<String, &'static str> {
    let by = |decoder: &'static Decoder| {
        decoder.decode_without_bom_handling_and_without_replacement(bytes).map(String::from)
    };
    match form {
        Form::Latin1 => Ok(mem::decode_latin1(bytes).into_owned()),
        Form::Utf8 => {
            let text = by(UTF_8);
            assert_eq!(text.as_deref(), std::str::from_utf8(bytes).ok(), "the references disagree");
            text.ok_or("invalid-utf8")
        }
        Form::Utf16 => {
            let text = by(UTF_16LE);
            let units = bytes.chunks(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]]));
            let other: Result<String, _> = char::decode_utf16(units).collect();
            assert_eq!(text.as_ref(), other.as_ref().ok(), "the references disagree");
            text.ok_or("invalid-utf16")
        }
    }
}

/// The text in UTF-16.
pub fn wide(text: &str) -> Vec<u8> {
    let mut units = vec![0; text.len() + 1];
    let count = mem::convert_str_to_utf16(text, &mut units);
    units[..count].iter().flat_map(|unit| unit.to_le_bytes()).collect()
}

/// What the Canonical ABI makes of a text of this form and this many code units.
pub fn encode(form: Form, units: u32, text: &str, to: Encoding) -> Outcome {
    let first = |align, size| vec![(0, align, size)];
    let shrunk = |mut calls: Vec<Call>, align, size| {
        let (_, _, have) = calls[calls.len() - 1];
        if size < have {
            calls.push((have, align, size));
        }
        calls
    };
    let latin1 = mem::is_str_latin1(text);
    match (form, to) {
        (Form::Utf8, Utf8) => Outcome { bytes: text.into(), length: units, calls: first(1, units) },
        (_, Utf8) => {
            let bytes = text.as_bytes().to_vec();
            let length = bytes.len() as u32;
            let mut calls = first(1, units);
            if !text.is_ascii() {
                let worst = units * if form == Form::Latin1 { 2 } else { 3 };
                calls.push((units, 1, worst));
                calls = shrunk(calls, 1, length);
            }
            Outcome { bytes, length, calls }
        }
        (_, Utf16) => {
            let bytes = wide(text);
            let size = bytes.len() as u32;
            Outcome { bytes, length: size / 2, calls: shrunk(first(2, 2 * units), 2, size) }
        }
        (Form::Latin1, Compact) => {
            let bytes = mem::encode_latin1_lossy(text).into_owned();
            Outcome { bytes, length: units, calls: first(2, units) }
        }
        (_, Compact) if latin1 => {
            let bytes = mem::encode_latin1_lossy(text).into_owned();
            let length = bytes.len() as u32;
            Outcome { bytes, length, calls: shrunk(first(2, units), 2, length) }
        }
        (_, Compact) => {
            let bytes = wide(text);
            let size = bytes.len() as u32;
            let mut calls = first(2, units);
            calls.push((units, 2, 2 * units));
            Outcome { bytes, length: (size / 2) | TAG, calls: shrunk(calls, 2, size) }
        }
    }
}

/// A string that is tagged as UTF-16 and goes where such strings may be Latin-1 is most likely
/// not: it is copied first.
pub fn encode_tagged(units: u32, text: &str) -> Outcome {
    let mut calls = vec![(0, 2, 2 * units)];
    if !mem::is_str_latin1(text) {
        return Outcome { bytes: wide(text), length: units | TAG, calls };
    }
    calls.push((2 * units, 1, units));
    Outcome { bytes: mem::encode_latin1_lossy(text).into_owned(), length: units, calls }
}
