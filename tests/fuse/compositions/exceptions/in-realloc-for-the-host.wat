;; A realloc throws while the host allocates what its function returns: a trap, although the guest
;; that called the host would catch all.
;; expect run => trap
(component
  (import "name" (func $name (result string)))
  (core module $libc
    (tag $e)
    (memory (export "memory") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (throw $e)))
  (core instance $libc (instantiate $libc))
  (core func $name (canon lower (func $name) (memory (core memory $libc "memory"))
    (realloc (core func $libc "realloc"))))
  (core module $m
    (import "" "name" (func $name (param i32)))
    (func (export "run") (result i32)
      (block $caught
        (try_table (catch_all $caught) (call $name (i32.const 16)))
        (return (i32.const 1)))
      (i32.const 42)))
  (core instance $m (instantiate $m (with "" (instance (export "name" (func $name))))))
  (func (export "run") (result u32) (canon lift (core func $m "run"))))
