//! What is put around the merged module, or in place of its first sections, without copying it.

/// A face for the merged module.
pub(super) struct Face {
    /// What stands before the part that stays.
    pub head: Vec<u8>,
    /// How many bytes of the module `head` replaces.
    pub replaces: usize,
    /// What stands behind the module.
    pub tail: Vec<u8>,
}

impl Face {
    /// Moves the module behind its head. Where the vector has room, nothing is allocated.
    pub fn put_on(&self, mut module: Vec<u8>) -> Vec<u8> {
        let (head, replaces) = (self.head.len(), self.replaces);
        let stays = module.len() - replaces;
        module.reserve((head + self.tail.len()).saturating_sub(replaces));
        if head > replaces {
            module.resize(head + stays, 0);
        }
        module.copy_within(replaces..replaces + stays, head);
        module.truncate(head + stays);
        module[..head].copy_from_slice(&self.head);
        module.extend_from_slice(&self.tail);
        module
    }
}

#[cfg(test)]
mod tests {
    use super::Face;

    #[test]
    fn a_face_is_put_around_what_stays() {
        let put_on = |head: &str, replaces, tail: &str, module: &str| {
            let face = Face { head: head.into(), replaces, tail: tail.into() };
            String::from_utf8(face.put_on(module.into())).unwrap()
        };
        assert_eq!(put_on("longer head:", 3, "!", "abcdef"), "longer head:def!");
        assert_eq!(put_on("-", 3, "", "abcdef"), "-def");
        assert_eq!(put_on("", 0, "", "abcdef"), "abcdef");
        assert_eq!(put_on("", 6, "tail", "abcdef"), "tail");
        assert_eq!(put_on("123", 3, "", "abcdef"), "123def");
    }
}
