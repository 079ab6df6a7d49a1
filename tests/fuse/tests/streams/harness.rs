//! Guests that hand on what they import, and how they are fused and run: with the host of the intrinsics, or
//! with none.

use crate::engines::{Module, Wasmi, Wasmtime};
use crate::intrinsics::Intrinsics;
use meld::Fuser;

/// There is no such end of a stream or a future.
pub const INVALID: i64 = -2;

/// A guest whose exports are the intrinsics, each under the guest's name: `a_write`. It names its
/// own memory by the index 0.
pub fn guest(name: &str, intrinsics: &[&str]) -> String {
    let memory = format!(r#"(memory (export "{name}_memory") 1)"#);
    guest_with(name, intrinsics, &memory)
}

pub fn guest_with(name: &str, intrinsics: &[&str], memory: &str) -> String {
    let mut imports = String::new();
    let mut functions = String::new();
    for intrinsic in intrinsics {
        // The guest's own parameters, and whether the memory's index follows.
        let (params, buffer, result) = match *intrinsic {
            "stream_new" | "future_new" => (0, false, "(result i64)"),
            "stream_read" | "stream_write" => (3, true, "(result i32)"),
            "future_read" | "future_write" => (2, true, "(result i32)"),
            other if other.contains("cancel") => (1, false, "(result i32)"),
            _ => (1, false, ""),
        };
        let types = "i32 ".repeat(params);
        let mut arguments: String = (0..params).map(|n| format!("(local.get {n}) ")).collect();
        let mut index = "";
        if buffer {
            arguments += "(i32.const 0)";
            index = "i32";
        }
        imports += &format!(
            r#"(import "pulseengine:async" "{intrinsic}"
                 (func ${intrinsic} (param {types} {index}) {result}))"#
        );
        functions += &format!(
            r#"(func (export "{name}_{intrinsic}") (param {types}) {result}
                 (call ${intrinsic} {arguments}))"#
        );
    }
    format!("(module {imports} {memory} {functions})")
}

pub const ALL: [&str; 7] = [
    "stream_new",
    "stream_read",
    "stream_write",
    "stream_drop_readable",
    "stream_drop_writable",
    "stream_cancel_read",
    "stream_cancel_write",
];

pub const FUTURES: [&str; 7] = [
    "future_new",
    "future_read",
    "future_write",
    "future_drop_readable",
    "future_drop_writable",
    "future_cancel_read",
    "future_cancel_write",
];

pub fn fuser(guests: &[(&str, String)]) -> Fuser {
    guests
        .iter()
        .fold(Fuser::new(), |fuser, (name, text)| fuser.input(*name, text.clone().into_bytes()))
}

/// Two guests, `a` and `b`, that have all intrinsics.
pub fn pair() -> Fuser {
    let all: Vec<&str> = ALL.into_iter().chain(FUTURES).collect();
    fuser(&[("a", guest("a", &all)), ("b", guest("b", &all))])
}

/// Fuses and runs the check under both engines, each time on a fresh instance.
pub fn check(fuser: &Fuser, check: impl Fn(&mut dyn Module<Intrinsics>)) {
    let bytes = fuser.fuse().unwrap_or_else(|e| panic!("{e}")).bytes;
    check(&mut *Wasmtime::load(&bytes));
    check(&mut *Wasmi::load(&bytes));
}

/// What drives the guests: every call returns, and handles are pairs of readable and writable end.
pub trait Drive {
    fn go(&mut self, export: &str, args: &[i32]) -> i64;
    fn new_pair(&mut self, export: &str) -> (i32, i32);
    fn put(&mut self, guest: &str, handle: i32, bytes: &[u8]) -> i64;
    fn take(&mut self, guest: &str, handle: i32, most: i32) -> Result<Vec<u8>, i64>;
}

impl Drive for dyn Module<Intrinsics> + '_ {
    fn go(&mut self, export: &str, args: &[i32]) -> i64 {
        self.call(export, args).unwrap_or_else(|error| panic!("{export}{args:?}: {error}"))
    }

    fn new_pair(&mut self, export: &str) -> (i32, i32) {
        let pair = self.go(export, &[]);
        (pair as i32, (pair >> 32) as i32)
    }

    /// Writes bytes from address 1000 of the guest's memory.
    fn put(&mut self, guest: &str, handle: i32, bytes: &[u8]) -> i64 {
        self.write(&format!("{guest}_memory"), 1000, bytes);
        self.go(&format!("{guest}_stream_write"), &[handle, 1000, bytes.len() as i32])
    }

    /// Reads to address 20000 of the guest's memory, where nothing else is written.
    fn take(&mut self, guest: &str, handle: i32, most: i32) -> Result<Vec<u8>, i64> {
        let memory = format!("{guest}_memory");
        self.write(&memory, 19992, &[0xa5; 8 + 8192 + 8]);
        let read = self.go(&format!("{guest}_stream_read"), &[handle, 20000, most]);
        let count = read.max(0) as usize;
        assert!(count <= most as usize);
        let found = self.read(&memory, 19992, 8 + 8192 + 8);
        let around = found[..8].iter().chain(&found[8 + count..]);
        assert!(around.into_iter().all(|byte| *byte == 0xa5), "nothing besides is written");
        if read > 0 { Ok(found[8..8 + count].to_vec()) } else { Err(read) }
    }
}

/// Imports of a module by another one, as wrappers that a guest exports under its own name: `a_write`.
/// A function is its name and its type, parameters all being `i32`.
pub fn wrappers(name: &str, module: &str, functions: &[(&str, usize, &str)], more: &str) -> String {
    let mut text = String::from("(module ");
    for (function, params, result) in functions {
        let params = "i32 ".repeat(*params);
        text += &format!(
            r#"(import "{module}" "{function}" (func ${function} (param {params}) (result {result})))"#
        );
    }
    text += more;
    for (function, params, result) in functions {
        let arguments: String = (0..*params).map(|n| format!("(local.get {n}) ")).collect();
        let params = "i32 ".repeat(*params);
        text += &format!(
            r#"(func (export "{name}_{function}") (param {params}) (result {result})
                 (call ${function} {arguments}))"#
        );
    }
    text + ")"
}

/// As [`check`], with nothing left for the host to supply.
pub fn check_alone(fuser: &Fuser, run: impl Fn(&mut dyn Module<Intrinsics>)) {
    let bytes = fuser.fuse().unwrap_or_else(|e| panic!("{e}")).bytes;
    let imports = wasmparser::Parser::new(0).parse_all(&bytes);
    let imports = imports.filter(|p| matches!(p, Ok(wasmparser::Payload::ImportSection(_))));
    assert_eq!(imports.count(), 0, "nothing is left to the host");
    check(fuser, run);
}

pub fn refusal(fuser: &Fuser) -> String {
    match fuser.fuse() {
        Ok(_) => panic!("it is fused"),
        Err(error) => error.to_string(),
    }
}

pub const CHANNELS: [(&str, usize, &str); 8] = [
    ("new", 0, "i64"),
    ("write", 3, "i32"),
    ("read", 3, "i32"),
    ("available", 1, "i32"),
    ("space", 1, "i32"),
    ("capacity", 0, "i32"),
    ("drop-readable", 1, "i32"),
    ("drop-writable", 1, "i32"),
];

/// The readable and the writable end.
pub fn ends(handles: i64) -> [i32; 2] {
    [handles as i32, (handles >> 32) as i32]
}
