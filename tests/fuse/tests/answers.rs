//! Packs of a user that answer functions in the host's place.

#[path = "engines/mod.rs"]
mod engines;

use engines::{Host, Module, Returns, Wasmi, Wasmtime};
use meld::{Fuser, Weight};
use std::path::PathBuf;
use tempfile::TempDir;

/// A host that is asked for nothing.
struct Nobody;

impl Host for Nobody {
    const FUNCTIONS: &'static [(&'static str, &'static str, usize, Returns)] = &[];

    fn new(_: &[u8]) -> Self {
        Nobody
    }

    fn called(_: &mut dyn Module<Self>, name: &'static str, _: &[i32]) -> i64 {
        panic!("{name} is called")
    }
}

/// Answers `my:counter`, by a module that is larger than a call of the host.
const RULES: &str = r#"
use meld.vocabulary

/// Counts calls.
module counter() from """
  (module
    (global $count (mut i32) (i32.const 0))
    (func (export "next") (result i32)
      (global.set $count (i32.add (global.get $count) (i32.const 1)))
      (global.get $count))
    (func (export "reset") (global.set $count (i32.const 0))))
""" cost size 500, call 1

rule next {
  match   host-func("my:counter", "next", ?i)
  rewrite counter().next
  because "the counter is inside"
  test { host-func("my:counter", "next", #i) => counter().next }
}

rule reset {
  match   host-func("my:counter", "reset", ?i)
  rewrite counter().reset
  because "the counter is inside"
  test { host-func("my:counter", "reset", #i) => counter().reset }
}
"#;

/// The pack, with what it states at its head.
fn pack(stated: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("counter.meld");
    let (uses, rest) = RULES.split_once("\n\n").unwrap();
    std::fs::write(&path, format!("pack my.counter{uses}\n\n{stated}\n\n{rest}")).unwrap();
    (folder, path)
}

fn guest(function: &str) -> Fuser {
    let text = format!(
        r#"(module
          (import "my:counter" "{function}" (func $next (result i32)))
          (func (export "twice") (result i32) (drop (call $next)) (call $next)))"#
    );
    Fuser::new().input("a", text.into_bytes()).weight(Weight::Size)
}

fn imports(fuser: &Fuser) -> Vec<String> {
    let bytes = fuser.fuse().unwrap_or_else(|e| panic!("{e}")).bytes;
    let mut imports = Vec::new();
    for payload in wasmparser::Parser::new(0).parse_all(&bytes) {
        if let Ok(wasmparser::Payload::ImportSection(section)) = payload {
            let names = section.into_imports().map(|import| import.unwrap());
            imports.extend(names.map(|import| format!("{} {}", import.module, import.name)));
        }
    }
    imports
}

/// Whatever its answer costs.
#[test]
fn what_a_pack_states_to_answer_is_not_the_hosts() {
    for stated in [r#"given answers("my:counter")"#, r#"given answers-func("my:counter", "next")"#]
    {
        let (_folder, path) = pack(stated);
        let fuser = guest("next").rules(&path);
        assert!(fuser.load_rules().unwrap().warnings.iter().all(|w| !w.message.contains("`next`")));
        assert_eq!(imports(&fuser), [""; 0]);
        let bytes = fuser.fuse().unwrap().bytes;
        for module in [&mut *Wasmtime::<Nobody>::load(&bytes), &mut *Wasmi::load(&bytes)] {
            assert_eq!(module.call("twice", &[]), Ok(2));
        }
    }
}

#[test]
fn a_pack_that_states_nothing_is_told_that_the_host_may_win() {
    let (_folder, path) = pack("");
    let fuser = guest("next").rules(&path);
    assert_eq!(imports(&fuser), ["my:counter next"]);
    let warnings = fuser.load_rules().unwrap().warnings.to_string();
    for says in ["`next` may be outbid by `import`", r#"`given answers("my:counter")`"#] {
        assert!(warnings.contains(says), "{warnings}");
    }
}

#[test]
fn a_function_that_the_pack_does_not_know_is_refused() {
    let (_folder, path) = pack(r#"given answers("my:counter")"#);
    let error = guest("nxet").rules(&path).fuse().unwrap_err().to_string();
    for says in [
        r#"`host-func("my:counter", "nxet", #a:import0)`"#,
        r#"did you mean "next"?"#,
        "as my.counter states (",
    ] {
        assert!(error.contains(says), "{error}");
    }
    // What is stated of one function says nothing of others.
    let (_folder, path) = pack(r#"given answers-func("my:counter", "next")"#);
    assert_eq!(imports(&guest("other").rules(&path)), ["my:counter other"]);
}

/// A pack none of whose rules runs takes no part.
#[test]
fn a_pack_that_is_disabled_states_nothing() {
    let (_folder, path) = pack(r#"given answers("my:counter")"#);
    let fuser = guest("next").rules(&path);
    let error = fuser.clone().disable("my.counter.next").fuse().unwrap_err().to_string();
    assert!(error.contains("it is disabled"), "{error}");
    let disabled = fuser.disable("my.counter.next").disable("my.counter.reset");
    assert_eq!(imports(&disabled), ["my:counter next"]);
}

/// The question is `host-func`; who matches its answer is told so.
#[test]
fn a_rule_on_host_import_is_warned_of() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.meld");
    let text = r#"pack mine
      use meld.vocabulary
      rule log {
        match   host-import("env", "log", ?i)
        rewrite host-import("mine", "log", ?i)
        because "mine is better"
        test { host-import("env", "log", #i) => host-import("mine", "log", #i) }
      }"#;
    std::fs::write(&path, text).unwrap();
    let warnings = Fuser::new().rules(&path).load_rules().unwrap().warnings.to_string();
    for says in ["`host-import` can still be chosen", "`import` answers `host-func`"] {
        assert!(warnings.contains(says), "{warnings}");
    }
}

/// A pack gives an import another name: as a core module it is imported by that; the root of a component
/// imports what it imports.
#[test]
fn a_component_imports_no_function_by_another_name() {
    let root = r#"(component
      (import "env" (core module $e
        (export "log" (func (result i32))) (export "other" (func (result i32)))))
      (core instance $i (instantiate $e))
      (core module $m
        (import "env" "log" (func $l (result i32)))
        (func (export "l") (result i32) (call $l)))
      (core instance $m (instantiate $m (with "env" (instance $i))))
      (func (export "l") (result s32) (canon lift (core func $m "l"))))"#;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("renamed.meld");
    let pack = r#"pack my.renamed
use meld.vocabulary
given answers-func("env", "log")
rule log {
  match   host-func("env", "log", ?i)
  rewrite host-import("env", "other", ?i)
  because "it has another name there"
  test { host-func("env", "log", #i) => host-import("env", "other", #i) }
}
"#;
    std::fs::write(&path, pack).unwrap();
    let fuser = || Fuser::new().input("root", root.as_bytes().to_vec()).rules(&path);
    let error = fuser().fuse().unwrap_err().to_string();
    assert!(error.contains("`env` `other`") && error.contains("--core"), "{error}");
    assert_eq!(imports(&fuser().form(meld::Form::Core)), ["env other"]);
}
