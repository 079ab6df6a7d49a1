//! The string modules of `rules/calls`, each alone, against an independent reference. Nothing may
//! be written outside of what was allocated, every result of an allocation must be checked, and
//! strings may be as long as the limit and no longer.

mod support;

use encoding_rs::mem;
use support::random::Random;
use support::reference::{
    ALL, Call, Compact, Encoding, Form, Outcome, TAG, Utf8, Utf16, decode, encode, encode_tagged,
    wide,
};
use support::{StringModules, Transcoder, Wiring, engine, pack_module, transcoders, trap_name};
use wasmtime::{Caller, Engine, Func, Memory, MemoryType, Store, TypedFunc};

const PAGE: usize = 0x1_0000;
/// The most bytes that a string may have.
const LIMIT: u32 = (1 << 28) - 1;
/// What memory holds that nobody has written.
const JUNK: u8 = 0xa5;

/// What one call of the allocator does wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Wrong {
    /// One more than the alignment allows.
    Odd,
    /// As far up as is aligned, and so outside by one alignment or by one byte.
    Beyond,
    /// So far up that adding the size overflows.
    Far,
}

/// An allocator that always moves, leaves gaps, and writes down what it was asked for.
#[derive(Default)]
struct Allocator {
    memory: Option<Memory>,
    next: u32,
    calls: Vec<Call>,
    last: u32,
    /// Where each block stands.
    blocks: Vec<std::ops::Range<usize>>,
    wrong: Option<(usize, Wrong)>,
    /// Up to here there is something else.
    start: u32,
}

fn realloc(
    mut caller: Caller<'_, Allocator>,
    old: u32,
    old_size: u32,
    align: u32,
    size: u32,
) -> u32 {
    let memory = caller.data().memory.unwrap();
    assert_eq!(old, caller.data().last, "what is given back is what was given");
    let count = caller.data().calls.len();
    caller.data_mut().calls.push((old_size, align, size));
    let gap = if count == 0 { 0 } else { 5 };
    let at = (caller.data().next + gap).next_multiple_of(align);
    let have = memory.data_size(&caller) as u32;
    match caller.data().wrong {
        Some((call, Wrong::Odd)) if call == count => return at | 1,
        Some((call, Wrong::Beyond)) if call == count => {
            return (have - size) / align * align + align;
        }
        Some((call, Wrong::Far)) if call == count => return 0u32.wrapping_sub(align),
        _ => {}
    }
    let end = at + size;
    if end as usize > have as usize {
        memory.grow(&mut caller, (end - have).div_ceil(PAGE as u32).into()).unwrap();
        memory.data_mut(&mut caller)[have as usize..].fill(JUNK);
    }
    let kept = old_size.min(size) as usize;
    let data = memory.data_mut(&mut caller);
    data.copy_within(old as usize..old as usize + kept, at as usize);
    let state = caller.data_mut();
    state.blocks.push(at as usize..end as usize);
    state.next = end;
    state.last = at;
    at
}

/// One transcoder between two memories.
struct Rig {
    store: Store<Allocator>,
    source: Memory,
    dest: Memory,
    transcode: TypedFunc<(u32, u32), (u32, u32)>,
    /// The destination's bytes when nothing is written.
    clean: Vec<u8>,
}

impl Rig {
    /// Between a source memory of so many pages and another.
    fn new(engine: &Engine, transcoder: &Transcoder, pages: u32) -> Rig {
        let mut store = Store::new(engine, Allocator::default());
        let [source, dest] =
            [pages, 1].map(|pages| Memory::new(&mut store, MemoryType::new(pages, None)).unwrap());
        Rig::between(engine, transcoder, source, dest, store)
    }

    /// Within one memory.
    fn shared(engine: &Engine, transcoder: &Transcoder) -> Rig {
        let mut store = Store::new(engine, Allocator::default());
        let memory = Memory::new(&mut store, MemoryType::new(1, None)).unwrap();
        Rig::between(engine, transcoder, memory, memory, store)
    }

