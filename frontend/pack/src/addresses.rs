//! Address types of memories and tables as parameters of modules in text.
//!
//! Where a module has a parameter `from` of sort `Memory` or `Table`, `from.addr` in a word of its
//! text stands for the type of addresses in what `from` will be, `i32` or `i64`; with
//! another parameter, `from.to.addr` stands for the narrower of two types, in which `memory.copy`
//! counts. A conversion that then is from a type to itself (`i32.wrap_i32`) is left out.

/// Most parameters whose address types one module follows: it is checked for every combination.
pub(crate) const MAX_FOLLOWED: usize = 4;

/// The suffix of a parameter's name in a word that stands for its address type.
const SUFFIX: &str = ".addr";

/// Which of these parameters the text follows, as positions among the names.
pub(crate) fn followed(text: &str, names: &[&str]) -> Vec<usize> {
    let mut follows = vec![false; names.len()];
    for (_, piece) in pieces(text) {
        let Piece::Word(word) = piece else { continue };
        if !word.contains(SUFFIX) {
            continue;
        }
        for (this, name) in names.iter().enumerate() {
            follows[this] |= find(word, name).is_some();
            for (other, second) in names.iter().enumerate() {
                if find(word, &format!("{name}.{second}")).is_some() {
                    follows[this] = true;
                    follows[other] = true;
                }
            }
        }
    }
    (0..names.len()).filter(|&position| follows[position]).collect()
}

/// The text for given address types: each parameter's name, and whether its addresses are 64 bits
/// wide. Everything else stays where it stands, so that lines and columns are those of the text.
pub(crate) fn with_types(text: &str, types: &[(&str, bool)]) -> String {
    let single = types.iter().map(|(name, wide)| ((*name).to_owned(), *wide));
    let pairs = types.iter().flat_map(|(name, wide)| {
        types.iter().map(move |(second, both)| (format!("{name}.{second}"), *wide && *both))
    });
    let types: Vec<(String, bool)> = single.chain(pairs).collect();
    let mut out = text.to_owned().into_bytes();
    // Open parentheses, each with whether it goes.
    let mut open: Vec<(usize, bool)> = Vec::new();
    let mut after_open = false;
    for (at, piece) in pieces(text) {
        match piece {
            Piece::Open => open.push((at, false)),
            Piece::Close => {
                if let Some((start, true)) = open.pop() {
                    out[start] = b' ';
                    out[at] = b' ';
                }
            }
            Piece::Word(word) => {
                let mut typed = word.to_owned();
                for (name, wide) in types.iter().filter(|_| word.contains(SUFFIX)) {
                    while let Some(start) = find(&typed, name) {
                        let end = start + name.len() + SUFFIX.len();
                        typed.replace_range(start..end, if *wide { "i64" } else { "i32" });
                    }
                }
                if typed != word && converts_nothing(&typed) {
                    typed.clear();
                    if let Some(list) = open.last_mut().filter(|_| after_open) {
                        list.1 = true;
                    }
                }
                // What stands for a type is never shorter than the type.
                let place = &mut out[at..at + word.len()];
                place.fill(b' ');
                place[..typed.len()].copy_from_slice(typed.as_bytes());
            }
            Piece::Text => {}
        }
        after_open = matches!(piece, Piece::Open);
    }
    // Only whole words and parentheses were changed, all of ASCII.
    String::from_utf8_lossy(&out).into_owned()
}

/// Where a word names the address type of a parameter.
fn find(word: &str, name: &str) -> Option<usize> {
    if word.starts_with('$') {
        return None;
    }
    let mut from = 0;
    while let Some(found) = word[from..].find(name) {
        let start = from + found;
        let before = word[..start].chars().next_back();
        let after = word[start + name.len()..].strip_prefix(SUFFIX);
        if matches!(before, None | Some('_'))
            && after.is_some_and(|after| matches!(after.chars().next(), None | Some('.' | '_')))
        {
            return Some(start);
        }
        from = start + name.len();
    }
    None
}

/// Whether an instruction converts from a type to itself.
fn converts_nothing(instruction: &str) -> bool {
    let Some((to, operation)) = instruction.split_once('.') else { return false };
    let mut parts = operation.split('_');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some("extend"), Some(from), Some("u" | "s"), None)
        | (Some("wrap"), Some(from), None, None) => to == from,
        _ => false,
    }
}

/// What the text format is made of, as far as it matters here.
#[derive(Clone, Copy)]
enum Piece<'t> {
    Open,
    Close,
    Word(&'t str),
    Text,
}

