;; Two functions between the same two components take lists: one of u8, one of bool. Each u8 and
;; each bool is normalised, but only the list of u8 may be copied in bulk. If the answers for u8
;; and bool were one term, the two lists would become one question by congruence.
;; expect bytes => 6
;; expect bools => 3
(component
  (component $Callee
    (core module $M
      (memory (export "memory") 1)
      (global $next (mut i32) (i32.const 1024))
      (func (export "realloc") (param i32 i32 i32 i32) (result i32)
        (local $at i32)
        (local.set $at (global.get $next))
        (global.set $next (i32.add (global.get $next) (local.get 3)))
        (local.get $at))
      (func (export "sum") (param $p i32) (param $n i32) (result i32)
        (local $s i32)
        (block $done
          (loop $next
            (br_if $done (i32.eqz (local.get $n)))
            (local.set $s (i32.add (local.get $s) (i32.load8_u (local.get $p))))
            (local.set $p (i32.add (local.get $p) (i32.const 1)))
            (local.set $n (i32.sub (local.get $n) (i32.const 1)))
            (br $next)))
        (local.get $s)))
    (core instance $m (instantiate $M))
    (func (export "bytes") (param "l" (list u8)) (result u32)
      (canon lift (core func $m "sum") (memory (core memory $m "memory")) (realloc (core func $m "realloc"))))
    (func (export "bools") (param "l" (list bool)) (result u32)
      (canon lift (core func $m "sum") (memory (core memory $m "memory")) (realloc (core func $m "realloc")))))
  (component $Caller
    (import "bytes" (func $bytes (param "l" (list u8)) (result u32)))
    (import "bools" (func $bools (param "l" (list bool)) (result u32)))
    (core module $Libc (memory (export "memory") 1))
    (core instance $libc (instantiate $Libc))
    (core func $bytes' (canon lower (func $bytes) (memory (core memory $libc "memory"))))
    (core func $bools' (canon lower (func $bools) (memory (core memory $libc "memory"))))
    (core module $M
      (import "libc" "memory" (memory 1))
      (import "f" "bytes" (func $bytes (param i32 i32) (result i32)))
      (import "f" "bools" (func $bools (param i32 i32) (result i32)))
      (data (i32.const 8) "\01\02\03")
      (func (export "bytes") (result i32) (call $bytes (i32.const 8) (i32.const 3)))
      (func (export "bools") (result i32) (call $bools (i32.const 8) (i32.const 3))))
    (core instance $m (instantiate $M
      (with "libc" (instance $libc))
      (with "f" (instance (export "bytes" (func $bytes')) (export "bools" (func $bools'))))))
    (func (export "bytes") (result u32) (canon lift (core func $m "bytes")))
    (func (export "bools") (result u32) (canon lift (core func $m "bools"))))
  (instance $callee (instantiate $Callee))
  (instance $caller (instantiate $Caller
    (with "bytes" (func $callee "bytes")) (with "bools" (func $callee "bools"))))
  (export "bytes" (func $caller "bytes"))
  (export "bools" (func $caller "bools")))