    fn between(
        engine: &Engine,
        transcoder: &Transcoder,
        source: Memory,
        dest: Memory,
        mut store: Store<Allocator>,
    ) -> Rig {
        dest.data_mut(&mut store).fill(JUNK);
        store.data_mut().memory = Some(dest);
        let modules = StringModules::new(transcoder, |name| pack_module(engine, name));
        let wiring = Wiring {
            traps: &pack_module(engine, "traps"),
            checked_realloc: &pack_module(engine, "checked-realloc"),
            source: (source, 16),
            dest,
            realloc: Func::wrap(&mut store, realloc),
        };
        let transcode = modules.instantiate(&mut store, wiring).typed(&store).unwrap();
        Rig { store, source, dest, transcode, clean: Vec::new() }
    }

    /// Transcodes what stands at an address.
    fn run(&mut self, ptr: u32, length: u32, wide: bool) -> Result<Outcome, String> {
        let state = self.store.data_mut();
        let Allocator { memory, wrong, start, .. } = *state;
        let blocks = std::iter::once(0..start as usize).collect();
        *state = Allocator { memory, wrong, start, blocks, next: start, ..Allocator::default() };
        let called = self.transcode.call(&mut self.store, (ptr, length));
        let blocks = std::mem::take(&mut self.store.data_mut().blocks);
        let outcome = called.map_err(|error| trap_name(&error)).map(|(ptr, length)| {
            assert_eq!(ptr, self.store.data().last, "the last block is the string");
            let is_wide = wide || length & TAG != 0;
            let units = (if wide { length } else { length & !TAG }) as usize;
            let bytes = self.dest.data(&self.store)[ptr as usize..]
                [..units * if is_wide { 2 } else { 1 }]
                .to_vec();
            for block in &blocks[1..] {
                let block = &self.dest.data(&self.store)[block.clone()];
                assert!(holds_only(block, &bytes, is_wide), "{block:02x?} holds {bytes:02x?}");
            }
            Outcome { bytes, length, calls: std::mem::take(&mut self.store.data_mut().calls) }
        });
        let data = self.dest.data_mut(&mut self.store);
        for block in blocks {
            data[block].fill(JUNK);
        }
        self.clean.resize(data.len(), JUNK);
        assert!(*data == self.clean[..], "something is written outside of what was allocated");
        outcome
    }
}

/// A block holds the beginning of a string, in the string's encoding or as Latin-1, and behind it
/// what it held before. Where UTF-16 turned out to be Latin-1, the end of it stays.
fn holds_only(block: &[u8], string: &[u8], is_wide: bool) -> bool {
    let narrow: Vec<u8> =
        if is_wide { string.iter().step_by(2).copied().collect() } else { string.to_vec() };
    let wide: Vec<u8> = narrow.iter().flat_map(|byte| [*byte, 0]).collect();
    let begins = |text: &[u8]| block.iter().zip(text).take_while(|(a, b)| a == b).count();
    let junk_after = |at: usize| block[at..].iter().all(|byte| *byte == JUNK);
    [string, &narrow].into_iter().any(|text| junk_after(begins(text)))
        || (block.len() == wide.len() && block[narrow.len()..] == wide[narrow.len()..])
}

/// Every transcoder, with what it is between.
fn all() -> impl Iterator<Item = (Encoding, Encoding, Transcoder)> {
    ALL.into_iter().flat_map(|from| ALL.map(|to| (from, to))).flat_map(|(from, to)| {
        transcoders(from.name(), to.name()).into_iter().map(move |one| (from, to, one))
    })
}

/// A rig for each transcoder.
struct Rigs(Vec<(Encoding, Encoding, Rig)>);

impl Rigs {
    fn new(pages: u32) -> Rigs {
        let engine = engine();
        let rig = |(from, to, one): (_, _, Transcoder)| (from, to, Rig::new(&engine, &one, pages));
        Rigs(all().map(rig).collect())
    }

