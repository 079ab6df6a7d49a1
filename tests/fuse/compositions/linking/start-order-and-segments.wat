;; Active segments of a later module overwrite what a start function of an earlier one wrote,
;; in one shared memory.
;; expect run => (1, 9)
(component
  (component $child
    (core module $libc (memory (export "memory") 1))
    (core instance $libc (instantiate $libc))
    (core module $first
      (import "libc" "memory" (memory 1))
      (func $start (i32.store (i32.const 16) (i32.const 1)) (i32.store (i32.const 20) (i32.const 2)))
      (start $start))
    (core instance (instantiate $first (with "libc" (instance $libc))))
    (core module $second
      (import "libc" "memory" (memory 1))
      (data (i32.const 20) "\09")
      (func (export "run") (result i32) (i32.const 16)))
    (core instance $second (instantiate $second (with "libc" (instance $libc))))
    (func (export "run") (result (tuple u32 u32))
      (canon lift (core func $second "run") (memory (core memory $libc "memory")))))
  (instance $child (instantiate $child))
  (export "run" (func $child "run")))
