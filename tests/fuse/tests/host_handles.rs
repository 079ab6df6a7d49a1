//! What a host does with handles at times when it must not, unfused and fused.

use meld::Fuser;
use wasmtime::component::{Component, Linker, ResourceAny, Val};
use wasmtime::{Engine, Store, StoreContextMut};

/// A handle that the host has, and whether its drops went well.
#[derive(Default)]
struct State {
    held: Option<ResourceAny>,
    dropped: Vec<bool>,
}

/// A host that drops a guest's resource while another guest runs enters the root component twice.
#[test]
fn the_host_drops_while_guests_run() {
    let text = r#"(component
      (import "tick" (func $tick))
      (component $owner
        (core module $m
          (global $gone (mut i32) (i32.const 0))
          (func (export "dtor") (param i32) (global.set $gone (i32.add (global.get $gone) (i32.const 1))))
          (func (export "gone") (result i32) (global.get $gone)))
        (core instance $m (instantiate $m))
        (type $t (resource (rep i32) (dtor (core func $m "dtor"))))
        (core func $new (canon resource.new $t))
        (export $u "thing" (type $t))
        (func (export "make") (param "n" u32) (result (own $u)) (canon lift (core func $new)))
        (func (export "gone") (result u32) (canon lift (core func $m "gone"))))
      (component $other
        (import "tick" (func $tick))
        (core func $tick (canon lower (func $tick)))
        (core module $m (import "" "tick" (func $tick)) (func (export "run") (call $tick)))
        (core instance $m (instantiate $m (with "" (instance (export "tick" (func $tick))))))
        (func (export "run") (canon lift (core func $m "run"))))
      (instance $owner (instantiate $owner))
      (instance $other (instantiate $other (with "tick" (func $tick))))
      (export "things" (instance $owner))
      (export "run" (func $other "run")))"#;
    // Whether the guest ran through, what became of the drop, and how many were destroyed.
    let run = |bytes: &[u8]| {
        let engine = Engine::default();
        let component = Component::new(&engine, bytes).unwrap();
        let mut store = Store::new(&engine, State::default());
        let mut linker = Linker::new(&engine);
        linker
            .root()
            .func_wrap("tick", |mut store: StoreContextMut<'_, State>, (): ()| {
                let handle = store.data_mut().held.take().unwrap();
                let dropped = handle.resource_drop(&mut store);
                store.data_mut().dropped.push(dropped.is_ok());
                Ok(())
            })
            .unwrap();
        let instance = linker.instantiate(&mut store, &component).unwrap();
        let things = instance.get_export_index(&mut store, None, "things").unwrap();
        let make = instance.get_export_index(&mut store, Some(&things), "make").unwrap();
        let gone = instance.get_export_index(&mut store, Some(&things), "gone").unwrap();
        let mut results = [Val::Bool(false)];
        let make = instance.get_func(&mut store, make).unwrap();
        make.call(&mut store, &[Val::U32(4)], &mut results).unwrap();
        let Val::Resource(handle) = results[0] else { panic!() };
        store.data_mut().held = Some(handle);
        let ran = instance.get_func(&mut store, "run").unwrap().call(&mut store, &[], &mut []);
        let ok = ran.is_ok();
        let gone = instance.get_func(&mut store, gone).unwrap();
        let gone =
            gone.call(&mut store, &[], &mut results).map(|()| results[0].clone()).map_err(drop);
        (ok, store.data().dropped.clone(), gone)
    };
    let fused = Fuser::new().input("root", text.as_bytes().to_vec()).fuse().unwrap().bytes;
    let expected = (true, vec![false], Ok(Val::U32(0)));
    assert_eq!(run(text.as_bytes()), expected);
    assert_eq!(run(&fused), expected);
}
