;; A destructor that its own instance calls: a call of its own, which finds the instance's context
;; empty and leaves it as it was.
(module
  (import "" "destructor" (func $destructor (param i32)))
  (import "context" "first" (global $first (mut i64)))
  (import "context" "second" (global $second (mut i64)))

  (func $meld:own-destructor (export "destroy") (param $rep i32)
    (local $kept-first i64) (local $kept-second i64)
    (local.set $kept-first (global.get $first))
    (local.set $kept-second (global.get $second))
    (global.set $first (i64.const 0))
    (global.set $second (i64.const 0))
    (call $destructor (local.get $rep))
    (global.set $first (local.get $kept-first))
    (global.set $second (local.get $kept-second)))
)
