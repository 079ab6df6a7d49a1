//! The two sections that hold nearly all bytes of a module, made when they are written: function
//! bodies, rewritten in parallel a few at a time, and data segments.

use super::MergeError;
use super::inline::{self, Chosen, Defined, Inlining};
use super::module::Module;
use super::reencode::{Out, Renumber, Size};
use super::scan::Sites;
use rayon::prelude::*;
use std::collections::HashMap;
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
    pub inlining: &'c Inlining,
    /// Functions in which bodies stand in place of calls.
    pub callers: &'c HashMap<Defined, Chosen>,
    /// Functions by instance and position in its module.
    pub functions: Vec<(usize, usize)>,
    /// A body that comes last, after its size.
    pub generated: Option<Vec<u8>>,
}

impl Code<'_> {
    /// How many bodies there are.
    pub fn count(&self) -> usize {
        self.functions.len() + usize::from(self.generated.is_some())
    }

    /// Bytes of all bodies with their sizes.
    pub fn measure(&self) -> Result<usize, MergeError> {
        let measure = |functions: &&[(usize, usize)]| {
            functions.iter().try_fold(0, |all, function| {
                let size = self.size(function)?;
                Ok(all + leb128_size(size) + size)
            })
        };
        // Collected before errors are looked for, so that of several the first is reported.
        let sizes: Vec<Result<usize, MergeError>> = self.chunks().par_iter().map(measure).collect();
        let generated = self.generated.as_ref().map_or(0, Vec::len);
        sizes.into_iter().try_fold(generated, |all, size| Ok(all + size?))
    }

    /// Gives bodies, each after its size, to `put`, some at a time. Meanwhile the next are
    /// rewritten.
    pub fn put<E: From<MergeError> + Send>(
        &self,
        put: &mut (impl FnMut(&[&[u8]]) -> Result<(), E> + Send),
    ) -> Result<(), E> {
        let chunks = self.chunks();
        let round = rayon::current_num_threads() * ROUND;
        let tasks = || (0..round.min(chunks.len())).map(|_| Task::default()).collect::<Vec<_>>();
        let (mut made, mut next) = (tasks(), tasks());
        for chunks in chunks.chunks(round) {
            let rewrite = || {
                next.par_iter_mut().zip(chunks).for_each(|(task, functions)| {
                    task.run(self, functions);
                });
            };
            rayon::join(|| hand_over(&mut made, put), rewrite).0?;
            std::mem::swap(&mut made, &mut next);
        }
        hand_over(&mut made, put)?;
        self.generated.as_ref().map_or(Ok(()), |body| put(&[body]))
    }

    fn chunks(&self) -> Vec<&[(usize, usize)]> {
        chunks(&self.functions, |function| self.size_before(function))
    }

    fn size_before(&self, &(instance, position): &(usize, usize)) -> usize {
        self.modules[instance].body_size(position)
    }

    /// Bytes of a body without its size.
    fn size(&self, function: &(usize, usize)) -> Result<usize, MergeError> {
        if self.callers.contains_key(&defined(function)) {
            let mut bytes = Vec::new();
            self.body(function, &mut bytes)?;
            return Ok(bytes.len());
        }
        let mut size = Size::default();
        self.renumbered(function, &mut size)?;
        Ok(size.0)
    }

    fn body(&self, function: &(usize, usize), out: &mut Vec<u8>) -> Result<(), MergeError> {
        if let Some(chosen) = self.callers.get(&defined(function)) {
            let Code { modules, renumber, sites, inlining, .. } = *self;
            return inline::body(
                modules,
                renumber,
                sites,
                inlining,
                chosen,
                defined(function),
                out,
            );
        }
        self.renumbered(function, out)
    }

    fn renumbered(
        &self,
        &(instance, position): &(usize, usize),
        out: &mut impl Out,
    ) -> Result<(), MergeError> {
        let body = self.modules[instance].body(position);
        self.renumber[instance].body(&body, self.sites.of(instance, position), out)
    }
}

fn defined(&(instance, position): &(usize, usize)) -> Defined {
    (instance as u32, position as u32)
}

/// Gives what tasks made to `put`. In order, so that of several errors the first is reported.
fn hand_over<E: From<MergeError>>(
    tasks: &mut [Task],
    put: &mut impl FnMut(&[&[u8]]) -> Result<(), E>,
) -> Result<(), E> {
    for task in &mut *tasks {
        task.take_outcome()?;
    }
    let made: Vec<&[u8]> =
        tasks.iter().map(|task| &*task.bytes).filter(|bytes| !bytes.is_empty()).collect();
    if !made.is_empty() {
        put(&made)?;
    }
    tasks.iter_mut().for_each(|task| task.bytes.clear());
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
    fn run(&mut self, code: &Code<'_>, functions: &[(usize, usize)]) {
        self.bytes.clear();
        self.outcome = functions.iter().try_for_each(|function| {
            sized(code.size_before(function), &mut self.bytes, |out| code.body(function, out))
        });
    }

    fn take_outcome(&mut self) -> Result<(), MergeError> {
        std::mem::replace(&mut self.outcome, Ok(()))
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

impl Segment<'_> {
    /// Bytes that the segment takes.
    pub fn size(&self) -> usize {
        self.mode.len() + leb128_size(self.bytes.len()) + self.bytes.len()
    }
}

/// Bytes of segments that are copied together; those of larger segments are not copied.
const WINDOW: usize = 64 << 10;

/// Gives segments to `put`, in order.
pub fn put_segments<E>(
    segments: &[Segment<'_>],
    put: &mut impl FnMut(&[&[u8]]) -> Result<(), E>,
) -> Result<(), E> {
    let mut window = Vec::with_capacity(WINDOW);
    for segment in segments {
        window.extend_from_slice(&segment.mode);
        segment.bytes.len().encode(&mut window);
        if window.len() + segment.bytes.len() < WINDOW {
            window.extend_from_slice(segment.bytes);
        } else {
            put(&[&window, segment.bytes])?;
            window.clear();
        }
    }
    put(&[&window])
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

/// Bytes that a number takes.
pub fn leb128_size(number: usize) -> usize {
    (number | 1).ilog2() as usize / 7 + 1
}

/// Appends a size, which engines accept up to 4 GiB.
pub fn leb128(size: usize, out: &mut Vec<u8>) -> Result<(), MergeError> {
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
    fn sizes_of_numbers_are_exact() {
        for number in (0..35).flat_map(|bit| [(1usize << bit) - 1, 1 << bit, (1 << bit) + 1]) {
            let Ok(number) = u32::try_from(number) else { continue };
            let mut bytes = Vec::new();
            number.encode(&mut bytes);
            assert_eq!(leb128_size(number as usize), bytes.len(), "{number}");
        }
    }

    #[test]
    fn a_guess_beyond_what_is_possible_is_an_error() {
        let limit = u32::MAX as usize;
        assert!(leb128(limit, &mut Vec::new()).is_ok());
        assert!(leb128(limit + 1, &mut Vec::new()).is_err());
    }
}
