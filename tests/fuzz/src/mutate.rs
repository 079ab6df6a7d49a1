//! Mutations of bytes, of s-expressions and of packs.

/// Bytes that stand at some limit of LEB128 numbers, or open or close something.
const BYTES: [u8; 14] = [0, 1, 2, 0x3f, 0x40, 0x41, 0x60, 0x70, 0x7e, 0x7f, 0x80, 0x81, 0xfe, 0xff];

/// Numbers at some limit.
const NUMBERS: [&str; 10] = ["0", "1", "2", "7", "16", "17", "65535", "65536", "-1", "4294967295"];

/// Words that can stand for one another.
const WORDS: [&[&str]; 6] = [
    &["bool", "u8", "s8", "u16", "s16", "u32", "s32", "u64", "s64", "f32", "f64", "char", "string"],
    &["i32", "i64", "f32", "f64", "v128", "funcref", "externref"],
    &["string-encoding=utf8", "string-encoding=utf16", "string-encoding=latin1+utf16"],
    &["record", "tuple", "variant", "option", "list", "result", "flags", "enum", "own", "borrow"],
    &["func", "memory", "table", "global", "tag", "type", "instance", "component", "module"],
    &["i32.const", "i64.const", "local.get", "i32.load", "i32.load8_u", "i64.load"],
];

/// Pieces of packs.
const PIECES: [&str; 22] = [
    "?x",
    "?rest",
    "_",
    "#a",
    "..?rest",
    "!",
    ",",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "=>",
    "=/=>",
    "u8()",
    "string()",
    "keep(?t, ?from, ?to)",
    "pass(?t, ?from, ?to)",
    "traps()",
    ".transcode",
    "where",
];

/// A source of changes, each determined by those before.
pub(crate) struct Mutator(u64);

/// An s-expression, as far as that is of interest.
#[derive(Clone, Debug)]
enum Node {
    Atom(String),
    List(Vec<Node>),
}

impl Mutator {
    pub(crate) fn new(seed: u64, number: u64) -> Self {
        let mut mutator = Mutator(
            seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)
                ^ number.wrapping_add(1).wrapping_mul(0xd1b5_4a32_d192_ed03),
        );
        mutator.bits();
        mutator
    }

    /// SplitMix64.
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below the bound, or 0.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.bits() % bound.max(1) as u64) as usize
    }

    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    /// Random bytes, up to so many.
    pub(crate) fn noise(&mut self, most: usize) -> Vec<u8> {
        let length = self.below(most);
        (0..length).map(|_| self.bits() as u8).collect()
    }

    /// Changes one to four bytes or ranges of them; mostly in place, which upsets no sizes.
    pub(crate) fn bytes(&mut self, bytes: &mut Vec<u8>) {
        let kinds = if self.below(4) == 0 { 8 } else { 5 };
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len() + 1);
            let end = (at + self.below(9)).min(bytes.len());
            match self.below(kinds) {
                _ if at == bytes.len() => bytes.push(self.bits() as u8),
                0 | 1 => bytes[at] = *self.pick(&BYTES),
                2 => bytes[at] ^= 1 << self.below(8),
                3 => bytes[at] = bytes[at].wrapping_add(1),
                4 => {
                    let range = bytes[at..end].to_vec();
                    let to = self.below(bytes.len() - range.len() + 1);
                    bytes[to..to + range.len()].copy_from_slice(&range);
                }
                5 => bytes.insert(at, *self.pick(&BYTES)),
                6 => drop(bytes.drain(at..end)),
                _ => {
                    let range = bytes[at..end].to_vec();
                    let to = self.below(bytes.len());
                    drop(bytes.splice(to..to, range));
                }
            }
        }
    }

    /// Changes one to four forms; new ones come from the other text.
    pub(crate) fn forms(&mut self, text: &str, other: &str) -> String {
        let mut root = Node::List(parse(text));
        let donor = Node::List(parse(other));
        for _ in 0..=self.below(4) {
            let source = if self.below(3) > 0 { root.clone() } else { donor.clone() };
            let (mut nodes, mut sources) = (Vec::new(), Vec::new());
            root.all(&mut nodes);
            source.all(&mut sources);
            // Node 0 is the whole text; the rest may be gone.
            if nodes.len() == 1 {
                break;
            }
            let at = 1 + self.below(nodes.len() - 1);
            let node = nodes[at].clone();
            let new = match self.below(7) {
                0 => Vec::new(),
                1 => vec![node.clone(), node],
                2 => vec![node, (*self.pick(&sources)).clone()],
                3 | 4 => {
                    // Something of the same kind, or atoms would stand for lists.
                    let kind = node.kind();
                    let alike: Vec<&Node> =
                        sources.into_iter().skip(1).filter(|node| node.kind() == kind).collect();
                    let other = if alike.is_empty() { &node } else { *self.pick(&alike) };
                    vec![other.clone()]
                }
                5 => vec![self.swapped(node)],
                _ => vec![self.word(&node)],
            };
            root.replace(at, new);
        }
        let mut text = String::new();
        if let Node::List(nodes) = &root {
            nodes.iter().for_each(|node| node.write(&mut text));
        }
        text
    }

    /// Two children of a list have changed places.
    fn swapped(&mut self, node: Node) -> Node {
        let Node::List(mut nodes) = node else { return node };
        if let Some(count) = nodes.len().checked_sub(1).filter(|count| *count > 1) {
            nodes.swap(1 + self.below(count), 1 + self.below(count));
        }
        Node::List(nodes)
    }

    /// An atom of the same kind.
    fn word(&mut self, node: &Node) -> Node {
        let Node::Atom(atom) = node else { return node.clone() };
        if let Some(words) = WORDS.iter().find(|words| words.contains(&atom.as_str())) {
            return Node::Atom(self.pick(words).to_string());
        }
        if atom.starts_with(|c: char| c.is_ascii_digit() || c == '-') {
            return Node::Atom(self.pick(&NUMBERS).to_string());
        }
        node.clone()
    }

    /// Changes one to four places of a pack.
    pub(crate) fn pack(&mut self, text: &str) -> String {
        let mut lines: Vec<String> = text.lines().map(String::from).collect();
        for _ in 0..=self.below(4) {
            let at = self.below(lines.len());
            let words: Vec<String> = lines[at].split(' ').map(String::from).collect();
            let word = self.below(words.len());
            let other = self.below(lines.len());
            let with = |word: usize, piece: &str| {
                let mut words = words.clone();
                words[word] = piece.to_string();
                words.join(" ")
            };
            match self.below(6) {
                0 => drop(lines.remove(at)),
                1 => lines.swap(at, other),
                2 => lines[at] = with(word, ""),
                3 => lines[at] = with(word, PIECES[self.below(PIECES.len())]),
                4 => {
                    let taken: Vec<&str> = lines[other].split(' ').collect();
                    let taken = taken[self.below(taken.len())].to_string();
                    lines[at] = with(word, &taken);
                }
                _ => {
                    // A guard or an argument may go, and the line stay well-formed.
                    let parts: Vec<&str> = lines[at].split(", ").collect();
                    let gone = self.below(parts.len());
                    let kept = parts.iter().enumerate().filter(|(i, _)| *i != gone);
                    lines[at] = kept.map(|(_, part)| *part).collect::<Vec<_>>().join(", ");
                }
            }
            if lines.is_empty() {
                lines.push(String::new());
            }
        }
        lines.join("\n")
    }
}

