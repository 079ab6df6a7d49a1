;; A child may not call its parent.
;; expect run => trap
;; expect direct => 7
(component
  (component $parent
    (core module $m (func (export "f") (result i32) (i32.const 7)))
    (core instance $m (instantiate $m))
    (func $f (result u32) (canon lift (core func $m "f")))
    (component $child
      (import "f" (func $f (result u32)))
      (core func $f (canon lower (func $f)))
      (core module $m
        (import "" "f" (func $f (result i32)))
        (func (export "run") (result i32) (call $f)))
      (core instance $m (instantiate $m (with "" (instance (export "f" (func $f))))))
      (func (export "run") (result u32) (canon lift (core func $m "run"))))
    (instance $child (instantiate $child (with "f" (func $f))))
    (export "run" (func $child "run"))
    (export "direct" (func $f)))
  (instance $parent (instantiate $parent))
  (export "run" (func $parent "run"))
  (export "direct" (func $parent "direct")))
