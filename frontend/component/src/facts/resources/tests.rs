use super::*;
use crate::facts::trampolines;
use crate::testing::component;

/// A component that implements `r`, has a child that implements `s` and drops `r`, and may drop `s`
/// itself.
fn family(dtor_of_r: bool, dtor_of_s: bool, parent_drops: bool) -> Program {
    const DTOR: &str = r#"(core module $d (func (export "dtor") (param i32)))
        (core instance $d (instantiate $d))"#;
    let dtor = |is: bool| if is { "(dtor (core func $d \"dtor\"))" } else { "" };
    let drop = |ty: &str| {
        format!(
            r#"(core func $drop (canon resource.drop {ty}))
               (core module $m (import "" "drop" (func (param i32))))
               (core instance (instantiate $m (with "" (instance (export "drop" (func $drop))))))"#
        )
    };
    component(&format!(
        r#"(component
          {DTOR}
          (type $r (resource (rep i32) {}))
          (component $Child
            (import "r" (type $r (sub resource)))
            {DTOR}
            (type $s (resource (rep i32) {}))
            {}
            (export "s" (type $s)))
          (instance $child (instantiate $Child (with "r" (type $r))))
          (alias export $child "s" (type $s))
          {})"#,
        dtor(dtor_of_r),
        dtor(dtor_of_s),
        drop("$r"),
        if parent_drops { drop("$s") } else { String::new() },
    ))
}

#[test]
fn who_may_be_entered_again() {
    let (child, r) = (ComponentId(1), ResourceId(0));
    assert_eq!(may_reenter(&family(true, true, true)), BTreeSet::from([(child, r)]));
    // Nothing runs, or nothing leads back inside.
    assert_eq!(may_reenter(&family(false, true, true)), BTreeSet::new());
    assert_eq!(may_reenter(&family(true, false, true)), BTreeSet::new());
    assert_eq!(may_reenter(&family(true, true, false)), BTreeSet::new());
}

/// Two siblings, one of which calls the other's function of this type. Resources are `r` and `s`, and
/// the function is exported by the root if told.
fn call(params: &str, core_params: &str, exported: bool) -> Program {
    let core = core_params;
    component(&format!(
        r#"(component
          (component $A
            (type $r' (resource (rep i32)))
            (type $s' (resource (rep i32)))
            (core module $m (func (export "f") {core}) (memory (export "memory") 1)
              (func (export "realloc") (param i32 i32 i32 i32) (result i32) i32.const 0))
            (core instance $m (instantiate $m))
            (export $r "r" (type $r'))
            (export $s "s" (type $s'))
            (func (export "f") {params} (canon lift (core func $m "f")
              (memory (core memory $m "memory")) (realloc (core func $m "realloc")))))
          (component $B
            (import "a" (instance $a
              (export "r" (type $r (sub resource)))
              (export "s" (type $s (sub resource)))
              (export "f" (func {params}))))
            (core module $libc (memory (export "memory") 1))
            (core instance $libc (instantiate $libc))
            (core func $f (canon lower (func $a "f") (memory (core memory $libc "memory"))))
            (core module $m (import "" "f" (func {core})))
            (core instance (instantiate $m (with "" (instance (export "f" (func $f)))))))
          (instance $a (instantiate $A))
          (instance (instantiate $B (with "a" (instance $a))))
          {})"#,
        if exported { "(export \"a\" (instance $a))" } else { "" },
    ))
}

#[test]
fn what_is_lent_and_can_be_seen_to_be() {
    let (r, s) = (ResourceId(0), ResourceId(1));
    for (params, core, borrowed, seen) in [
        (r#"(param "a" (own $r))"#, "(param i32)", vec![], vec![]),
        (r#"(param "a" (borrow $r))"#, "(param i32)", vec![r], vec![]),
        (r#"(param "a" (borrow $r)) (param "b" (own $s))"#, "(param i32 i32)", vec![r], vec![]),
        (r#"(param "a" (borrow $r)) (param "b" (own $r))"#, "(param i32 i32)", vec![r], vec![r]),
        (
            r#"(param "a" (list (tuple u8 (borrow $s)))) (param "b" (option (own $s)))"#,
            "(param i32 i32 i32 i32)",
            vec![s],
            vec![s],
        ),
    ] {
        let program = call(params, core, false);
        assert_eq!(lent(&program.types).into_iter().collect::<Vec<_>>(), borrowed, "{params}");
        // The caller may see it, and nobody else.
        let seen: Vec<_> = seen.into_iter().map(|resource| (ComponentId(2), resource)).collect();
        assert_eq!(observes_lends(&program).into_iter().collect::<Vec<_>>(), seen, "{params}");
    }
}

#[test]
fn who_has_handles() {
    let (params, core) = (r#"(param "a" (list (own $r)))"#, "(param i32 i32)");
    let inside = call(params, core, false);
    let both = BTreeSet::from([ComponentId(1), ComponentId(2)]);
    assert_eq!(holders(&inside), [both, BTreeSet::new()]);
    assert_eq!(reaches_host(&inside), BTreeSet::new());
    assert_eq!(reaches_host(&call(params, core, true)), BTreeSet::from([ResourceId(0)]));
}

/// What a destructor leads to, through a function of the guest's own that only calls it.
#[test]
fn destructors_that_take_handles() {
    let destroyed_by = |item: &str| {
        let program = component(&format!(
            r#"(component
              (import "h" (func $h (param "x" u32)))
              (type $q (resource (rep i32)))
              (export $q' "q" (type $q))
              (core module $m (import "" "f" (func $f (param i32)))
                (func (export "g") (param i32) (call $f (local.get 0)))
                (func (export "look") (param i32))
                (func (export "take") (param i32)))
              (core module $n (func (export "f") (param i32)))
              (core instance $n (instantiate $n))
              (func $take (param "x" (own $q')) (canon lift (core func $n "f")))
              (func $look (param "x" u32) (canon lift (core func $n "f")))
              (core func $drop (canon resource.drop $q))
              (func $drop-lifted (param "x" u32) (canon lift (core func $drop)))
              {item}
              (core instance $m (instantiate $m (with "" (instance (export "f" (func $f))))))
              (type $r (resource (rep i32) (dtor (core func $m "g")))))"#
        ));
        destroyed_by_handle(&program, &trampolines(&program)).into_iter().collect::<Vec<_>>()
    };
    let r = ResourceId(1);
    assert_eq!(destroyed_by("(core func $f (canon resource.drop $q))"), [r]);
    assert_eq!(destroyed_by("(core func $f (canon lower (func $take)))"), [r]);
    assert_eq!(destroyed_by("(core func $f (canon lower (func $drop-lifted)))"), [r]);
    assert_eq!(destroyed_by("(core func $f (canon lower (func $look)))"), []);
    assert_eq!(destroyed_by("(core func $f (canon lower (func $h)))"), []);
    assert_eq!(destroyed_by("(alias core export $n \"f\" (core func $f))"), []);
}
