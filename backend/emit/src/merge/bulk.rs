//! The two sections that hold nearly all bytes of a module, written straight into the output:
//! function bodies, rewritten in parallel a few at a time, and data segments.

use super::MergeError;
use super::inline::{self, Defined, Inlining};
use super::module::Module;
use super::reencode::Renumber;
use rayon::prelude::*;
use std::collections::HashSet;
use wasm_encoder::{Encode, SectionId};
use wasmparser::OperatorsReaderAllocations;

/// Bytes of bodies rewritten as one task.
const CHUNK: usize = 64 << 10;

/// Tasks for each thread until their results are written. Their results are held meanwhile.
const ROUND: usize = 2;

/// What bodies are written from.
pub struct Code<'c, 'a> {
    /// By instance.
    pub modules: &'c [Module<'a>],
    /// By instance.
    pub renumber: &'c [Renumber<'a>],
    pub inlining: &'c Inlining,
    /// Functions in which bodies stand in place of calls.
    pub callers: &'c HashSet<Defined>,
}

impl Code<'_, '_> {
    fn body(
        &self,
        (instance, position): (usize, usize),
        allocations: &mut OperatorsReaderAllocations,
        out: &mut Vec<u8>,
    ) -> Result<(), MergeError> {
        let at = (instance as u32, position as u32);
        if self.callers.contains(&at) {
            return inline::body(self.modules, self.renumber, self.inlining, at, out);
        }
        self.renumber[instance].body(&self.modules[instance].body(position), allocations, out)
    }
}

/// Appends the code section: the bodies of `functions`, each an instance and a position in its
/// module, and `generated` as the last one.
pub fn code_section(
    code: &Code<'_, '_>,
    functions: &[(usize, usize)],
    generated: Option<&[u8]>,
    out: &mut Vec<u8>,
) -> Result<(), MergeError> {
    let size = |&(instance, position): &(usize, usize)| code.modules[instance].body_size(position);
    let count = functions.len() + usize::from(generated.is_some());
    if count == 0 {
        return Ok(());
    }
    let before: usize = functions.iter().map(size).sum();
    section(SectionId::Code, before, out, |out| {
        count.encode(out);
        let chunks = chunks(functions, size);
        let round = rayon::current_num_threads() * ROUND;
        let mut tasks: Vec<Task> = Vec::new();
        tasks.resize_with(round.min(chunks.len()), Task::default);
        for chunks in chunks.chunks(round) {
            tasks.par_iter_mut().zip(chunks).for_each(|(task, functions)| {
                task.bytes.clear();
                task.outcome = functions.iter().try_for_each(|function| {
                    sized(size(function), &mut task.bytes, |out| {
                        code.body(*function, &mut task.allocations, out)
                    })
                });
            });
            // In order, so that of several errors the first is reported.
            for task in &mut tasks[..chunks.len()] {
                std::mem::replace(&mut task.outcome, Ok(()))?;
                out.extend_from_slice(&task.bytes);
            }
        }
        if let Some(body) = generated {
            body.encode(out);
        }
        Ok(())
    })
}

/// What a task needs and makes, kept from round to round for its memory.
struct Task {
    allocations: OperatorsReaderAllocations,
    /// Bodies, each after its size.
    bytes: Vec<u8>,
    outcome: Result<(), MergeError>,
}

impl Default for Task {
    fn default() -> Self {
        Task { allocations: Default::default(), bytes: Vec::new(), outcome: Ok(()) }
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
