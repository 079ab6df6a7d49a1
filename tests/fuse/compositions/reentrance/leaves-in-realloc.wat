;; The callee calls its import in realloc: it may not leave then.
;; expect run => trap
(component
  (import "tick" (func $tick))
  (component $callee
    (import "tick" (func $tick))
    (core func $tick (canon lower (func $tick)))
    (core module $m
      (import "" "tick" (func $tick))
      (memory (export "memory") 1)
      (func (export "realloc") (param i32 i32 i32 i32) (result i32)
        (call $tick) (i32.const 1024))
      (func (export "f") (param i32 i32) (result i32) (i32.const 64))
      (func (export "post") (param i32)))
    (core instance $m (instantiate $m (with "" (instance (export "tick" (func $tick))))))
    (func (export "f") (param "s" string) (result string) (canon lift (core func $m "f")
      (memory (core memory $m "memory")) (realloc (core func $m "realloc"))
      (post-return (core func $m "post")))))
  (component $caller
    (import "f" (func $f (param "s" string) (result string)))
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
    (core func $f (canon lower (func $f) (memory (core memory $libc "memory"))
      (realloc (core func $libc "realloc"))))
    (core module $m
      (import "" "f" (func $f (param i32 i32 i32)))
      (func (export "run") (call $f (i32.const 64) (i32.const 1) (i32.const 16))))
    (core instance $m (instantiate $m (with "" (instance (export "f" (func $f))))))
    (func (export "run") (canon lift (core func $m "run"))))
  (instance $callee (instantiate $callee (with "tick" (func $tick))))
  (instance $caller (instantiate $caller (with "f" (func $callee "f"))))
  (export "run" (func $caller "run")))
