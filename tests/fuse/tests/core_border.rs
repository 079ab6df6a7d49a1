//! A fused core module allows its host no more than a component would: nothing is entered while it
//! runs, nothing after a trap, and nothing before it was started. Under wasmtime and wasmi.

mod engines;

use engines::{Host, Module, Returns, Wasmi, Wasmtime};
use meld::{Form, Fuser};
use meld_fuse_tests::folder;

/// A host with one function, `tick`: what that calls, and how it went. And its table of `thing`s.
#[derive(Default)]
struct Tick {
    calls: Option<&'static str>,
    args: &'static [i32],
    went: Vec<Result<(), String>>,
    things: Vec<i32>,
}

impl Host for Tick {
    const FUNCTIONS: &'static [(&'static str, &'static str, usize, Returns)] = &[
        ("$root", "tick", 0, Returns::Nothing),
        ("[export]t:t/things", "[resource-new]thing", 1, Returns::I32),
    ];

    fn new(_: &[u8]) -> Self {
        Tick::default()
    }

    fn called(module: &mut dyn Module<Self>, name: &'static str, args: &[i32]) -> i64 {
        let host = module.host();
        if name == "[resource-new]thing" {
            host.things.push(args[0]);
            return host.things.len() as i64;
        }
        let args = host.args;
        if let Some(name) = host.calls {
            let went = module.call(name, args).map(drop);
            module.host().went.push(went);
        }
        0
    }
}

fn fuser(text: &str) -> Fuser {
    Fuser::new().input("root", text.as_bytes().to_vec()).form(Form::Core)
}

/// Fuses to a core module and runs the check under both engines, each time on a fresh instance.
fn check(fuser: &Fuser, check: impl Fn(&mut dyn Module<Tick>)) {
    let bytes = fuser.fuse().unwrap_or_else(|e| panic!("{e}")).bytes;
    check(&mut *Wasmtime::load(&bytes));
    check(&mut *Wasmi::load(&bytes));
}

const BORDER: &str = r#"(component
  (import "tick" (func $tick))
  (component $one
    (import "tick" (func $tick))
    (core func $tick (canon lower (func $tick)))
    (core module $m
      (import "" "tick" (func $tick))
      (memory (export "memory") 1)
      (func (export "realloc") (param i32 i32 i32 i32) (result i32)
        (if (i32.gt_u (local.get 3) (i32.const 100)) (then unreachable))
        (i32.const 64))
      (func (export "run") (result i32) (call $tick) (i32.const 4))
      (func (export "take") (param i32 i32) (result i32) (local.get 1))
      (func (export "after") (param i32)
        (if (i32.eq (local.get 0) (i32.const 9)) (then unreachable))))
    (core instance $m (instantiate $m (with "" (instance (export "tick" (func $tick))))))
    (func (export "run") (result u32)
      (canon lift (core func $m "run") (post-return (core func $m "after"))))
    (func (export "take") (param "text" string) (result u32)
      (canon lift (core func $m "take") (memory (core memory $m "memory"))
        (realloc (core func $m "realloc")) (post-return (core func $m "after")))))
  (component $other
    (core module $m
      (func (export "fine") (result i32) (i32.const 5))
      (func (export "boom") unreachable))
    (core instance $m (instantiate $m))
    (func (export "fine") (result u32) (canon lift (core func $m "fine")))
    (func (export "boom") (canon lift (core func $m "boom"))))
  (instance $one (instantiate $one (with "tick" (func $tick))))
  (instance $other (instantiate $other))
  (export "run" (func $one "run"))
  (export "take" (func $one "take"))
  (export "fine" (func $other "fine"))
  (export "boom" (func $other "boom")))"#;