    /// Transcodes a source from every encoding that has such strings to every other. It stands
    /// at the very end of the memory, so that nothing can be read behind it.
    fn check(&mut self, form: Form, bytes: &[u8]) {
        let units = (bytes.len() / form.unit()) as u32;
        let text = decode(form, bytes);
        for (from, tag) in form.encodings() {
            for (own, to, rig) in self.0.iter_mut().filter(|(own, ..)| own == from) {
                let size = rig.source.data_size(&rig.store);
                let room = bytes.len().next_multiple_of(2);
                let at = size - room;
                rig.source.write(&mut rig.store, at, bytes).unwrap();
                let at = if room == bytes.len() || *from == Utf8 { size - bytes.len() } else { at };
                rig.source.write(&mut rig.store, at, bytes).unwrap();
                let expected =
                    text.as_ref().map_err(|reason| reason.to_string()).map(|text| {
                        match (form, *from, *to) {
                            (Form::Utf16, Compact, Compact) => encode_tagged(units, text),
                            _ => encode(form, units, text, *to),
                        }
                    });
                let found = rig.run(at as u32, units | tag, *to == Utf16);
                assert_eq!(found, expected, "{own:?} to {to:?} of {bytes:02x?}");
            }
        }
    }

    /// The same text in every form that it has.
    fn check_text(&mut self, text: &str) {
        self.check(Form::Utf8, text.as_bytes());
        self.check(Form::Utf16, &wide(text));
        if mem::is_str_latin1(text) {
            self.check(Form::Latin1, &mem::encode_latin1_lossy(text));
        }
    }
}

/// A character of one of the ranges that encodings tell apart.
fn character(random: &mut Random) -> char {
    let ranges =
        [(0, 0x80), (0x80, 0x100), (0x100, 0x800), (0x800, 0x1_0000), (0x1_0000, 0x11_0000)];
    let (low, high) = ranges[random.below(5) as usize];
    let number = match random.below(4) {
        0 => low,
        1 => high - 1,
        _ => low + random.below(u64::from(high - low)) as u32,
    };
    char::from_u32(number).unwrap_or('\u{fffd}')
}

/// Text in runs, mostly ASCII, as texts are.
fn text(random: &mut Random) -> String {
    let mut text = String::new();
    for _ in 0..random.below(6) {
        let one = character(random);
        for _ in 0..random.below(20) {
            text.push(match random.below(3) {
                0 => character(random),
                1 => one,
                _ => 'x',
            });
        }
        text.extend(std::iter::repeat_n('y', random.below(3) as usize * 7));
    }
    text
}

/// How many random strings; `MELD_GENERATED=n` says otherwise.
fn rounds() -> u64 {
    let given = std::env::var("MELD_GENERATED").ok().and_then(|count| count.parse().ok());
    given.unwrap_or(1500)
}

#[test]
fn random_strings() {
    let (mut rigs, mut random) = (Rigs::new(1), Random::new(11));
    for _ in 0..rounds() {
        rigs.check_text(&text(&mut random));
    }
}

/// Valid text, then a few bytes of it changed, moved or lost.
#[test]
fn damaged_strings() {
    let (mut rigs, mut random) = (Rigs::new(1), Random::new(12));
    let bytes = [
        0x00, 0x7f, 0x80, 0xbf, 0xc0, 0xc1, 0xc2, 0xd8, 0xdb, 0xdc, 0xdf, 0xe0, 0xed, 0xef, 0xf0,
        0xf4, 0xf5, 0xff,
    ];
    for round in 0..2 * rounds() {
        let text = text(&mut random);
        let form = if round % 2 == 0 { Form::Utf8 } else { Form::Utf16 };
        let mut source = if form == Form::Utf8 { text.into_bytes() } else { wide(&text) };
        for _ in 0..=random.below(2) {
            let at = random.below(source.len() as u64 + 1) as usize;
            let byte = bytes[random.below(bytes.len() as u64) as usize];
            match random.below(3) {
                0 => drop(source.splice(at..at, [byte])),
                _ if at == source.len() => {}
                1 => source[at] = byte,
                _ => drop(source.remove(at)),
            }
        }
        source.truncate(source.len() / form.unit() * form.unit());
        rigs.check(form, &source);
    }
}

