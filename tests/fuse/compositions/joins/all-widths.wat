;; Payloads of i32, f32, i64 and f64 share one i64 slot; the slot of an absent payload is zero.
;; expect i => 4294967295
;; expect f => 1069547520
;; expect l => 18446744073709551615
;; expect d => 4609434218613702656
;; expect n => 0
(component
  (component $callee
    (core module $m
      (func (export "f") (param i32 i64) (result i64) (local.get 1)))
    (core instance $m (instantiate $m))
    (type $t0 (variant (case "i" u32) (case "f" f32) (case "l" s64) (case "d" f64) (case "n"))) (export $t "t" (type $t0))
    (func (export "f") (param "x" $t) (result u64)
      (canon lift (core func $m "f") )))
  (component $caller
    (import "callee" (instance $callee
      (type $t0 (variant (case "i" u32) (case "f" f32) (case "l" s64) (case "d" f64) (case "n"))) (export "t" (type $t (eq $t0)))
      (export "f" (func (param "x" $t) (result u64)))))
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
      (import "" "f" (func $f (param i32 i64) (result i64)))
      ;; The upper half of a slot that holds a u32 or an f32 is not read.
      (func (export "i") (result i64) (call $f (i32.const 0) (i64.const -1)))
      (func (export "f") (result i64) (call $f (i32.const 1) (i64.const 0x123456783fc00000)))
      (func (export "l") (result i64) (call $f (i32.const 2) (i64.const -1)))
      (func (export "d") (result i64) (call $f (i32.const 3) (i64.const 0x3ff8000000000000)))
      (func (export "n") (result i64) (call $f (i32.const 4) (i64.const -1))))
    (core instance $main (instantiate $main (with "libc" (instance $libc))
      (with "" (instance (export "f" (func $f))))))
    (func (export "i") (result u64) (canon lift (core func $main "i")
      (memory (core memory $libc "memory"))))
    (func (export "f") (result u64) (canon lift (core func $main "f")
      (memory (core memory $libc "memory"))))
    (func (export "l") (result u64) (canon lift (core func $main "l")
      (memory (core memory $libc "memory"))))
    (func (export "d") (result u64) (canon lift (core func $main "d")
      (memory (core memory $libc "memory"))))
    (func (export "n") (result u64) (canon lift (core func $main "n")
      (memory (core memory $libc "memory")))))
  (instance $callee (instantiate $callee))
  (instance $caller (instantiate $caller (with "callee" (instance $callee))))
  (export "i" (func $caller "i"))
  (export "f" (func $caller "f"))
  (export "l" (func $caller "l"))
  (export "d" (func $caller "d"))
  (export "n" (func $caller "n")))