#[test]
fn calls_come_one_after_the_other() {
    check(&fuser(BORDER), |module| {
        for _ in 0..2 {
            assert_eq!(module.call("fine", &[]), Ok(5));
            assert_eq!(module.call("run", &[]), Ok(4));
            assert_eq!(module.call("cabi_post_run", &[4]), Ok(0));
            assert_eq!(module.call("cabi_realloc", &[0, 0, 1, 3]), Ok(64));
            assert_eq!(module.call("take", &[64, 3]), Ok(3));
            assert_eq!(module.call("cabi_post_take", &[3]), Ok(0));
        }
    });
}

/// The host enters another instance than the one that runs: both are inside of the root.
#[test]
fn the_host_cannot_call_back() {
    for export in ["fine", "run"] {
        check(&fuser(BORDER), |module| {
            module.host().calls = Some(export);
            // The host keeps the trap to itself.
            assert_eq!(module.call("run", &[]), Ok(4));
            let went = std::mem::take(&mut module.host().went);
            assert!(matches!(&went[..], [Err(_)]), "{went:?}");
            assert_eq!(module.call("fine", &[]), Ok(5));
        });
    }
    let bytes = fuser(BORDER).fuse().unwrap_or_else(|e| panic!("{e}")).bytes;
    let mut module = Wasmtime::<Tick>::load(&bytes);
    module.host().calls = Some("fine");
    assert_eq!(module.call("run", &[]), Ok(4));
    let Some(Err(why)) = module.host().went.pop() else { panic!("the inner call trapped") };
    assert!(why.contains("meld:trap:cannot-enter"), "{why}");
}

#[test]
fn nothing_is_entered_after_a_trap() {
    let traps: [(&str, &[i32]); 3] =
        [("boom", &[]), ("cabi_realloc", &[0, 0, 1, 101]), ("cabi_post_run", &[9])];
    for (export, args) in traps {
        check(&fuser(BORDER), |module| {
            assert_eq!(module.call("fine", &[]), Ok(5));
            assert!(module.call(export, args).is_err(), "{export}");
            for (export, args) in [("fine", &[][..]), ("run", &[]), ("cabi_post_run", &[4])] {
                assert!(module.call(export, args).is_err(), "{export}");
            }
        });
    }
}

/// A fused component is closed after a trap as the component that it was made of is, which is entered no more
/// after a trap in another of its instances either.
#[test]
fn components_are_closed_after_a_trap() {
    use wasmtime::component::{Component, Linker, Val};
    let fused = fuser(BORDER).form(Form::Component).fuse().expect("it can be fused").bytes;
    for bytes in [BORDER.as_bytes(), &fused] {
        let engine = wasmtime::Engine::default();
        let mut store = wasmtime::Store::new(&engine, ());
        let mut linker = Linker::new(&engine);
        linker.root().func_wrap("tick", |_, (): ()| Ok(())).expect("the name is free");
        let component = Component::new(&engine, bytes).expect("it is a component");
        let instance = linker.instantiate(&mut store, &component).expect("it can start");
        let mut call = |export: &str, results: &mut [Val]| {
            let func = instance.get_func(&mut store, export).expect("the export is there");
            func.call(&mut store, &[], results)
        };
        for fine in [true, false] {
            for export in ["fine", "run"] {
                assert_eq!(call(export, &mut [Val::Bool(false)]).is_ok(), fine, "{export}");
            }
            assert!(call("boom", &mut []).is_err());
        }
    }
}

const THINGS: &str = r#"(component
  (import "tick" (func $tick))
  (component $owner
    (import "tick" (func $tick))
    (core func $tick (canon lower (func $tick)))
    (core module $m
      (import "" "tick" (func $tick))
      (global $gone (mut i32) (i32.const 0))
      (func (export "dtor") (param i32)
        (if (i32.eq (local.get 0) (i32.const 9)) (then unreachable))
        (global.set $gone (i32.add (global.get $gone) (i32.const 1))))
      (func (export "run") (call $tick))
      (func (export "boom") unreachable)
      (func (export "gone") (result i32) (global.get $gone)))
    (core instance $m (instantiate $m (with "" (instance (export "tick" (func $tick))))))
    (type $t (resource (rep i32) (dtor (core func $m "dtor"))))
    (core func $new (canon resource.new $t))
    (export $u "thing" (type $t))
    (func (export "make") (param "rep" u32) (result (own $u)) (canon lift (core func $new)))
    (func (export "run") (canon lift (core func $m "run")))
    (func (export "boom") (canon lift (core func $m "boom")))
    (func (export "gone") (result u32) (canon lift (core func $m "gone"))))
  (instance $owner (instantiate $owner (with "tick" (func $tick))))
  (export "t:t/things" (instance $owner)))"#;

