;; Each component nests the next and adds to what it returns: 1 + 10 + 100 + the argument.
;; The argument of `f` is generated.
;; expect run => 116
(component
  (component $outer
    (component $middle
      (component $inner
        (core module $m
          (func (export "f") (param i32) (result i32) (i32.add (local.get 0) (i32.const 1))))
        (core instance $m (instantiate $m))
        (func (export "f") (param "x" u32) (result u32) (canon lift (core func $m "f"))))
      (component $add
        (import "g" (func $g (param "x" u32) (result u32)))
        (core func $g (canon lower (func $g)))
        (core module $m
          (import "" "g" (func $g (param i32) (result i32)))
          (func (export "f") (param i32) (result i32)
            (i32.add (call $g (local.get 0)) (i32.const 10))))
        (core instance $m (instantiate $m (with "" (instance (export "g" (func $g))))))
        (func (export "f") (param "x" u32) (result u32) (canon lift (core func $m "f"))))
      (instance $inner (instantiate $inner))
      (instance $add (instantiate $add (with "g" (func $inner "f"))))
      (export "f" (func $add "f")))
    (component $add
      (import "g" (func $g (param "x" u32) (result u32)))
      (core func $g (canon lower (func $g)))
      (core module $m
        (import "" "g" (func $g (param i32) (result i32)))
        (func (export "f") (param i32) (result i32)
          (i32.add (call $g (local.get 0)) (i32.const 100)))
        (func (export "run") (result i32)
          (i32.add (call $g (i32.const 5)) (i32.const 100))))
      (core instance $m (instantiate $m (with "" (instance (export "g" (func $g))))))
      (func (export "f") (param "x" u32) (result u32) (canon lift (core func $m "f")))
      (func (export "run") (result u32) (canon lift (core func $m "run"))))
    (instance $middle (instantiate $middle))
    (instance $add (instantiate $add (with "g" (func $middle "f"))))
    (export "f" (func $add "f"))
    (export "run" (func $add "run")))
  (instance $outer (instantiate $outer))
  (export "f" (func $outer "f"))
  (export "run" (func $outer "run")))
