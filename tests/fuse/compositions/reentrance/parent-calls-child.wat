;; A component may not call its own child: the call would enter an instance within itself.
;; expect run => trap
;; expect direct => 7
(component
  (component $parent
    (component $child
      (core module $m (func (export "f") (result i32) (i32.const 7)))
      (core instance $m (instantiate $m))
      (func (export "f") (result u32) (canon lift (core func $m "f"))))
    (instance $child (instantiate $child))
    (core func $f (canon lower (func $child "f")))
    (core module $m
      (import "" "f" (func $f (result i32)))
      (func (export "run") (result i32) (call $f)))
    (core instance $m (instantiate $m (with "" (instance (export "f" (func $f))))))
    (func (export "run") (result u32) (canon lift (core func $m "run")))
    (export "direct" (func $child "f")))
  (instance $parent (instantiate $parent))
  (export "run" (func $parent "run"))
  (export "direct" (func $parent "direct")))
