;; What lies between the values of elements is of the side that has them: it is 0xff where the list comes
;; from, and stays 0x11 where it goes. Eleven elements of 12 bytes with 5 of padding.
;; expect run => 20570
(component
  (component $callee
    (core module $m
      (memory (export "memory") 1)
      (func (export "realloc") (param i32 i32 i32 i32) (result i32)
        (memory.fill (i32.const 1024) (i32.const 0x11) (local.get 3))
        (i32.const 1024))
      (func (export "f") (param $at i32) (param $length i32) (result i32) (local $end i32) (local $sum i32)
        (local.set $end (i32.add (local.get $at) (i32.mul (local.get $length) (i32.const 12))))
        (loop $next
          (local.set $sum (i32.add (local.get $sum) (i32.load8_u (local.get $at))))
          (br_if $next
            (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 1))) (local.get $end))))
        (local.get $sum)))
    (core instance $m (instantiate $m))
    (func (export "f") (param "x" (list (tuple u8 u32 u16))) (result u32)
      (canon lift (core func $m "f") (memory (core memory $m "memory"))
        (realloc (core func $m "realloc")))))
  (component $caller
    (import "callee" (instance $callee
      (export "f" (func (param "x" (list (tuple u8 u32 u16))) (result u32)))))
    (core module $libc (memory (export "memory") 1))
    (core instance $libc (instantiate $libc))
    (core func $f (canon lower (func $callee "f") (memory (core memory $libc "memory"))))
    (core module $main
      (import "libc" "memory" (memory 1))
      (import "" "f" (func $f (param i32 i32) (result i32)))
      (func (export "run") (result i32)
        (memory.fill (i32.const 0) (i32.const 0xff) (i32.const 4096))
        (call $f (i32.const 64) (i32.const 11))))
    (core instance $main (instantiate $main (with "libc" (instance $libc))
      (with "" (instance (export "f" (func $f))))))
    (func (export "run") (result u32) (canon lift (core func $main "run"))))
  (instance $callee (instantiate $callee))
  (instance $caller (instantiate $caller (with "callee" (instance $callee))))
  (export "run" (func $caller "run")))