/// The host may drop what it has when nothing runs, and not after a trap: the destructor is entered as
/// any other export.
#[test]
fn destructors_are_entered_as_exports_are() {
    const DTOR: &str = "t:t/things#[dtor]thing";
    const GONE: &str = "t:t/things#gone";
    check(&fuser(THINGS), |module| {
        assert_eq!(module.call("t:t/things#make", &[4]), Ok(1));
        assert_eq!(module.host().things, [4]);
        assert_eq!(module.call(DTOR, &[4]), Ok(0));
        assert_eq!(module.call(GONE, &[]), Ok(1));
        (module.host().calls, module.host().args) = (Some(DTOR), &[4]);
        assert_eq!(module.call("t:t/things#run", &[]), Ok(0));
        let went = std::mem::take(&mut module.host().went);
        assert!(matches!(&went[..], [Err(_)]), "{went:?}");
        assert_eq!(module.call(GONE, &[]), Ok(1));
    });
    let traps: [(&str, &[i32]); 2] = [("t:t/things#boom", &[]), (DTOR, &[9])];
    for (export, args) in traps {
        check(&fuser(THINGS), |module| {
            assert!(module.call(export, args).is_err(), "{export}");
            assert!(module.call(DTOR, &[4]).is_err(), "{export}");
            assert!(module.call(GONE, &[]).is_err(), "{export}");
        });
    }
}

/// Who knows that the host does neither may have the module without the flag.
#[test]
fn the_host_may_be_trusted() {
    let trusting = fuser(BORDER).assume("host-never-reenters");
    check(&trusting, |module| {
        module.host().calls = Some("fine");
        assert_eq!(module.call("run", &[]), Ok(4));
        assert!(module.host().went.pop().is_some_and(|went| went.is_ok()));
        assert!(module.call("boom", &[]).is_err());
        assert_eq!(module.call("fine", &[]), Ok(5));
    });
    let rules = trusting.load_rules().unwrap();
    let assumed = trusting.decide(&rules).unwrap().plan.assumptions;
    assert_eq!(assumed, ["host-never-reenters"]);
    // A component's host watches by itself.
    let component = trusting.form(Form::Component);
    assert_eq!(component.decide(&rules).unwrap().plan.assumptions, Vec::<String>::new());
}

const STARTS: &str = r#"(component
  (import "tick" (func $tick))
  (core func $tick (canon lower (func $tick)))
  (core module $m
    (import "" "tick" (func $tick))
    (global $ready (mut i32) (i32.const 0))
    (func $start (call $tick) (global.set $ready (i32.const 1)))
    (start $start)
    (func (export "ready") (result i32) (global.get $ready)))
  (core instance $m (instantiate $m (with "" (instance (export "tick" (func $tick))))))
  (func (export "ready") (result u32) (canon lift (core func $m "ready"))))"#;

#[test]
fn nothing_is_entered_before_the_start() {
    check(&fuser(STARTS), |module| {
        assert!(module.call("ready", &[]).is_err());
        module.host().calls = Some("ready");
        assert_eq!(module.call("_initialize", &[]), Ok(0));
        assert!(module.host().went.pop().is_some_and(|went| went.is_err()));
        assert_eq!(module.call("ready", &[]), Ok(1));
        assert!(module.call("_initialize", &[]).is_err(), "a second start");
    });
    let trapping = STARTS.replace("(call $tick) (global.set", "(unreachable) (global.set");
    check(&fuser(&trapping), |module| {
        for _ in 0..2 {
            assert!(module.call("_initialize", &[]).is_err());
            assert!(module.call("ready", &[]).is_err());
        }
    });
}

