;; The callee throws; the caller catches all. The signature is scalar.
;; expect run => trap
(component
  (component $callee
    (core module $m (tag $t) (func (export "f") (result i32) (throw $t)))
    (core instance $m (instantiate $m))
    (func (export "f") (result u32) (canon lift (core func $m "f"))))
  (component $caller
    (import "f" (func $f (result u32)))
    (core func $f (canon lower (func $f)))
    (core module $m
      (import "" "f" (func $f (result i32)))
      (func (export "run") (result i32)
        (block $h (try_table (catch_all $h) (return (call $f))))
        (i32.const 42)))
    (core instance $m (instantiate $m (with "" (instance (export "f" (func $f))))))
    (func (export "run") (result u32) (canon lift (core func $m "run"))))
  (instance $callee (instantiate $callee))
  (instance $caller (instantiate $caller (with "f" (func $callee "f"))))
  (export "run" (func $caller "run")))
