//! The two sections that hold nearly all bytes of a module, written straight into the output:
//! function bodies, rewritten in parallel a few at a time, and data segments.

use super::MergeError;
use super::module::Module;
use super::reencode::Renumber;
use super::scan::Sites;
use rayon::prelude::*;
use wasm_encoder::{Encode, SectionId};

/// Bytes of bodies rewritten as one task.
const CHUNK: usize = 32 << 10;

/// Tasks for each thread in a round. The results of two rounds are held at a time.
const ROUND: usize = 4;

/// What the code section is made from.
pub struct Code<'c> {
    pub modules: &'c [Module<'c>],
    /// By instance.
    pub renumber: &'c [Renumber<'c>],
    pub sites: &'c Sites,
    /// Functions by instance and position in its module.
    pub functions: &'c [(usize, usize)],
    /// A body that comes last.
    pub generated: Option<&'c [u8]>,
}

/// Appends the code section. While the bodies of one round are appended, those of the next are
/// rewritten.
pub fn code_section(code: &Code<'_>, out: &mut Vec<u8>) -> Result<(), MergeError> {
    let size = |&(instance, position): &(usize, usize)| code.modules[instance].body_size(position);
    let count = code.functions.len() + usize::from(code.generated.is_some());
    if count == 0 {
        return Ok(());
    }
    let before: usize = code.functions.iter().map(size).sum();
    section(SectionId::Code, before, out, |out| {
        count.encode(out);
        let chunks = chunks(code.functions, size);
        let round = rayon::current_num_threads() * ROUND;
        let tasks = || (0..round.min(chunks.len())).map(|_| Task::default()).collect::<Vec<_>>();
        let (mut written, mut next) = (tasks(), tasks());
        for chunks in chunks.chunks(round) {
            let rewrite = || {
                next.par_iter_mut().zip(chunks).for_each(|(task, functions)| {
                    task.outcome =
                        functions.iter().try_for_each(|function| task.body(code, function));
                });
            };
            rayon::join(|| append(&mut written, out), rewrite).0?;
            std::mem::swap(&mut written, &mut next);
        }
        append(&mut written, out)?;
        if let Some(body) = code.generated {
            body.encode(out);
        }
        Ok(())
    })
}

/// Appends what tasks made. In order, so that of several errors the first is reported.
fn append(tasks: &mut [Task], out: &mut Vec<u8>) -> Result<(), MergeError> {
    for task in tasks {
        std::mem::replace(&mut task.outcome, Ok(()))?;
        out.extend_from_slice(&task.bytes);
        task.bytes.clear();
    }
    Ok(())
}

/// What a task needs and makes, kept from round to round for its memory.
struct Task {
    /// Bodies, each after its size.
    bytes: Vec<u8>,
    outcome: Result<(), MergeError>,
}

impl Default for Task {
    fn default() -> Self {
        Task { bytes: Vec::new(), outcome: Ok(()) }
    }
}

impl Task {
    fn body(&mut self, code: &Code<'_>, function: &(usize, usize)) -> Result<(), MergeError> {
        let &(instance, position) = function;
        let module = &code.modules[instance];
        sized(module.body_size(position), &mut self.bytes, |out| {
            let (body, sites) = (module.body(position), code.sites.of(instance, position));
            code.renumber[instance].body(&body, sites, out)
        })
    }
}

/// Divides a list into runs of about [`CHUNK`] bytes.
fn chunks<T>(items: &[T], size: impl Fn(&T) -> usize) -> Vec<&[T]> {
    let mut chunks = Vec::new();
    let (mut from, mut bytes) = (0, 0);
    for (at, item) in items.iter().enumerate() {
        bytes += size(item);
        if bytes >= CHUNK || at + 1 == items.len() {
            chunks.push(&items[from..=at]);
            (from, bytes) = (at + 1, 0);
        }
    }
    chunks
}

/// A data segment: its mode with the offset, if it has one, encoded; and its bytes.
pub struct Segment<'a> {
    pub mode: Vec<u8>,
    pub bytes: &'a [u8],
}

/// Appends the data section.
pub fn data_section(segments: &[Segment<'_>], out: &mut Vec<u8>) -> Result<(), MergeError> {
    if segments.is_empty() {
        return Ok(());
    }
    let size = segments.iter().map(|segment| segment.mode.len() + segment.bytes.len()).sum();
    section(SectionId::Data, size, out, |out| {
        segments.len().encode(out);
        for segment in segments {
            out.extend_from_slice(&segment.mode);
            segment.bytes.encode(out);
        }
        Ok(())
    })
}

/// Appends a section with what `write` appends; see [`sized`].
pub fn section(
    id: SectionId,
    about: usize,
    out: &mut Vec<u8>,
    write: impl FnOnce(&mut Vec<u8>) -> Result<(), MergeError>,
) -> Result<(), MergeError> {
    out.push(id.into());
    sized(about, out, write)
}

/// Appends what `write` appends, after its size. That size is best `about` what is expected:
/// where it takes as many bytes to write, nothing has to be moved.
pub fn sized(
    about: usize,
    out: &mut Vec<u8>,
    write: impl FnOnce(&mut Vec<u8>) -> Result<(), MergeError>,
) -> Result<(), MergeError> {
    let at = out.len();
    leb128(about, out)?;
    let start = out.len();
    write(out)?;
    let mut size = Vec::with_capacity(5);
    leb128(out.len() - start, &mut size)?;
    out.splice(at..start, size);
    Ok(())
}

/// Appends a size, which engines accept up to 4 GiB.
fn leb128(size: usize, out: &mut Vec<u8>) -> Result<(), MergeError> {
    let limit = u32::MAX as usize;
    if size > limit {
        return Err(MergeError::TooMany { what: "bytes in a section", count: size, limit });
    }
    size.encode(out);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The size in front is right and as short as can be, however wrong the guess was.
    #[test]
    fn sizes_are_exact() {
        for about in [0, 127, 128, 1 << 14, 1 << 21, 1 << 28] {
            for size in [0, 1, 127, 128, 300, (1 << 14) - 1, 1 << 14] {
                let content: Vec<u8> = (0..size).map(|i| i as u8).collect();
                let mut out = b"before".to_vec();
                sized(about, &mut out, |out| {
                    out.extend_from_slice(&content);
                    Ok(())
                })
                .unwrap();
                let mut expected = b"before".to_vec();
                content.as_slice().encode(&mut expected);
                assert_eq!(out, expected, "{about} {size}");
            }
        }
    }

    #[test]
    fn a_guess_beyond_what_is_possible_is_an_error() {
        let limit = u32::MAX as usize;
        assert!(leb128(limit, &mut Vec::new()).is_ok());
        assert!(leb128(limit + 1, &mut Vec::new()).is_err());
    }
}
