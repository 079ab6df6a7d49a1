//! What handles of resources become.

mod common;

use common::{program, rules, rules_and, stable};
use meld_component::program::Program;
use meld_engine::{EngineError, Options, decide};
use std::collections::BTreeSet;

/// A maker, and a user who gives what was made back; by borrow if told.
fn maker_and_user(borrow: bool) -> Program {
    maker_user_and(borrow, "")
}

/// The same with more at the root.
fn maker_user_and(borrow: bool, more: &str) -> Program {
    let look = if borrow {
        r#"(func (export "look") (param "x" (borrow $r)) (canon lift (core func $m "look")))"#
    } else {
        ""
    };
    program(&format!(
        r#"(component
          (component $Maker
            (core module $d (func (export "dtor") (param i32)))
            (core instance $d (instantiate $d))
            (type $t (resource (rep i32) (dtor (core func $d "dtor"))))
            (core func $new (canon resource.new $t))
            (core module $m
              (import "" "new" (func $new (param i32) (result i32)))
              (func (export "make") (result i32) (call $new (i32.const 7)))
              (func (export "take") (param i32))
              (func (export "look") (param i32)))
            (core instance $m (instantiate $m (with "" (instance (export "new" (func $new))))))
            (export $r "thing" (type $t))
            (func (export "make") (result (own $r)) (canon lift (core func $m "make")))
            (func (export "take") (param "x" (own $r)) (canon lift (core func $m "take")))
            {look})
          (component $User
            (import "maker" (instance $maker
              (export "thing" (type $r (sub resource)))
              (export "make" (func (result (own $r))))
              (export "take" (func (param "x" (own $r))))))
            (alias export $maker "thing" (type $r))
            (core func $make (canon lower (func $maker "make")))
            (core func $take (canon lower (func $maker "take")))
            (core func $drop (canon resource.drop $r))
            (core module $m
              (import "" "make" (func $make (result i32)))
              (import "" "take" (func $take (param i32)))
              (import "" "drop" (func $drop (param i32)))
              (func (export "run") (call $take (call $make)) (call $drop (call $make))))
            (core instance $m (instantiate $m (with "" (instance
              (export "make" (func $make)) (export "take" (func $take))
              (export "drop" (func $drop))))))
            (func (export "run") (canon lift (core func $m "run"))))
          (instance $maker (instantiate $Maker))
          (instance $user (instantiate $User (with "maker" (instance $maker))))
          (func (export "run") (alias export $user "run"))
          {more})"#
    ))
}

/// Modules of the plan.
fn modules(program: &Program, options: &Options) -> Vec<String> {
    let rules = rules();
    let decision = decide(program, &rules, options).unwrap();
    let mut names: Vec<String> =
        decision.plan.modules.into_iter().map(|module| module.name).collect();
    names.retain(|name| name.contains("handle"));
    names.sort();
    names
}

#[test]
fn a_representation_is_a_handle_where_it_may_be() {
    let set = |name: &str| BTreeSet::from([name.to_string()]);
    let asked = Options {
        assume: set("no-forged-handles"),
        opaque_names: set("maker.thing"),
        ..Options::default()
    };
    let tables = ["meld.resources.handle-table", "meld.resources.handle-view"];
    assert_eq!(modules(&maker_and_user(false), &asked), ["meld.resources.direct-handles"]);
    // Somebody borrows it, the host sees it, nothing is granted, or it is not named.
    assert_eq!(modules(&maker_and_user(true), &asked), tables);
    let given = r#"(alias export $maker "thing" (type $r)) (export $thing "thing" (type $r))
        (export "make" (func $maker "make") (func (result (own $thing))))"#;
    let held = modules(&maker_user_and(false, given), &asked);
    assert!(!held.contains(&"meld.resources.direct-handles".to_string()), "{held:?}");
    assert!(held.contains(&"meld.host-handles.exported-handles".to_string()), "{held:?}");
    let not_granted = Options { assume: BTreeSet::new(), ..asked.clone() };
    assert_eq!(modules(&maker_and_user(false), &not_granted), tables);
    let not_named = Options { opaque_names: BTreeSet::new(), ..asked };
    assert_eq!(modules(&maker_and_user(false), &not_named), tables);
}

#[test]
fn a_resource_that_is_not_there() {
    for (name, expect) in [
        ("maker.thin", "there is no resource `maker.thin`; did you mean `maker.thing`?"),
        (
            "other:files/types.descriptor",
            "there is no resource `other:files/types.descriptor`; `meld inspect` lists them, by interface, a dot and the name",
        ),
    ] {
        let options =
            Options { opaque_names: BTreeSet::from([name.to_string()]), ..Options::default() };
        let error = decide(&maker_and_user(false), &rules(), &options).unwrap_err();
        assert!(matches!(error, EngineError::NoResource { .. }));
        assert_eq!(error.to_string(), expect);
    }
}

/// Each operation on a handle tells in which table it looks, and why there.
#[test]
fn where_handles_are_looked_up_is_told() {
    let text = include_str!("../../tests/fuse/compositions/resources/representations.wat");
    let (program, rules) = (program(text), rules());
    let decision = decide(&program, &rules, &Options::default()).unwrap();
    insta::assert_snapshot!("a_drop", stable(&decision.trace.explain_text(Some("user \"drop\""))));
    insta::assert_snapshot!("a_borrow", stable(&decision.trace.explain_text(Some("user \"get\""))));
}

/// A rule that takes one instance's handles for what another option offers would let two instances
/// of one program disagree on what a handle is.
#[test]
fn no_pack_looks_inside_the_choice() {
    const INSIDE: &str = r#"
pack test.inside
use meld.vocabulary
use meld.resources
use meld.destructors
rule shortcut {
  match   resource-rep(?c, ?r)
  rewrite direct-handles(?c, ?r, destroy(?c, ?r)).rep
  because "it is faster"
  test { resource-rep(#c, #r) => direct-handles(#c, #r, destroy(#c, #r)).rep }
}
"#;
    let refused = std::panic::catch_unwind(|| rules_and(INSIDE)).unwrap_err();
    let why = refused.downcast_ref::<String>().expect("a message");
    assert!(why.contains("E0040"), "{why}");
    assert!(
        why.contains("`direct-handles` is one alternative of a choice, and rules must not look behind the choice"),
        "{why}"
    );
}

/// Each operation on handles says what handles are, for each instance that it is about, and why.
#[test]
fn explanations_say_which_table_and_why() {
    let rules = rules();
    let decision = decide(&maker_and_user(true), &rules, &Options::default()).unwrap();
    let table = |instance: &str| {
        format!(
            "handles(#{instance}, #maker.thing)\n      = handle-view(handle-table(#{instance}, "
        )
    };
    let why = [
        "by meld.resources.checked-table (",
        "because the instance has one table for all its handles, and each is checked",
    ];
    for (port, instances) in [
        ("maker/m: import \"\" \"new\"", &["maker"][..]),
        ("user/m: import \"\" \"make\"", &["maker", "user"]),
        ("user/m: import \"\" \"take\"", &["maker", "user"]),
        ("user/m: import \"\" \"drop\"", &["user"]),
    ] {
        let text = decision.trace.explain_text(Some(port));
        assert!(why.iter().all(|why| text.contains(why)), "{port}: {text}");
        for instance in instances {
            assert!(text.contains(&table(instance)), "{port}, {instance}: {text}");
        }
    }
}
