;; A destructor that is a `resource.drop` of its own type, which a table holds that is filled later: the
;; representations are handles.
;; expect made => 1
;; expect dropped => trap
(component
  (core module $Shim
    (type $t (func (param i32)))
    (table (export "table") 1 funcref)
    (func (export "dtor") (param i32)
      (call_indirect (type $t) (local.get 0) (i32.const 0))))
  (core instance $shim (instantiate $Shim))
  (type $r (resource (rep i32) (dtor (core func $shim "dtor"))))
  (core func $new (canon resource.new $r))
  (core func $drop (canon resource.drop $r))
  (core module $Fill
    (import "" "table" (table 1 funcref))
    (import "" "drop" (func $drop (param i32)))
    (elem (i32.const 0) func $drop))
  (core instance (instantiate $Fill (with "" (instance
    (export "table" (table $shim "table")) (export "drop" (func $drop))))))
  (core module $M
    (import "" "new" (func $new (param i32) (result i32)))
    (import "" "drop" (func $drop (param i32)))
    (func (export "made") (result i32) (call $new (i32.const 0)))
    (func (export "dropped") (result i32)
      ;; The second goes with the first, and then nobody has the third.
      (call $drop (call $new (call $new (i32.const 3))))
      (i32.const 0)))
  (core instance $m (instantiate $M (with "" (instance
    (export "new" (func $new)) (export "drop" (func $drop))))))
  (func (export "made") (result u32) (canon lift (core func $m "made")))
  (func (export "dropped") (result u32) (canon lift (core func $m "dropped"))))
