//! What is put around the merged module, or in place of its first sections.

use super::WrapError;
use crate::merge::{Fused, MergeError};
use wasm_encoder::Encode;
use wasmparser::{Chunk, Parser, Payload};

/// A face for the merged module.
#[derive(Default)]
pub(crate) struct Face {
    /// What stands before the part that stays.
    pub head: Vec<u8>,
    /// The size of the module stands before it.
    pub sized: bool,
    /// How many bytes of the module's head `head` replaces.
    pub replaces: usize,
    /// What stands behind the module.
    pub tail: Vec<u8>,
}

impl Face {
    /// Gives the module with its face to `put`, in order; see [`Fused::put_rest`].
    pub fn put_on<E: From<MergeError> + Send>(
        &self,
        module: &Fused<'_>,
        put: &mut (impl FnMut(&[&[u8]], &[&[u8]]) -> Result<(), E> + Send),
    ) -> Result<(), E> {
        put(&[&self.start(module, false)?], &[&self.start(module, true)?])?;
        module.put_rest(put)?;
        put(&[&self.tail], &[&self.tail])
    }

    /// Bytes in the module with its face.
    pub fn size(&self, module: &Fused<'_>) -> Result<usize, MergeError> {
        let start = self.start(module, false)?.len();
        let kept = module.head.len() - self.replaces;
        Ok(start - kept + module.size(false) - self.replaces + self.tail.len())
    }

    /// What stands before the code section; `outline` as for [`Fused::size`].
    fn start(&self, module: &Fused<'_>, outline: bool) -> Result<Vec<u8>, MergeError> {
        let mut start = self.head.clone();
        if self.sized {
            let (size, limit) = (module.size(outline) - self.replaces, u32::MAX as usize);
            if size > limit {
                return Err(MergeError::TooMany {
                    what: "bytes in the module",
                    count: size,
                    limit,
                });
            }
            size.encode(&mut start);
        }
        start.extend_from_slice(&module.head[self.replaces..]);
        Ok(start)
    }

    /// The whole of a module that is there as a whole, with its face.
    pub fn on(&self, module: Vec<u8>) -> Result<Vec<u8>, MergeError> {
        let mut whole = Vec::with_capacity(self.head.len() + module.len() + self.tail.len() + 5);
        self.put_on(&Fused::whole(module), &mut |pieces: &[&[u8]], _: &[&[u8]]| {
            pieces.iter().for_each(|piece| whole.extend_from_slice(piece));
            Ok::<_, MergeError>(())
        })?;
        Ok(whole)
    }
}

/// The sections of a module before its code section, of which nothing need be there.
pub(super) fn head(module: &[u8]) -> impl Iterator<Item = Result<Payload<'_>, WrapError>> {
    let (mut parser, mut rest) = (Parser::new(0), module);
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let error = match parser.parse(rest, false) {
            Ok(Chunk::Parsed { payload: Payload::CodeSectionStart { .. }, .. }) => return None,
            Ok(Chunk::Parsed { consumed, payload }) => {
                rest = &rest[consumed..];
                return Some(Ok(payload));
            }
            Ok(Chunk::NeedMoreData(_)) => "the fused module is cut off".to_string(),
            Err(error) => error.to_string(),
        };
        rest = &[];
        Some(Err(WrapError::Internal(error)))
    })
}

#[cfg(test)]
mod tests {
    use super::Face;

    #[test]
    fn a_face_is_put_around_what_stays() {
        let put_on = |head: &str, sized, replaces, tail: &str, module: &str| {
            let face = Face { head: head.into(), sized, replaces, tail: tail.into() };
            String::from_utf8(face.on(module.into()).unwrap()).unwrap()
        };
        assert_eq!(put_on("longer head:", false, 3, "!", "abcdef"), "longer head:def!");
        assert_eq!(put_on("-", true, 3, "", "abcdef"), "-\u{3}def");
        assert_eq!(put_on("", false, 0, "", "abcdef"), "abcdef");
        assert_eq!(put_on("", false, 6, "tail", "abcdef"), "tail");
    }
}
