;; One core module instantiated twice within a component, each with a memory of its own.
;; expect run => 12
(component
  (component $callee
    (core module $m
      (memory 1)
      (func (export "set") (param i32) (i32.store (i32.const 8) (local.get 0)))
      (func (export "get") (result i32) (i32.load (i32.const 8))))
    (core instance $a (instantiate $m))
    (core instance $b (instantiate $m))
    (core module $main
      (import "a" "set" (func $set-a (param i32)))
      (import "b" "set" (func $set-b (param i32)))
      (import "a" "get" (func $get-a (result i32)))
      (import "b" "get" (func $get-b (result i32)))
      (func (export "f") (result i32)
        (call $set-a (i32.const 1)) (call $set-b (i32.const 2))
        (i32.add (i32.mul (call $get-a) (i32.const 10)) (call $get-b))))
    (core instance $main (instantiate $main
      (with "a" (instance $a)) (with "b" (instance $b))))
    (func (export "f") (result u32) (canon lift (core func $main "f"))))
  (instance $callee (instantiate $callee))
  (export "run" (func $callee "f")))
