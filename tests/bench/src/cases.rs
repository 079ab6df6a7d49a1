//! What is measured: values, sizes, and the ratio that each row has to reach.

use Encoding::{Latin1Utf16, Utf8, Utf16};

/// How a side encodes strings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Utf8,
    Utf16,
    Latin1Utf16,
}

impl Encoding {
    fn name(self) -> &'static str {
        match self {
            Utf8 => "utf8",
            Utf16 => "utf16",
            Latin1Utf16 => "latin1+utf16",
        }
    }
}

/// A kind of value that crosses.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// What crosses, for people.
    pub name: &'static str,
    /// Component-level parameters.
    params: &'static str,
    /// The same, flat.
    core_params: &'static str,
    /// A variant type that the parameters call `$v`, if there is one.
    variant: Option<&'static str>,
    /// Core code that fills `$bytes` bytes of the caller's memory.
    prepare: &'static str,
    /// Core code that pushes the flat arguments.
    arguments: &'static str,
    /// Encodings of caller and callee.
    encodings: (Encoding, Encoding),
    /// What happens to a resource, if that is what crosses.
    steps: Option<Steps>,
}

/// Core code of a user of a resource, who calls a method of what is in `$handle` over and over.
#[derive(Clone, Copy, Debug)]
struct Steps {
    /// Who has the method.
    get: &'static str,
    /// What the user imports besides.
    import: &'static str,
    before: &'static str,
    before_each: &'static str,
    after_each: &'static str,
    after: &'static str,
}

/// One line of the table.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// What crosses.
    pub case: Case,
    /// How many bytes of it, counted in the caller's memory; 0 where size does not matter.
    pub bytes: u32,
    /// The ratio composed/fused that has to be reached, where one is set.
    pub target: Option<f64>,
    /// How many calls of the first row a call may cost, both fused, where that is set.
    pub most: Option<f64>,
}

/// Core code that runs the given code for every so many bytes of `$bytes`, with where they begin in `$at`.
macro_rules! over_and_over {
    ($step:literal, $($code:literal),+) => {
        concat!(
            "(loop $next ",
            $($code,)+
            " (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const ",
            $step,
            "))) (local.get $bytes))))"
        )
    };
}

const PLAIN: Case = Case {
    name: "",
    params: "",
    core_params: "",
    variant: None,
    prepare: "",
    arguments: "",
    encodings: (Utf8, Utf8),
    steps: None,
};

/// Bytes at address 0, and their number in elements of some size.
const LIST: Case = Case {
    core_params: "(param $pointer i32) (param $length i32)",
    prepare: "(memory.fill (i32.const 0) (i32.const 65) (local.get $bytes))",
    ..PLAIN
};

const SCALAR: Case = Case {
    name: "scalar",
    params: r#"(param "a" u32) (param "b" u32)"#,
    core_params: "(param $a i32) (param $b i32)",
    arguments: "(local.get $calls) (local.get $bytes)",
    ..PLAIN
};

const VARIANT: Case = Case {
    name: "variant",
    params: r#"(param "v" $v)"#,
    core_params: "(param $case i32) (param $payload i64)",
    variant: Some(r#"(variant (case "none") (case "u32" u32) (case "f32" f32) (case "s64" s64))"#),
    arguments: "(i32.and (local.get $calls) (i32.const 3)) (i64.extend_i32_u (local.get $calls))",
    ..PLAIN
};

const LIST_U8: Case = Case {
    name: "list<u8>",
    params: r#"(param "l" (list u8))"#,
    arguments: "(i32.const 0) (local.get $bytes)",
    ..LIST
};

const LIST_U32: Case = Case {
    name: "list<u32>",
    params: r#"(param "l" (list u32))"#,
    arguments: "(i32.const 0) (i32.shr_u (local.get $bytes) (i32.const 2))",
    ..LIST
};

const LIST_TUPLE: Case = Case {
    name: "list<tuple<u32,u32>>",
    params: r#"(param "l" (list (tuple u32 u32)))"#,
    arguments: "(i32.const 0) (i32.shr_u (local.get $bytes) (i32.const 3))",
    ..LIST
};

const LIST_BOOL: Case = Case {
    name: "list<bool>",
    params: r#"(param "l" (list bool))"#,
    arguments: "(i32.const 0) (local.get $bytes)",
    ..LIST
};

const LIST_CHAR: Case = Case {
    name: "list<char>",
    params: r#"(param "l" (list char))"#,
    prepare: over_and_over!(4, "(i32.store (local.get $at) (i32.const 0x1f600))"),
    arguments: "(i32.const 0) (i32.shr_u (local.get $bytes) (i32.const 2))",
    ..LIST
};

/// Three bytes of padding in eight.
const LIST_PADDED: Case = Case {
    name: "list<tuple<u8,u32>>",
    params: r#"(param "l" (list (tuple u8 u32)))"#,
    ..LIST_TUPLE
};

/// Some of them none, with no pattern.
const LIST_OPTION: Case = Case {
    name: "list<option<u32>>",
    params: r#"(param "l" (list (option u32)))"#,
    prepare: over_and_over!(
        8,
        "(i32.store (local.get $at)
           (i32.shr_u (i32.mul (local.get $at) (i32.const 0x9e3779b1)) (i32.const 31)))"
    ),
    ..LIST_TUPLE
};