/// Every pair and many triples of bytes that begin, continue or are no character, at every
/// distance from a word's border.
#[test]
fn adversarial_utf8() {
    let mut rigs = Rigs::new(1);
    let bytes = [
        0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc1, 0xc2, 0xdf, 0xe0, 0xed, 0xef, 0xf0,
        0xf4, 0xf5,
    ];
    for (i, first) in bytes.into_iter().enumerate() {
        for (j, second) in bytes.into_iter().enumerate() {
            for (k, end) in
                [&[][..], &[0x80], &[0xbf, 0x80], &[0x80, 0x41], &[0xf0, 0x9f, 0x98, 0x80]]
                    .into_iter()
                    .enumerate()
            {
                let mut source = vec![b'x'; (3 * i + 5 * j + 7 * k) % 19];
                source.extend([first, second]);
                source.extend(end);
                source.extend(vec![b'x'; (i + j + k) % 11]);
                rigs.check(Form::Utf8, &source);
            }
        }
    }
}

#[test]
fn adversarial_utf16() {
    let mut rigs = Rigs::new(1);
    let units = [
        0x41u16, 0x7f, 0x80, 0xff, 0x100, 0x7ff, 0x800, 0xd7ff, 0xd800, 0xdbff, 0xdc00, 0xdfff,
        0xe000, 0xffff,
    ];
    for (i, first) in units.into_iter().enumerate() {
        for (j, second) in units.into_iter().enumerate() {
            for (k, third) in units.into_iter().enumerate() {
                let mut source = vec![0x78; (3 * i + 5 * j + 7 * k) % 11];
                source.extend([first, second, third]);
                source.extend(vec![0x78; (i + j + k) % 7]);
                let bytes: Vec<u8> = source.iter().flat_map(|unit| unit.to_le_bytes()).collect();
                rigs.check(Form::Utf16, &bytes);
            }
        }
    }
}

/// One character of each kind at every place of texts of every length up to two and more words.
#[test]
fn borders_of_words() {
    let mut rigs = Rigs::new(1);
    for length in 0..36 {
        for odd in [
            '\u{7f}',
            '\u{80}',
            '\u{ff}',
            '\u{100}',
            '\u{7ff}',
            '\u{800}',
            '\u{ffff}',
            '\u{10ffff}',
        ] {
            for at in [0, 1, length / 2, length] {
                let mut text = "x".repeat(length);
                text.insert(at.min(length), odd);
                rigs.check_text(&text);
            }
        }
    }
}

/// Characters of each length, in Latin-1 and not.
const KINDS: [char; 6] = ['x', '\u{e9}', '\u{107}', '\u{20ac}', '\u{ff5e}', '\u{1f600}'];

/// Among characters of one kind, one or two of another at every place of the first blocks.
#[test]
fn borders_of_blocks() {
    let mut rigs = Rigs::new(1);
    for (many, few) in KINDS.into_iter().flat_map(|many| KINDS.map(|few| (many, few))) {
        for at in 0..40 {
            let mut text = [many; 40];
            text[at] = few;
            rigs.check_text(&text.iter().collect::<String>());
            text[(7 * at + 1) % 40] = few;
            rigs.check_text(&text.iter().take(39 - at / 2).collect::<String>());
        }
    }
}

/// Blocks of ASCII and of characters of two bytes, in all patterns of the one and the other: of Latin-1,
/// and with one that is not, or that is no character, behind.
#[test]
fn patterns_of_two_kinds() {
    let mut rigs = Rigs::new(1);
    for pattern in 0..1 << 9 {
        let of = |wide: fn(u32) -> char| -> String {
            let at = |n: u32| if pattern >> (n % 9) & 1 == 1 { wide(n) } else { 'x' };
            (0..27).map(at).collect()
        };
        let latin1 = of(|n| char::from(0x80 + (37 * n % 0x80) as u8));
        rigs.check_text(&latin1);
        rigs.check_text(&(latin1.clone() + "\u{107}"));
        rigs.check(Form::Utf8, &[latin1.as_bytes(), &[0xc3, 0x41]].concat());
        rigs.check_text(&of(|n| ['\u{ff}', '\u{100}'][usize::from(n == 20)]));
    }
}

