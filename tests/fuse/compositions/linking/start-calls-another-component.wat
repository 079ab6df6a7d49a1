;; A start function calls a function of another component.
;; expect run => 7
(component
  (component $callee
    (core module $m
      (global $n (mut i32) (i32.const 0))
      (func (export "add") (param i32) (global.set $n (i32.add (global.get $n) (local.get 0))))
      (func (export "get") (result i32) (global.get $n)))
    (core instance $m (instantiate $m))
    (func (export "add") (param "x" u32) (canon lift (core func $m "add")))
    (func (export "get") (result u32) (canon lift (core func $m "get"))))
  (component $caller
    (import "add" (func $add (param "x" u32)))
    (core func $add (canon lower (func $add)))
    (core module $m
      (import "" "add" (func $add (param i32)))
      (func $start (call $add (i32.const 7))) (start $start))
    (core instance (instantiate $m (with "" (instance (export "add" (func $add)))))))
  (instance $callee (instantiate $callee))
  (instance (instantiate $caller (with "add" (func $callee "add"))))
  (export "run" (func $callee "get")))
