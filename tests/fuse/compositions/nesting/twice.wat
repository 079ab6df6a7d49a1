;; One component instantiated twice has two states, and a third instance counts in both.
;; expect run => 203
;; expect first => 1
;; expect second => 1
(component
  (component $counter
    (core module $m
      (global $n (mut i32) (i32.const 0))
      (func (export "next") (result i32)
        (global.set $n (i32.add (global.get $n) (i32.const 1)))
        (global.get $n)))
    (core instance $m (instantiate $m))
    (func (export "next") (result u32) (canon lift (core func $m "next"))))
  (component $both
    (import "a" (func $a (result u32)))
    (import "b" (func $b (result u32)))
    (core func $a (canon lower (func $a)))
    (core func $b (canon lower (func $b)))
    (core module $m
      (import "" "a" (func $a (result i32)))
      (import "" "b" (func $b (result i32)))
      (func (export "run") (result i32)
        (drop (call $a)) (drop (call $a)) (drop (call $b))
        (i32.add (call $a) (i32.mul (call $b) (i32.const 100)))))
    (core instance $m (instantiate $m (with "" (instance
      (export "a" (func $a)) (export "b" (func $b))))))
    (func (export "run") (result u32) (canon lift (core func $m "run"))))
  (instance $a (instantiate $counter))
  (instance $b (instantiate $counter))
  (instance $both (instantiate $both (with "a" (func $a "next")) (with "b" (func $b "next"))))
  (export "run" (func $both "run"))
  (export "first" (func $a "next"))
  (export "second" (func $b "next")))