/// Among characters of one kind, a mistake at every place of the first blocks.
#[test]
fn mistakes_in_blocks() {
    let mut rigs = Rigs::new(1);
    let utf8: [&[u8]; 10] = [
        &[0x80],
        &[0xbf, 0xbf],
        &[0xc1, 0xbf],
        &[0xc3],
        &[0xe0, 0x9f, 0xbf],
        &[0xed, 0xa0, 0x80],
        &[0xe2, 0x82],
        &[0xf0, 0x8f, 0xbf, 0xbf],
        &[0xf4, 0x90, 0x80, 0x80],
        &[0xff],
    ];
    let utf16: [&[u8]; 4] =
        [&[0x00, 0xd8], &[0xff, 0xdf], &[0x3d, 0xd8, 0x3d, 0xd8], &[0, 0xdc, 0, 0xd8]];
    for kind in KINDS {
        let text = kind.to_string().repeat(110);
        for (form, whole, mistakes) in
            [(Form::Utf8, text.as_bytes(), &utf8[..]), (Form::Utf16, &wide(&text), &utf16[..])]
        {
            for at in 0..80 {
                for (n, mistake) in mistakes.iter().enumerate() {
                    // In the middle of the text, or at its end.
                    let mut source = whole[..(80 + n) * form.unit()].to_vec();
                    let at = at * form.unit();
                    let end = (at + mistake.len()).min(source.len());
                    source.splice(at.min(end)..end, mistake.iter().copied());
                    rigs.check(form, &source);
                }
            }
        }
    }
}

/// Every allocation that a transcoder makes, be it the first, a growing or a shrinking one, is
/// checked for alignment and bounds.
#[test]
fn every_allocation_is_checked() {
    let mut rigs = Rigs::new(1);
    let mut seen = std::collections::BTreeSet::new();
    for (from, to, rig) in &mut rigs.0 {
        // ASCII, Latin-1 and more; each also as the tagged form where there is one.
        for text in ["", "plain", "caf\u{e9}", "na\u{ef}ve \u{20ac}", "\u{1f600}x"] {
            let mut sources = Vec::new();
            match from {
                Utf8 => sources.push((text.as_bytes().to_vec(), text.len() as u32)),
                Utf16 => sources.push((wide(text), wide(text).len() as u32 / 2)),
                Compact => {
                    sources.push((wide(text), (wide(text).len() as u32 / 2) | TAG));
                    if mem::is_str_latin1(text) {
                        let bytes = mem::encode_latin1_lossy(text).into_owned();
                        let length = bytes.len() as u32;
                        sources.push((bytes, length));
                    }
                }
            }
            for (bytes, length) in sources {
                rig.source.write(&mut rig.store, 64, &bytes).unwrap();
                rig.store.data_mut().wrong = None;
                let calls = rig.run(64, length, *to == Utf16).unwrap().calls;
                for (n, (_, align, _)) in calls.iter().enumerate() {
                    for wrong in [Wrong::Odd, Wrong::Beyond, Wrong::Far] {
                        if wrong == Wrong::Odd && *align == 1 {
                            continue;
                        }
                        rig.store.data_mut().wrong = Some((n, wrong));
                        let found = rig.run(64, length, *to == Utf16).unwrap_err();
                        let reason = match wrong {
                            Wrong::Odd => "realloc-unaligned",
                            _ => "realloc-out-of-bounds",
                        };
                        // Where there is nothing to write, far up may be in bounds: never so.
                        assert_eq!(
                            found, reason,
                            "{from:?} to {to:?}, call {n}, {wrong:?}, {text:?}"
                        );
                        seen.insert((from.name(), to.name(), n));
                    }
                }
            }
        }
    }
    // Three allocations: to UTF-8 from others, and from UTF-8 to what turns out not to be Latin-1.
    assert_eq!(seen.iter().filter(|(.., n)| *n == 2).count(), 3, "{seen:?}");
}

