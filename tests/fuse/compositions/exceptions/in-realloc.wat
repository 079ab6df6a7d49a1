;; What a realloc throws must not reach the caller, who catches all.
;; expect run => trap
(component
  (component $S (core module $m (tag $t) (memory (export "m") 1) (func (export "r") (param i32 i32 i32 i32) (result i32) (throw $t)) (func (export "f") (param i32 i32) (result i32) (local.get 1)))
   (import "tick" (func $tick)) (core func $tick (canon lower (func $tick)))
   (core instance $m (instantiate $m))
   (func (export "f") (param "s" string) (result u32) (canon lift (core func $m "f") (memory (core memory $m "m")) (realloc (core func $m "r")))))
  (import "tick" (func $tick))
  (instance $s (instantiate $S (with "tick" (func $tick))))
  (component $D (import "f" (func $f (param "s" string) (result u32))) (core module $L (memory (export "m") 1)) (core instance $l (instantiate $L)) (core func $f (canon lower (func $f) (memory (core memory $l "m"))))
    (core module $m (import "" "f" (func $f (param i32 i32) (result i32))) (func (export "run") (result i32)
        (block $h (try_table (catch_all $h) (return (call $f (i32.const 0) (i32.const 2)))))
        (i32.const 42)))
    (core instance $m (instantiate $m (with "" (instance (export "f" (func $f))))))
    (func (export "run") (result u32) (canon lift (core func $m "run"))))
  (instance $d (instantiate $D (with "f" (func $s "f"))))
  (export "run" (func $d "run")))