/// The pieces of a text and where they start, without spaces and comments. What is wrong in the
/// text is left to the parser.
fn pieces(text: &str) -> impl Iterator<Item = (usize, Piece<'_>)> {
    let bytes = text.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let start = at;
            let piece = match *bytes.get(at)? {
                b'(' if bytes.get(at + 1) == Some(&b';') => {
                    at = after_comment(bytes, at);
                    continue;
                }
                b';' if bytes.get(at + 1) == Some(&b';') => {
                    at += bytes[at..].iter().position(|&b| b == b'\n').unwrap_or(bytes.len() - at);
                    continue;
                }
                b'(' => {
                    at += 1;
                    Piece::Open
                }
                b')' => {
                    at += 1;
                    Piece::Close
                }
                b'"' => {
                    at += 1;
                    while let Some(&byte) = bytes.get(at) {
                        at += if byte == b'\\' { 2 } else { 1 };
                        if byte == b'"' {
                            break;
                        }
                    }
                    at = at.min(bytes.len());
                    Piece::Text
                }
                byte if is_word(byte) => {
                    at += bytes[at..].iter().take_while(|&&byte| is_word(byte)).count();
                    Piece::Word(&text[start..at])
                }
                _ => {
                    at += 1;
                    continue;
                }
            };
            return Some((start, piece));
        }
    })
}

/// Characters of words ("idchar" in the text format), all of ASCII.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_graphic()
        && !matches!(byte, b'"' | b'(' | b')' | b',' | b';' | b'[' | b']' | b'{' | b'}')
}

/// Where a block comment ends; they nest.
fn after_comment(bytes: &[u8], mut at: usize) -> usize {
    let mut depth = 0;
    while at < bytes.len() {
        match bytes[at..] {
            [b'(', b';', ..] => (depth, at) = (depth + 1, at + 2),
            [b';', b')', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, wide: bool, expect: &str) {
        let found = with_types(text, &[("m", wide)]);
        assert_eq!(found.len(), text.len(), "{found}");
        let words: Vec<_> = found.split_whitespace().collect();
        assert_eq!(words.join(" "), expect);
    }

    #[test]
    fn words_name_the_type() {
        check("(memory m.addr 0)", false, "(memory i32 0)");
        check("(memory m.addr 0)", true, "(memory i64 0)");
        check("(m.addr.const 8)", true, "(i64.const 8)");
        check("m.addr.add", false, "i32.add");
        check("i64.extend_m.addr_u", false, "i64.extend_i32_u");
        check("i32.wrap_m.addr", true, "i32.wrap_i64");
        check("m.addr.extend_i32_u", true, "i64.extend_i32_u");
        check("m.addr.wrap_i64", false, "i32.wrap_i64");
    }

    #[test]
    fn conversions_to_the_same_go() {
        check("(i64.extend_m.addr_u (local.get 0))", true, "(local.get 0)");
        check("local.get 0 i64.extend_m.addr_u drop", true, "local.get 0 drop");
        check("(m.addr.wrap_i64 (i64.const 1))", true, "(i64.const 1)");
        check("((m.addr.extend_i32_u (a (b)) ) c)", false, "( (a (b)) c)");
        check("(i32.extend_i32_u)", false, "(i32.extend_i32_u)");
    }

    #[test]
    fn two_names_stand_for_the_narrower_type() {
        for (a, b, expect) in [
            (false, false, "(i32.const 1)"),
            (true, false, "(i32.const 1)"),
            (true, true, "(i64.const 1)"),
        ] {
            let found = with_types("(a.b.addr.const 1)", &[("a", a), ("b", b)]);
            let words: Vec<_> = found.split_whitespace().collect();
            assert_eq!(words.join(" "), expect);
        }
        assert_eq!(followed("a.b.addr", &["b", "c", "a"]), [0, 2]);
    }

    #[test]
    fn other_things_stay() {
        let text = "$m.addr \"m.addr \\\" m.addr\" ;; m.addr\n (; m.addr (; ;) m.addr ;) xm.addr \
                    m.address m.addr-x";
        assert_eq!(with_types(text, &[("m", true)]), text);
        assert!(followed(text, &["m"]).is_empty());
        assert_eq!(followed("(local b.addr) i64.extend_c.addr_u", &["a", "b", "c"]), [1, 2]);
        assert_eq!(with_types("\"open \\", &[]), "\"open \\");
        assert_eq!(with_types("(; open", &[]), "(; open");
    }
}
