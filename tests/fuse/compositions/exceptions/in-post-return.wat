;; Nothing is thrown across the border from a function, nor from its post-return.
;; expect run => trap
;; expect run2 => trap
(component
  (component $callee
    (core module $m (tag $t) (func (export "f") (param i32) (result i32) (throw $t)) (func (export "ok") (result i32) (i32.const 3)) (func (export "p") (param i32) (throw $t)))
    (core instance $m (instantiate $m))
    (func (export "f") (param "x" bool) (result bool) (canon lift (core func $m "f")))
    (func (export "g") (result u32) (canon lift (core func $m "ok") (post-return (core func $m "p")))))
  (component $caller
    (import "f" (func $f (param "x" bool) (result bool)))
    (import "g" (func $g (result u32)))
    (core func $f (canon lower (func $f)))
    (core func $g (canon lower (func $g)))
    (core module $m
      (import "" "f" (func $f (param i32) (result i32)))
      (import "" "g" (func $g (result i32)))
      (func (export "run2") (result i32)
        (block $h (try_table (catch_all $h) (return (call $g))))
        (i32.const 42))
      (func (export "run") (result i32)
        (block $h (try_table (catch_all $h) (return (call $f (i32.const 1)))))
        (i32.const 42)))
    (core instance $m (instantiate $m (with "" (instance (export "f" (func $f)) (export "g" (func $g))))))
    (func (export "run") (result u32) (canon lift (core func $m "run")))
    (func (export "run2") (result u32) (canon lift (core func $m "run2"))))
  (instance $callee (instantiate $callee))
  (instance $caller (instantiate $caller (with "f" (func $callee "f")) (with "g" (func $callee "g"))))
  (export "run" (func $caller "run"))
  (export "run2" (func $caller "run2")))