/// The same of a variant with payloads of all sizes.
const LIST_VARIANT: Case = Case {
    name: "list<variant>",
    params: r#"(param "l" (list $v))"#,
    variant: VARIANT.variant,
    prepare: over_and_over!(
        16,
        "(i32.store (local.get $at)
           (i32.shr_u (i32.mul (local.get $at) (i32.const 0x9e3779b1)) (i32.const 30)))"
    ),
    arguments: "(i32.const 0) (i32.shr_u (local.get $bytes) (i32.const 4))",
    ..LIST
};

const ASCII: Case = Case {
    name: "string, ASCII",
    params: r#"(param "s" string)"#,
    arguments: "(i32.const 0) (local.get $bytes)",
    ..LIST
};

/// U+00E9, over and over.
const TWO_BYTES: Case = Case {
    name: "string, two-byte UTF-8",
    prepare: over_and_over!(2, "(i32.store16 (local.get $at) (i32.const 0xa9c3))"),
    ..ASCII
};

const ASCII_TO_UTF16: Case =
    Case { name: "string, ASCII, UTF-8 to UTF-16", encodings: (Utf8, Utf16), ..ASCII };

const ASCII_TO_LATIN1: Case =
    Case { name: "string, ASCII, UTF-8 to Latin-1", encodings: (Utf8, Latin1Utf16), ..ASCII };

const TWO_BYTES_TO_LATIN1: Case =
    Case { name: "string, two-byte UTF-8 to Latin-1", encodings: (Utf8, Latin1Utf16), ..TWO_BYTES };

/// A character of two bytes, four of ASCII, over and over, as in texts of Western Europe.
const TEXT_TO_LATIN1: Case = Case {
    name: "string, words of ASCII and two-byte UTF-8 to Latin-1",
    prepare: over_and_over!(
        6,
        "(i32.store (local.get $at) (i32.const 0x6174a9c3))",
        "(i32.store16 offset=4 (local.get $at) (i32.const 0x2074))"
    ),
    arguments: "(i32.const 0) (i32.mul (i32.div_u (local.get $bytes) (i32.const 6)) (i32.const 6))",
    encodings: (Utf8, Latin1Utf16),
    ..ASCII
};

/// Code units of U+0041.
const ASCII_FROM_UTF16: Case = Case {
    name: "string, ASCII, UTF-16 to UTF-8",
    prepare: over_and_over!(2, "(i32.store16 (local.get $at) (i32.const 0x41))"),
    arguments: "(i32.const 0) (i32.shr_u (local.get $bytes) (i32.const 1))",
    encodings: (Utf16, Utf8),
    ..ASCII
};

const TEXT_TO_UTF16: Case = Case {
    name: "string, words of two-byte UTF-8 to UTF-16",
    prepare: over_and_over!(
        13,
        "(i64.store (local.get $at) (i64.const 0xb0d0b0d0b0d0b0d0))",
        "(i64.store offset=8 (local.get $at) (i64.const 0x20b0d0b0d0))"
    ),
    arguments: "(i32.const 0) (i32.mul (i32.div_u (local.get $bytes) (i32.const 13)) (i32.const 13))",
    encodings: (Utf8, Utf16),
    ..ASCII
};

const TWO_BYTES_TO_UTF16: Case =
    Case { name: "string, two-byte UTF-8 to UTF-16", encodings: (Utf8, Utf16), ..TWO_BYTES };

/// U+20AC, over and over, and a few bytes more.
const THREE_BYTES_TO_UTF16: Case = Case {
    name: "string, three-byte UTF-8 to UTF-16",
    prepare: over_and_over!(3, "(i32.store (local.get $at) (i32.const 0xac82e2))"),
    arguments: "(i32.const 0) (i32.mul (i32.div_u (local.get $bytes) (i32.const 3)) (i32.const 3))",
    encodings: (Utf8, Utf16),
    ..ASCII
};