/// What is thrown at the host of a core module is a trap, which no host function can catch.
#[test]
fn exceptions_are_traps() {
    let text = std::fs::read_to_string(folder().join("exceptions/at-the-host.wat"));
    let bytes = fuser(&text.unwrap()).fuse().unwrap_or_else(|e| panic!("{e}")).bytes;
    for (export, args) in
        [("thrown", &[][..]), ("cabi_post_thrown-after", &[3]), ("cabi_realloc", &[0, 0, 1, 1])]
    {
        let mut module = Wasmtime::<Tick>::load(&bytes);
        assert_eq!(module.call("thrown-after", &[]), Ok(3));
        let why = module.call(export, args).expect_err("it traps");
        assert!(why.contains("meld:trap:uncaught-exception"), "{why}");
        assert!(module.call("thrown-after", &[]).is_err());
    }
}

/// So is what a start function throws, be it the only one or one of several; what it catches is nothing.
#[test]
fn exceptions_of_start_functions_are_traps() {
    let guest = |name: &str, start: &str| {
        format!(
            r#"(component ${name}
              (core module $m (tag $e) {start} (func (export "f") (result i32) (i32.const 7)))
              (core instance $m (instantiate $m))
              (func (export "f") (result u32) (canon lift (core func $m "f"))))
            (instance ${name} (instantiate ${name}))
            (export "{name}" (func ${name} "f"))"#
        )
    };
    let throws = "(func $start (throw $e)) (start $start)";
    let catches =
        "(func $start (block $out (try_table (catch_all $out) (throw $e)))) (start $start)";
    let quiet = guest("quiet", catches);
    for guests in [guest("loud", throws), format!("{quiet} {}", guest("loud", throws))] {
        let bytes = fuser(&format!("(component {guests})")).fuse().unwrap().bytes;
        let mut module = Wasmtime::<Tick>::load(&bytes);
        let why = module.call("_initialize", &[]).expect_err("it traps");
        assert!(why.contains("meld:trap:uncaught-exception"), "{why}");
        assert!(module.call("loud", &[]).is_err());
        assert!(module.call("_initialize", &[]).is_err(), "a second start");
    }
    let bytes = fuser(&format!("(component {quiet})")).fuse().unwrap().bytes;
    let mut module = Wasmtime::<Tick>::load(&bytes);
    assert_eq!(module.call("_initialize", &[]), Ok(0));
    assert_eq!(module.call("quiet", &[]), Ok(7));
}

/// Host functions without code of the guest around them, with the flag and without.
#[test]
fn host_functions_can_be_lifted_again() {
    let text = std::fs::read_to_string(folder().join("hosts/lifted-again.wat")).unwrap();
    for fuser in [fuser(&text), fuser(&text).assume("host-never-reenters")] {
        fuser.fuse().unwrap_or_else(|e| panic!("{e}"));
    }
}

/// What is imported only to be exported again is of the type that the import says, and is what rules
/// make of it.
#[test]
fn host_functions_of_core_modules_can_be_exported_again() {
    let module = |import: &str| fuser(&format!(r#"(module {import} (export "again" (func 0)))"#));
    let host = module(r#"(import "$root" "tick" (func))"#);
    check(&host, |module| assert_eq!(module.call("again", &[]), Ok(0)));
    let pack = module(r#"(import "meld:gate" "enter" (func (result i32)))"#);
    check(&pack, |module| assert_eq!(module.call("again", &[]), Ok(0)));
    let wrong = module(r#"(import "meld:gate" "enter" (func (param i32) (result i32)))"#).fuse();
    let wrong = wrong.expect_err("it is of another type").to_string();
    assert!(wrong.contains("enter"), "{wrong}");
}
