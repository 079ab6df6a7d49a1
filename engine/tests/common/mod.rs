//! What the engine's tests share: the standard packs, packs of a test's own, and programs from
//! component text.

#![allow(dead_code)] // Each test file uses a part.

use meld_component::program::Program;
use meld_pack::Loader;
use meld_pack::ruleset::RuleSet;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A pack with a rule that runs only under an assumption.
pub const ASSUMING: &str = r#"
pack test.assuming
use meld.vocabulary
use meld.calls
assume trusted
rule trust {
  match    call(?f, ?sig, ?callee, no-post-return(), ?caller, _)
  assuming trusted
  rewrite  ?f
  because  "nobody lies"
  test { call(#f, func([], []), #b, no-post-return(), #a, unobserved()) => #f }
}
"#;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../rules")
}

/// The standard packs by their paths below `rules`, in the order in which the command loads them.
fn packs() -> Vec<String> {
    let (mut packs, mut folders) = (Vec::new(), vec![root()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("the packs' folder") {
            let path = entry.expect("a file of the packs").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "meld") {
                packs.push(path);
            }
        }
    }
    packs.sort();
    let below = |path: &PathBuf| {
        let path = path.strip_prefix(root()).expect("it was found there");
        path.to_str().expect("its name is text").replace('\\', "/")
    };
    packs.iter().map(below).collect()
}

/// The standard packs, and others.
pub fn rules_with(extra: &[&str]) -> RuleSet {
    load(&packs(), extra)
}

/// No rules at all, but the words that meld speaks.
pub fn only_vocabulary() -> RuleSet {
    load(&["vocabulary.meld".to_string()], &[])
}

fn load(packs: &[String], extra: &[&str]) -> RuleSet {
    let mut loader = Loader::new();
    for path in packs {
        let text = fs::read_to_string(root().join(path)).expect("a standard pack");
        let modules: BTreeSet<String> = text
            .match_indices("from \"")
            .filter_map(|(at, quote)| text[at + quote.len()..].split('"').next())
            .filter(|name| !name.is_empty()) // An inline module.
            .map(str::to_string)
            .collect();
        let files: Vec<(String, Vec<u8>)> = modules
            .into_iter()
            .map(|name| {
                let file = root().join(path).with_file_name(&name);
                let bytes = fs::read(file).expect("a module of a standard pack");
                (name, bytes)
            })
            .collect();
        let files: Vec<(&str, &[u8])> =
            files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
        loader.builtin(&format!("rules/{path}"), &text, &files);
    }
    for (n, text) in extra.iter().enumerate() {
        let path = if n == 0 { "test.meld".to_string() } else { format!("test{n}.meld") };
        loader.builtin(&path, text, &[]);
    }
    loader.finish().unwrap_or_else(|errors| panic!("{errors}"))
}

/// The standard packs, and another one.
pub fn rules_and(extra: &str) -> RuleSet {
    rules_with(&[extra])
}

/// The standard packs.
pub fn rules() -> RuleSet {
    rules_with(&[])
}

/// A report without line numbers of packs, which change whenever somebody adds a rule.
pub fn stable(text: &impl ToString) -> String {
    let text = text.to_string();
    let mut parts = text.split(".meld:");
    let mut out = parts.next().unwrap_or_default().to_string();
    for part in parts {
        out.push_str(".meld:_");
        out.push_str(part.trim_start_matches(|c: char| c.is_ascii_digit()));
    }
    out
}

/// Links a component.
pub fn program(wat: &str) -> Program {
    let bytes = wat::parse_str(wat).expect("the test's text is valid");
    let component =
        meld_component::decode::component("test", bytes.into()).expect("the test decodes");
    meld_component::link(&component).expect("the test links")
}

/// Links core modules, each with its name.
pub fn core_program(modules: &[(&str, &str)]) -> Program {
    let input = |(name, wat): &(&str, &str)| meld_component::Input {
        name: name.to_string(),
        bytes: wat::parse_str(wat).expect("the test's text is valid").into(),
    };
    let inputs: Vec<_> = modules.iter().map(input).collect();
    meld_component::read(&inputs).expect("the test links")
}

/// A caller and a callee beside each other. The callee lifts functions of the given type.
pub fn siblings(params: &str, core_params: &str, caller: &str) -> Program {
    program(&format!(
        r#"(component
          (component $math
            (core module $main
              (func (export "add") {core_params} unreachable)
              (func (export "realloc") (param i32 i32 i32 i32) (result i32) i32.const 0)
              (memory (export "memory") 1))
            (core instance $main (instantiate $main))
            (func (export "add") {params}
              (canon lift (core func $main "add")
                (memory (core memory $main "memory")) (realloc (core func $main "realloc")))))
          (component $adder
            (import "add" (func $add {params}))
            (core module $libc
              (func (export "realloc") (param i32 i32 i32 i32) (result i32) i32.const 0)
              (memory (export "memory") 1))
            (core instance $libc (instantiate $libc))
            (core func $add (canon lower (func $add)
                (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))
            (core module $main
              (import "math" "add" (func $add {core_params}))
              (func (export "run")))
            (core instance $main (instantiate $main
              (with "math" (instance (export "add" (func $add))))))
            (func (export "run") (canon lift (core func $main "run"))))
          (instance $math (instantiate $math))
          (instance $adder (instantiate $adder (with "add" (func $math "add"))))
          {caller}
          (export "run" (func $adder "run")))"#
    ))
}