/// A string of as many bytes as are allowed gets as far as its allocation, which then fails;
/// one of a unit more does not.
#[test]
fn limits_of_length() {
    let pages = (1 << 28) / PAGE as u32 + 1;
    for (from, to, rig) in &mut Rigs::new(pages).0 {
        let (from, to) = (*from, *to);
        let forms: &[(Form, u32)] = match from {
            Utf8 => &[(Form::Utf8, 0)],
            Utf16 => &[(Form::Utf16, 0)],
            Compact => &[(Form::Latin1, 0), (Form::Utf16, TAG)],
        };
        for (form, tag) in forms {
            let most = LIMIT / form.unit() as u32;
            rig.store.data_mut().wrong = Some((0, Wrong::Far));
            let label = format!("{from:?} to {to:?} from {form:?}");
            assert_eq!(
                rig.run(2, most | tag, false).unwrap_err(),
                "realloc-out-of-bounds",
                "{label}"
            );
            let (align, size) = match (form, to) {
                (_, Utf8) => (1, most),
                (_, Utf16) => (2, 2 * most),
                (Form::Utf16, Compact) if from == Compact => (2, 2 * most),
                (_, Compact) => (2, most),
            };
            assert_eq!(rig.store.data().calls, [(0, align, size)], "{label}");
            assert_eq!(
                rig.run(2, (most + 1) | tag, false).unwrap_err(),
                "string-too-long",
                "{label}"
            );
            assert!(rig.store.data().calls.is_empty(), "{label}");
        }
    }
}

/// The longest string there can be, of zeros, all the way.
#[test]
fn the_longest_string() {
    let engine = engine();
    for transcoder in transcoders("utf16", "utf8") {
        let mut rig = Rig::new(&engine, &transcoder, (1 << 28) / PAGE as u32);
        let length = LIMIT / 2;
        let (ptr, found) = rig.transcode.call(&mut rig.store, (0, length)).unwrap();
        assert_eq!(found, length);
        let bytes = &rig.dest.data(&rig.store)[ptr as usize..][..length as usize];
        assert!(bytes.iter().step_by(4093).all(|byte| *byte == 0));
        assert_eq!((bytes[0], bytes[bytes.len() - 1]), (0, 0));
    }
}

/// Bounds count bytes, not code units: what ends one unit behind the memory is outside.
#[test]
fn bounds_count_bytes() {
    for (from, to, rig) in &mut Rigs::new(1).0 {
        let size = PAGE as u32;
        let tags: &[u32] = if *from == Compact { &[0, TAG] } else { &[0] };
        for tag in tags {
            let unit = if *from == Utf16 || *tag != 0 { 2 } else { 1 };
            let zeros = vec![0; PAGE];
            rig.source.write(&mut rig.store, 0, &zeros).unwrap();
            for units in [0, 1, 2, 3, 100, size / 2 / unit, size / unit] {
                let at = size - units * unit;
                // Where alignment allows no byte more, a unit more.
                let step = if *from == Utf8 { 1 } else { 2 };
                let label = format!("{from:?} to {to:?}, {units} units");
                if at.is_multiple_of(step) {
                    rig.run(at, units | tag, *to == Utf16).expect(&label);
                    let found = rig.run(at + step, units | tag, *to == Utf16).unwrap_err();
                    assert_eq!(found, "string-out-of-bounds", "{label}");
                }
            }
        }
    }
}

/// The two memories may be one, and the first block stand right behind the source.
#[test]
fn source_and_result_side_by_side() {
    let engine = engine();
    for (from, to, transcoder) in all() {
        for text in ["side by side", "caf\u{e9}", "\u{20ac} and \u{1f600}, and then some"] {
            let bytes = if from == Utf8 { text.as_bytes().to_vec() } else { wide(text) };
            let mut rig = Rig::shared(&engine, &transcoder);
            rig.source.write(&mut rig.store, 0, &bytes).unwrap();
            rig.store.data_mut().start = bytes.len() as u32;
            let (form, tag) = match from {
                Utf8 => (Form::Utf8, 0),
                Utf16 => (Form::Utf16, 0),
                Compact => (Form::Utf16, TAG),
            };
            let units = (bytes.len() / form.unit()) as u32;
            let found = rig.run(0, units | tag, to == Utf16).unwrap();
            let expected = match (from, to) {
                (Compact, Compact) => encode_tagged(units, text),
                _ => encode(form, units, text, to),
            };
            assert_eq!(found, expected, "{transcoder:?}");
        }
    }
}
