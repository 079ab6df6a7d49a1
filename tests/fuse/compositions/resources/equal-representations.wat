;; Objects that live at one time with one representation, and some with 0 or all ones, which bindings of
;; some languages take for no handle. Handles of a table are none of this, representations are.
;; expect same-twice => 12
;; expect zero => 1
;; expect all-ones => 1
(component
  (component $Maker
    (type $t (resource (rep i32)))
    (core func $new (canon resource.new $t))
    (core func $rep (canon resource.rep $t))
    (core module $M
      (import "" "new" (func $new (param i32) (result i32)))
      (import "" "rep" (func $rep (param i32) (result i32)))
      (func (export "make") (param i32) (result i32) (call $new (local.get 0)))
      (func (export "take") (param i32) (result i32) (call $rep (local.get 0))))
    (core instance $m (instantiate $M (with "" (instance
      (export "new" (func $new)) (export "rep" (func $rep))))))
    (export $r "thing" (type $t))
    (func (export "make") (param "rep" u32) (result (own $r)) (canon lift (core func $m "make")))
    (func (export "take") (param "x" (own $r)) (result u32) (canon lift (core func $m "take"))))
  (component $User
    (import "maker" (instance $maker
      (export "thing" (type $r (sub resource)))
      (export "make" (func (param "rep" u32) (result (own $r))))
      (export "take" (func (param "x" (own $r)) (result u32)))))
    (core func $make (canon lower (func $maker "make")))
    (core func $take (canon lower (func $maker "take")))
    (core module $M
      (import "" "make" (func $make (param i32) (result i32)))
      (import "" "take" (func $take (param i32) (result i32)))
      (func (export "same-twice") (result i32)
        (i32.add (i32.mul (call $make (i32.const 7)) (i32.const 10)) (call $make (i32.const 7))))
      (func (export "zero") (result i32) (call $make (i32.const 0)))
      (func (export "all-ones") (result i32) (call $make (i32.const -1)))
      (func (export "back") (param i32) (result i32) (call $take (call $make (local.get 0)))))
    (core instance $m (instantiate $M (with "" (instance
      (export "make" (func $make)) (export "take" (func $take))))))
    (func (export "same-twice") (result u32) (canon lift (core func $m "same-twice")))
    (func (export "zero") (result u32) (canon lift (core func $m "zero")))
    (func (export "all-ones") (result u32) (canon lift (core func $m "all-ones")))
    (func (export "back") (param "rep" u32) (result u32) (canon lift (core func $m "back"))))
  (instance $maker (instantiate $Maker))
  (instance $user (instantiate $User (with "maker" (instance $maker))))
  (func (export "same-twice") (alias export $user "same-twice"))
  (func (export "zero") (alias export $user "zero"))
  (func (export "all-ones") (alias export $user "all-ones"))
  (func (export "back") (alias export $user "back")))
