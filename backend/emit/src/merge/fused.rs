//! The fused module in the pieces that it is written from.

use super::MergeError;
use super::bulk::{self, Code, Segment, leb128, leb128_size};
use wasm_encoder::{Encode, SectionId};

/// A module of which the two sections that hold nearly all bytes are not made yet.
pub(crate) struct Fused<'m> {
    /// The header, and all sections before the code section.
    pub head: Vec<u8>,
    code: Option<Code<'m>>,
    /// Bytes in the code section.
    code_size: usize,
    data: Vec<Segment<'m>>,
    /// Bytes in the data section.
    data_size: usize,
    /// All sections after the data section.
    tail: Vec<u8>,
}

impl<'m> Fused<'m> {
    /// A module in pieces, the sizes of which are computed. `rest` makes the data segments and all
    /// sections after them, while the code is measured.
    pub fn new(
        head: Vec<u8>,
        code: Code<'m>,
        rest: impl FnOnce() -> Result<(Vec<Segment<'m>>, Vec<u8>), MergeError> + Send,
    ) -> Result<Self, MergeError> {
        let (rest, bodies) = rayon::join(rest, || code.measure());
        let (data, tail) = rest?;
        let code_size = leb128_size(code.count()) + bodies?;
        let data_size = leb128_size(data.len()) + data.iter().map(Segment::size).sum::<usize>();
        Ok(Fused { head, code: Some(code), code_size, data, data_size, tail })
    }

    /// A module that is there as a whole.
    pub fn whole(head: Vec<u8>) -> Fused<'static> {
        Fused { head, code: None, code_size: 0, data: Vec::new(), data_size: 0, tail: Vec::new() }
    }

    /// Bytes in the module; with `outline`, without what is in its data segments.
    pub fn size(&self, outline: bool) -> usize {
        let section = |size| 1 + leb128_size(size) + size;
        let code = if self.code().is_some() { section(self.code_size) } else { 0 };
        let data = match (self.data.is_empty(), outline) {
            (true, _) => 0,
            (false, true) => self.data_outline().len(),
            (false, false) => section(self.data_size),
        };
        self.head.len() + code + data + self.tail.len()
    }

    /// Gives everything after the head to `put`, in order: what is to be written, and what is to be
    /// validated of it, which is the same but for data segments. Those have no bytes then, so that
    /// the section does not have to be in memory as a whole. What `put` gets at a time are whole
    /// sections, the start of a section, or whole bodies, each after its size.
    pub fn put_rest<E: From<MergeError> + Send>(
        &self,
        put: &mut (impl FnMut(&[&[u8]], &[&[u8]]) -> Result<(), E> + Send),
    ) -> Result<(), E> {
        if let Some(code) = self.code() {
            let mut start = vec![SectionId::Code.into()];
            leb128(self.code_size, &mut start)?;
            code.count().encode(&mut start);
            put(&[&start], &[&start])?;
            code.put(&mut |bodies: &[&[u8]]| put(bodies, bodies))?;
        }
        if !self.data.is_empty() {
            let mut start = vec![SectionId::Data.into()];
            leb128(self.data_size, &mut start)?;
            self.data.len().encode(&mut start);
            put(&[&start], &[&self.data_outline()])?;
            bulk::put_segments(&self.data, &mut |segments: &[&[u8]]| put(segments, &[]))?;
        }
        put(&[&self.tail], &[&self.tail])
    }

    /// The data section without the bytes of its segments.
    fn data_outline(&self) -> Vec<u8> {
        let mut segments = Vec::new();
        self.data.len().encode(&mut segments);
        for segment in &self.data {
            segments.extend_from_slice(&segment.mode);
            0u32.encode(&mut segments);
        }
        let mut section = vec![SectionId::Data.into()];
        segments.as_slice().encode(&mut section);
        section
    }

    fn code(&self) -> Option<&Code<'m>> {
        self.code.as_ref().filter(|code| code.count() > 0)
    }
}
