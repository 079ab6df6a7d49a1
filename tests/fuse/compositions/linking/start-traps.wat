;; A start function traps: there is no instance at all.
;; expect run => trap
(component
  (component $child
    (core module $m (func $start unreachable) (start $start) (func (export "f")))
    (core instance $m (instantiate $m))
    (func (export "f") (canon lift (core func $m "f"))))
  (instance $child (instantiate $child))
  (export "run" (func $child "f")))
