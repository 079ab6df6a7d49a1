;; Two functions of one core function, each lifted and lowered again on the way: the caller's realloc calls one of
;; them, and may not, and its code the other one, and may.
;; expect run => 1
;; expect take => trap
(component
  (component $c
    (core module $m
      (global $n (mut i32) (i32.const 0))
      (func (export "f") (result i32)
        (global.set $n (i32.add (global.get $n) (i32.const 1)))
        (global.get $n)))
    (core instance $m (instantiate $m))
    (func (export "f") (result u32) (canon lift (core func $m "f")))
    (func (export "g") (result u32) (canon lift (core func $m "f"))))
  (component $b
    (import "f" (func $f (result u32)))
    (import "g" (func $g (result u32)))
    (core func $f (canon lower (func $f)))
    (core func $g (canon lower (func $g)))
    (func (export "f") (result u32) (canon lift (core func $f)))
    (func (export "g") (result u32) (canon lift (core func $g))))
  (component $a
    (import "f" (func $f (result u32)))
    (import "g" (func $g (result u32)))
    (core func $f (canon lower (func $f)))
    (core func $g (canon lower (func $g)))
    (core module $m
      (import "" "f" (func $f (result i32)))
      (import "" "g" (func $g (result i32)))
      (memory (export "memory") 1)
      (func (export "realloc") (param i32 i32 i32 i32) (result i32) (drop (call $g)) (i32.const 1024))
      (func (export "run") (result i32) (call $f))
      (func (export "take") (param i32 i32) (result i32) (i32.const 7)))
    (core instance $m (instantiate $m (with "" (instance (export "f" (func $f)) (export "g" (func $g))))))
    (func (export "run") (result u32) (canon lift (core func $m "run")))
    (func (export "take") (param "s" string) (result u32) (canon lift (core func $m "take")
      (memory (core memory $m "memory")) (realloc (core func $m "realloc")))))
  (component $d
    (import "take" (func $take (param "s" string) (result u32)))
    (core module $libc (memory (export "memory") 1))
    (core instance $libc (instantiate $libc))
    (core func $take (canon lower (func $take) (memory (core memory $libc "memory"))))
    (core module $m
      (import "" "take" (func $take (param i32 i32) (result i32)))
      (func (export "take") (result i32) (call $take (i32.const 0) (i32.const 1))))
    (core instance $m (instantiate $m (with "" (instance (export "take" (func $take))))))
    (func (export "take") (result u32) (canon lift (core func $m "take"))))
  (instance $c (instantiate $c))
  (instance $b (instantiate $b (with "f" (func $c "f")) (with "g" (func $c "g"))))
  (instance $a (instantiate $a (with "f" (func $b "f")) (with "g" (func $b "g"))))
  (instance $d (instantiate $d (with "take" (func $a "take"))))
  (export "run" (func $a "run"))
  (export "take" (func $d "take")))
