;; Canonical options name functions whose types are open to subtypes, or in a group of several.
;; expect run => 5
(component
  (component $callee
    (core module $m
      (memory (export "memory") 1)
      (type $open (sub (func (param i32 i32 i32 i32) (result i32))))
      (rec (type $clean (func (param i32))) (type $other (func)))
      (global $cleaned (mut i32) (i32.const 0))
      (func (export "realloc") (type $open) (i32.const 64))
      (func (export "take") (param i32 i32) (result i32)
        (i32.store (i32.const 8) (i32.const 32))
        (i32.store (i32.const 12) (i32.add (local.get 1) (global.get $cleaned)))
        (i32.const 8))
      (func (export "clean") (type $clean)
        (global.set $cleaned (i32.add (global.get $cleaned) (i32.const 1)))))
    (core instance $i (instantiate $m))
    (func (export "take") (param "s" string) (result string)
      (canon lift (core func $i "take") (memory (core memory $i "memory"))
        (realloc (core func $i "realloc")) (post-return (core func $i "clean")))))
  (component $caller
    (import "take" (func $take (param "s" string) (result string)))
    (core module $libc
      (memory (export "memory") 1)
      (rec (type $first (func)) (type $realloc (func (param i32 i32 i32 i32) (result i32))))
      (func (export "realloc") (type $realloc) (i32.const 128)))
    (core instance $libc (instantiate $libc))
    (core func $take
      (canon lower (func $take) (memory (core memory $libc "memory"))
        (realloc (core func $libc "realloc"))))
    (core module $m
      (import "" "memory" (memory 1))
      (import "" "take" (func $take (param i32 i32 i32)))
      (func (export "run") (result i32)
        (call $take (i32.const 0) (i32.const 2) (i32.const 16))
        (call $take (i32.const 0) (i32.const 2) (i32.const 24))
        (i32.add (i32.load (i32.const 20)) (i32.load (i32.const 28)))))
    (core instance $i (instantiate $m
      (with "" (instance
        (export "memory" (memory $libc "memory"))
        (export "take" (func $take))))))
    (func (export "run") (result u32) (canon lift (core func $i "run"))))
  (instance $callee (instantiate $callee))
  (instance $caller (instantiate $caller (with "take" (func $callee "take"))))
  (export "run" (func $caller "run")))
