//! The backend's half of the vocabulary against the packs.

use meld::engine::EngineError;
use meld::{FuseError, Fuser};
use meld_emit::adapter::trap;

const INPUT: &str = r#"(component
  (core module $m (func (export "f")))
  (core instance $m (instantiate $m))
  (func (export "f") (canon lift (core func $m "f"))))"#;

/// Every reason to trap that generated code calls is an export of the pack's module.
#[test]
fn reasons_to_trap_are_those_of_the_pack() {
    let rules = Fuser::new().load_rules().unwrap();
    let traps = &rules.terms[rules.term("traps").unwrap().index()].module;
    let exports: Vec<&str> =
        traps.as_ref().unwrap().exports.iter().map(|(name, _)| name.as_str()).collect();
    for name in trap::ALL {
        assert!(exports.contains(&name), "`{name}` is no export of traps.wat");
    }
}

#[test]
fn packs_agree_with_the_backend() {
    let rules = Fuser::new().load_rules().unwrap();
    meld_engine::check_emitted(&rules, meld_emit::emitted()).unwrap();
}

#[test]
fn a_term_that_nothing_emits_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.meld");
    let pack = "pack mine\nuse meld.vocabulary\n\n\
                term teleport(function: Func) -> Func cost size 1, call 0\n";
    std::fs::write(&path, pack).unwrap();
    let fused = Fuser::new().input("root", INPUT.as_bytes().to_vec()).rules(path).fuse();
    let Err(FuseError::Decide(EngineError::Vocabulary(wrong))) = fused else { panic!("{fused:?}") };
    assert_eq!(
        wrong,
        ["the backend cannot emit the term `teleport`: leave out its cost and rewrite it, or \
          make it a module"]
    );
}

/// A vocabulary in which a term was renamed, got another sort or lost its cost.
#[test]
fn another_vocabulary_is_refused() {
    let mut rules = Fuser::new().load_rules().unwrap();
    let index = |rules: &meld::pack::ruleset::RuleSet, name| rules.term(name).unwrap().index();
    let (keep, copy, flag) = (index(&rules, "keep"), index(&rules, "copy"), index(&rules, "flag"));
    rules.terms[keep].name = "hold".into();
    rules.terms[copy].cost = None;
    rules.terms[flag].params.clear();
    let wrong = match meld_engine::check_emitted(&rules, meld_emit::emitted()) {
        Err(EngineError::Vocabulary(wrong)) => wrong.join("\n"),
        other => panic!("{other:?}"),
    };
    for says in ["`keep(Type, Options, Options) -> Pass` is missing", "`copy`", "`flag`", "`hold`"]
    {
        assert!(wrong.contains(says), "{says}: {wrong}");
    }
}