impl Node {
    /// This node and all inside of it.
    fn count(&self) -> usize {
        match self {
            Node::Atom(_) => 1,
            Node::List(nodes) => 1 + nodes.iter().map(Node::count).sum::<usize>(),
        }
    }

    /// This node and all inside of it, in the order of the text.
    fn all<'n>(&'n self, nodes: &mut Vec<&'n Node>) {
        nodes.push(self);
        if let Node::List(inner) = self {
            inner.iter().for_each(|node| node.all(nodes));
        }
    }

    /// Puts others in the place of a node inside of this one, given by its number in
    /// [`Node::all`].
    fn replace(&mut self, at: usize, new: Vec<Node>) {
        let Node::List(nodes) = self else { return };
        let mut at = at - 1;
        for i in 0..nodes.len() {
            if at == 0 {
                nodes.splice(i..=i, new);
                return;
            }
            let count = nodes[i].count();
            if at < count {
                return nodes[i].replace(at, new);
            }
            at -= count;
        }
    }

    /// The word that a list begins with; what an atom looks like.
    fn kind(&self) -> String {
        match self {
            Node::List(nodes) => match nodes.first() {
                Some(Node::Atom(atom)) => format!("({atom}"),
                _ => "(".to_string(),
            },
            Node::Atom(atom) => atom.chars().take(1).collect(),
        }
    }

    fn write(&self, text: &mut String) {
        match self {
            Node::Atom(atom) => text.push_str(atom),
            Node::List(nodes) => {
                text.push('(');
                nodes.iter().for_each(|node| node.write(text));
                text.push(')');
            }
        }
        text.push(' ');
    }
}

/// The nodes of a text that has the brackets and quotes of WebAssembly text, without comments.
fn parse(text: &str) -> Vec<Node> {
    let mut open = vec![Vec::new()];
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '(' => open.push(Vec::new()),
            ')' if open.len() > 1 => {
                let list = Node::List(open.pop().unwrap_or_default());
                open.last_mut().expect("one is left").push(list);
            }
            ';' => while chars.next_if(|c| *c != '\n').is_some() {},
            c if c.is_whitespace() || c == ')' => {}
            '"' => {
                let mut atom = String::from('"');
                while let Some(c) = chars.next() {
                    atom.push(c);
                    match c {
                        '\\' => atom.extend(chars.next()),
                        '"' => break,
                        _ => {}
                    }
                }
                open.last_mut().expect("one is left").push(Node::Atom(atom));
            }
            c => {
                let mut atom = String::from(c);
                while let Some(c) = chars.next_if(|c| !c.is_whitespace() && !"()\";".contains(*c)) {
                    atom.push(c);
                }
                open.last_mut().expect("one is left").push(Node::Atom(atom));
            }
        }
    }
    open.into_iter().flatten().collect()
}