/// Code units of U+00E9.
const LATIN1_UNITS: Case = Case {
    prepare: over_and_over!(2, "(i32.store16 (local.get $at) (i32.const 0xe9))"),
    ..ASCII_FROM_UTF16
};

const TWO_BYTES_FROM_UTF16: Case =
    Case { name: "string, two-byte, UTF-16 to UTF-8", ..LATIN1_UNITS };

const UTF16: Case =
    Case { name: "string, UTF-16 to the same", encodings: (Utf16, Utf16), ..LATIN1_UNITS };

const UTF16_TO_LATIN1: Case =
    Case { name: "string, UTF-16 to Latin-1", encodings: (Utf16, Latin1Utf16), ..LATIN1_UNITS };

const LATIN1_TO_UTF16: Case =
    Case { name: "string, Latin-1 to UTF-16", encodings: (Latin1Utf16, Utf16), ..ASCII };

const LATIN1_TO_UTF8: Case =
    Case { name: "string, ASCII, Latin-1 to UTF-8", encodings: (Latin1Utf16, Utf8), ..ASCII };

const LATIN1: Case =
    Case { name: "string, Latin-1 to the same", encodings: (Latin1Utf16, Latin1Utf16), ..ASCII };

/// Strings of 8 bytes, all of them the one at address 0; `$bytes` counts the list alone.
const LIST_STRING: Case = Case {
    name: "list<string>, 8 bytes each",
    params: r#"(param "l" (list string))"#,
    prepare: over_and_over!(
        8,
        "(i64.store (i32.const 0) (i64.const 0x4847464544434241))",
        "(i32.store offset=1024 (local.get $at) (i32.const 0))",
        "(i32.store offset=1028 (local.get $at) (i32.const 8))"
    ),
    arguments: "(i32.const 1024) (i32.shr_u (local.get $bytes) (i32.const 3))",
    ..LIST
};

const MAKE: &str = "(local.set $handle (call $make (local.get $calls)))";
const DROP: &str = "(call $drop (local.get $handle))";

/// Makes one, and lends it over and over to who implements it.
const STEPS: Steps = Steps {
    get: "$callee",
    import: "",
    before: MAKE,
    before_each: "",
    after_each: "",
    after: DROP,
};

const OBJECT: Case = Case {
    name: "resource: make, borrow, drop",
    steps: Some(Steps { before: "", before_each: MAKE, after_each: DROP, after: "", ..STEPS }),
    ..PLAIN
};

const METHOD: Case = Case { name: "resource: borrow", steps: Some(STEPS), ..PLAIN };

