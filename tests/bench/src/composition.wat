;; A caller and a callee. `run(calls, bytes)` makes that many calls, each with values that take that
;; many bytes in the caller's memory; `cases.rs` says which and fills the gaps in braces.
(component
  (component $Callee
    (core module $Guest
      (memory (export "memory") 64)
      ;; A call's arguments go after each other, and are forgotten when the call runs: what is
      ;; measured is how they get here, not an allocator.
      (global $next (mut i32) (i32.const 1024))
      (func (export "realloc") (param $old i32) (param $old-size i32) (param $align i32) (param $size i32) (result i32)
        (local $new i32)
        ;; Nothing grows here, and what shrinks stays where it is.
        (if (local.get $old) (then (return (local.get $old))))
        (local.set $new
          (i32.and
            (i32.add (global.get $next) (i32.sub (local.get $align) (i32.const 1)))
            (i32.sub (i32.const 0) (local.get $align))))
        (global.set $next (i32.add (local.get $new) (local.get $size)))
        (local.get $new))
      (func (export "take") {core-params} (result i32)
        (global.set $next (i32.const 1024))
        {use}))
    (core instance $guest (instantiate $Guest))
    {callee-types}
    (func (export "take") {params} (result u32)
      (canon lift (core func $guest "take") (memory (core memory $guest "memory")) (realloc (core func $guest "realloc")) string-encoding={callee-encoding})))

  (component $Caller
    {caller-types}
    (import "take" (func $take {params} (result u32)))
    (core module $Memory (memory (export "memory") 64))
    (core instance $memory (instantiate $Memory))
    (core func $take-core
      (canon lower (func $take) (memory (core memory $memory "memory")) string-encoding={caller-encoding}))
    (core module $Guest
      (import "" "take" (func $take {core-params} (result i32)))
      (import "" "memory" (memory 64))
      (func (export "run") (param $calls i32) (param $bytes i32) (result i32)
        (local $sum i32) (local $at i32)
        {prepare}
        (loop $again
          (local.set $sum (i32.add (local.get $sum) (call $take {arguments})))
          (br_if $again (local.tee $calls (i32.sub (local.get $calls) (i32.const 1)))))
        (local.get $sum)))
    (core instance $guest (instantiate $Guest
      (with "" (instance
        (export "take" (func $take-core))
        (export "memory" (memory $memory "memory"))))))
    (func (export "run") (param "calls" u32) (param "bytes" u32) (result u32)
      (canon lift (core func $guest "run"))))

  (instance $callee (instantiate $Callee))
  (instance $caller (instantiate $Caller {types} (with "take" (func $callee "take"))))
  (export "run" (func $caller "run")))
