;; Bare functions at the root: one of a child under two names, and one inside an instance, too.
;; expect one => 1
;; expect other => 1
;; expect api#one => 1
(component
  (component $child
    (core module $m (func (export "f") (result i32) (i32.const 1)))
    (core instance $m (instantiate $m))
    (func (export "f") (result u32) (canon lift (core func $m "f"))))
  (instance $child (instantiate $child))
  (export "one" (func $child "f"))
  (export "other" (func $child "f"))
  (instance $api (export "one" (func $child "f")))
  (export "api" (instance $api)))
