;; Start functions run in the order of instantiation: each multiplies by ten and adds its number.
;; expect run => 123
(component
  (component $child
    (core module $log
      (global $n (mut i32) (i32.const 0))
      (func (export "note") (param i32)
        (global.set $n (i32.add (i32.mul (global.get $n) (i32.const 10)) (local.get 0))))
      (func (export "n") (result i32) (global.get $n)))
    (core instance $log (instantiate $log))
    (core module $third
      (import "" "note" (func $note (param i32)))
      (func $start (call $note (i32.const 3))) (start $start))
    (core module $first
      (import "" "note" (func $note (param i32)))
      (func $start (call $note (i32.const 1))) (start $start))
    (core module $second
      (import "" "note" (func $note (param i32)))
      (func $start (call $note (i32.const 2))) (start $start))
    (core instance (instantiate $first (with "" (instance $log))))
    (core instance (instantiate $second (with "" (instance $log))))
    (core instance (instantiate $third (with "" (instance $log))))
    (func (export "run") (result u32) (canon lift (core func $log "n"))))
  (instance $child (instantiate $child))
  (export "run" (func $child "run")))
