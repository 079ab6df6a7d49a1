;; Offsets of segments are imported globals, table and memory are imported, as in dynamic linking.
;; expect run => 47
(component
  (component $child
    (core module $libc
      (memory (export "memory") 1)
      (table (export "table") 8 funcref)
      (global (export "memory-base") i32 (i32.const 4096))
      (global (export "table-base") i32 (i32.const 3))
      (global (export "stack") (mut i32) (i32.const 8)))
    (core instance $libc (instantiate $libc))
    (core module $lib
      (import "env" "memory" (memory 1))
      (import "env" "table" (table 8 funcref))
      (import "env" "memory-base" (global $base i32))
      (import "env" "table-base" (global $table i32))
      (import "env" "stack" (global $stack (mut i32)))
      (data (global.get $base) "\28")
      (elem (offset (i32.add (global.get $table) (i32.const 1))) func $load)
      (global $copy i32 (global.get $base))
      (func $load (result i32)
        (global.set $stack (i32.sub (global.get $stack) (i32.const 1)))
        (i32.load8_u (global.get $copy))))
    (core instance (instantiate $lib (with "env" (instance $libc))))
    (core module $main
      (import "env" "table" (table 8 funcref))
      (import "env" "stack" (global $stack (mut i32)))
      (type $t (func (result i32)))
      (func (export "run") (result i32)
        (i32.add (call_indirect (type $t) (i32.const 4)) (global.get $stack))))
    (core instance $main (instantiate $main (with "env" (instance $libc))))
    (func (export "run") (result u32) (canon lift (core func $main "run"))))
  (instance $child (instantiate $child))
  (export "run" (func $child "run")))
