;; Both components call the host, and the caller the callee in between: order is seen outside.
;; The callee hands a string of the caller on, in another encoding.
;; expect run => 0
(component
  (import "log" (func $log (param "text" string)))
  (import "tick" (func $tick (param "n" u32)))
  (component $callee
    (import "log" (func $log (param "text" string)))
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
    (core func $log (canon lower (func $log) string-encoding=utf16
      (memory (core memory $libc "memory"))))
    (core module $m
      (import "" "log" (func $log (param i32 i32)))
      (func (export "f") (param i32 i32) (call $log (local.get 0) (local.get 1))))
    (core instance $m (instantiate $m (with "" (instance (export "log" (func $log))))))
    (func (export "f") (param "s" string) (canon lift (core func $m "f") string-encoding=utf16
      (memory (core memory $libc "memory")) (realloc (core func $libc "realloc")))))
  (component $caller
    (import "f" (func $f (param "s" string)))
    (import "tick" (func $tick (param "n" u32)))
    (core module $libc (memory (export "memory") 1))
    (core instance $libc (instantiate $libc))
    (core func $f (canon lower (func $f) (memory (core memory $libc "memory"))))
    (core func $tick (canon lower (func $tick)))
    (core module $m
      (import "libc" "memory" (memory 1))
      (import "" "f" (func $f (param i32 i32)))
      (import "" "tick" (func $tick (param i32)))
      (data (i32.const 64) "gr\c3\b6\c3\9fe")
      (func (export "run") (result i32)
        (call $tick (i32.const 1)) (call $f (i32.const 64) (i32.const 7)) (call $tick (i32.const 2))
        (i32.const 0)))
    (core instance $m (instantiate $m (with "libc" (instance $libc))
      (with "" (instance (export "f" (func $f)) (export "tick" (func $tick))))))
    (func (export "run") (result u32) (canon lift (core func $m "run"))))
  (instance $callee (instantiate $callee (with "log" (func $log))))
  (instance $caller (instantiate $caller
    (with "f" (func $callee "f")) (with "tick" (func $tick))))
  (export "run" (func $caller "run")))