/// Who could also take ownership in a call marks what it lends.
const LENT: Case = Case {
    name: "resource: borrow, lent",
    steps: Some(Steps { import: r#"(import "" "both" (func (param i32 i32)))"#, ..STEPS }),
    ..PLAIN
};

const ABROAD: Case = Case {
    name: "resource: borrow, abroad",
    steps: Some(Steps { get: "$abroad", ..STEPS }),
    ..PLAIN
};

/// All rows, in the order of the table.
pub fn rows() -> Vec<Row> {
    const KIB: u32 = 1024;
    let row = |case, bytes, target| Row { case, bytes, target, most: None };
    vec![
        row(SCALAR, 0, Some(8.0)),
        row(VARIANT, 0, Some(6.0)),
        row(LIST_U8, 16, Some(4.0)),
        row(LIST_U8, KIB, Some(10.0)),
        row(LIST_U8, 64 * KIB, Some(20.0)),
        row(LIST_U32, 16, None),
        row(LIST_U32, KIB, None),
        row(LIST_U32, 64 * KIB, Some(5.0)),
        row(LIST_TUPLE, 16, None),
        row(LIST_TUPLE, KIB, None),
        row(LIST_TUPLE, 64 * KIB, Some(2.5)),
        row(LIST_BOOL, 16, None),
        row(LIST_BOOL, 64 * KIB, None),
        row(LIST_CHAR, 64 * KIB, None),
        row(LIST_PADDED, 16, None),
        row(LIST_PADDED, 64 * KIB, None),
        row(LIST_OPTION, 16, None),
        row(LIST_OPTION, 64 * KIB, None),
        row(LIST_VARIANT, 64 * KIB, None),
        row(ASCII, 20, Some(4.0)),
        row(ASCII, KIB, Some(2.0)),
        row(ASCII, 64 * KIB, Some(1.0)),
        row(TWO_BYTES, 16, None),
        row(TWO_BYTES, KIB, None),
        row(TWO_BYTES, 64 * KIB, Some(6.0)),
        row(ASCII_TO_UTF16, 20, None),
        row(ASCII_TO_UTF16, KIB, None),
        row(ASCII_TO_UTF16, 64 * KIB, None),
        row(TEXT_TO_UTF16, 64 * KIB, None),
        row(TWO_BYTES_TO_UTF16, 64 * KIB, None),
        row(THREE_BYTES_TO_UTF16, 64 * KIB, None),
        row(ASCII_TO_LATIN1, 20, None),
        row(ASCII_TO_LATIN1, 64 * KIB, None),
        row(TWO_BYTES_TO_LATIN1, 64 * KIB, None),
        row(TEXT_TO_LATIN1, 64 * KIB, None),
        row(ASCII_FROM_UTF16, 20, None),
        row(ASCII_FROM_UTF16, KIB, None),
        row(ASCII_FROM_UTF16, 64 * KIB, None),
        row(TWO_BYTES_FROM_UTF16, 64 * KIB, None),
        row(UTF16, 20, None),
        row(UTF16, 64 * KIB, None),
        row(UTF16_TO_LATIN1, 20, None),
        row(UTF16_TO_LATIN1, 64 * KIB, None),
        row(LATIN1_TO_UTF8, 20, None),
        row(LATIN1_TO_UTF8, 64 * KIB, None),
        row(LATIN1_TO_UTF16, 20, None),
        row(LATIN1_TO_UTF16, 64 * KIB, None),
        row(LATIN1, 20, None),
        row(LATIN1, 64 * KIB, None),
        row(LIST_STRING, 16, None),
        row(LIST_STRING, KIB, Some(3.0)),
        row(LIST_STRING, 64 * KIB, None),
        row(OBJECT, 0, Some(40.0)),
        Row { most: Some(4.0), ..row(METHOD, 0, None) },
        row(LENT, 0, None),
        row(ABROAD, 0, None),
    ]
}

impl Case {
    /// The text of one component: a caller, a callee, and an export `run(calls, bytes)`.
    pub fn composition(&self) -> String {
        let fill = |text: &str, gaps: &[(&str, &str)]| {
            gaps.iter().fold(text.to_string(), |text, (gap, with)| text.replace(gap, with))
        };
        if let Some(steps) = self.steps {
            let gaps = [
                ("{get}", steps.get),
                ("{import}", steps.import),
                ("{before}", steps.before),
                ("{before-each}", steps.before_each),
                ("{after-each}", steps.after_each),
                ("{after}", steps.after),
            ];
            return fill(include_str!("resources.wat"), &gaps);
        }
        let (caller, callee) = self.encodings;
        let declare = |type_: &str, how: &str| format!("(type $definition {type_})\n    {how}");
        let [caller_types, callee_types, types] = match self.variant {
            None => Default::default(),
            Some(variant) => [
                declare(variant, r#"(import "v" (type $v (eq $definition)))"#),
                declare(variant, r#"(export $v "v" (type $definition))"#),
                r#"(with "v" (type $callee "v"))"#.to_string(),
            ],
        };
        // What the callee does with its arguments keeps a compiler from leaving the call out.
        let used = if self.core_params.contains("$b ") {
            "(i32.add (local.get $a) (local.get $b))"
        } else if self.core_params.contains("$case") {
            "(local.get $case)"
        } else {
            "(i32.load8_u (local.get $pointer))"
        };
        let gaps = [
            ("{params}", self.params),
            ("{core-params}", self.core_params),
            ("{prepare}", self.prepare),
            ("{arguments}", self.arguments),
            ("{use}", used),
            ("{caller-types}", &caller_types),
            ("{callee-types}", &callee_types),
            ("{types}", &types),
            ("{caller-encoding}", caller.name()),
            ("{callee-encoding}", callee.name()),
        ];
        fill(include_str!("composition.wat"), &gaps)
    }
}

impl Row {
    /// What the table calls the row.
    pub fn name(&self) -> String {
        match self.bytes {
            0 => self.case.name.to_string(),
            bytes if bytes % 1024 == 0 => format!("{}, {} KiB", self.case.name, bytes / 1024),
            bytes => format!("{}, {bytes} B", self.case.name),
        }
    }
}

#[cfg(test)]
mod tests {
    /// What is measured is what is meant: both sides agree on every case.
    #[test]
    fn composed_and_fused_return_the_same() {
        let engine = wasmtime::Engine::default();
        for row in super::rows() {
            let mut contest = crate::Contest::new(&engine, &row.case).unwrap();
            let results = [&mut contest.composed, &mut contest.fused]
                .map(|runner| runner.result(3, row.bytes).unwrap());
            assert_eq!(results[0], results[1], "{}", row.name());
        }
    }
}
