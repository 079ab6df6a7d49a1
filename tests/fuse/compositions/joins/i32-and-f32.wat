;; Payloads of u32 and f32 share one i32 slot.
;; expect u => 7
;; expect f => 3226013659
(component
  (component $callee
    (core module $m
      (func (export "f") (param i32 i32) (result i32) (local.get 1)))
    (core instance $m (instantiate $m))
    (func (export "f") (param "x" (result u32 (error f32))) (result u32)
      (canon lift (core func $m "f") )))
  (component $caller
    (import "callee" (instance $callee
      (export "f" (func (param "x" (result u32 (error f32))) (result u32)))))
    (core module $libc
      (memory (export "memory") 1)
      (global $next (mut i32) (i32.const 32768))
      (func (export "realloc") (param i32 i32 i32 i32) (result i32) (local $at i32)
        (local.set $at (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
        (global.set $next (i32.add (local.get $at) (local.get 3)))
        (memory.copy (local.get $at) (local.get 0)
          (select (local.get 3) (local.get 1) (i32.lt_u (local.get 3) (local.get 1))))
        (local.get $at)))
    (core instance $libc (instantiate $libc))
    (core func $f (canon lower (func $callee "f")
      ))
    (core module $main
      (import "libc" "memory" (memory 1))
      (import "" "f" (func $f (param i32 i32) (result i32)))
      (func (export "u") (result i32) (call $f (i32.const 0) (i32.const 7)))
      (func (export "f") (result i32) (call $f (i32.const 1) (i32.const 0xc0490fdb))))
    (core instance $main (instantiate $main (with "libc" (instance $libc))
      (with "" (instance (export "f" (func $f))))))
    (func (export "u") (result u32) (canon lift (core func $main "u")
      (memory (core memory $libc "memory"))))
    (func (export "f") (result u32) (canon lift (core func $main "f")
      (memory (core memory $libc "memory")))))
  (instance $callee (instantiate $callee))
  (instance $caller (instantiate $caller (with "callee" (instance $callee))))
  (export "u" (func $caller "u"))
  (export "f" (func $caller "f")))
