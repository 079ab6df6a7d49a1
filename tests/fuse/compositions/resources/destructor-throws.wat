;; An exception that escapes from a destructor is a trap, which nobody can catch, be it the user who
;; drops or the implementer.
;; expect dropped => 1
;; expect dropped-7 => trap
;; expect caught => trap
;; expect ended-7 => trap
(component
  (component $Leaf
    (core module $Dtor
      (tag $e)
      (func (export "dtor") (param i32)
        (if (i32.eq (local.get 0) (i32.const 7)) (then (throw $e)))))
    (core instance $dtor (instantiate $Dtor))
    (type $r (resource (rep i32) (dtor (core func $dtor "dtor"))))
    (core func $new (canon resource.new $r))
    (core func $drop (canon resource.drop $r))
    (core module $M
      (import "" "new" (func $new (param i32) (result i32)))
      (import "" "drop" (func $drop (param i32)))
      (func (export "make") (param i32) (result i32) (call $new (local.get 0)))
      (func (export "get") (param i32) (result i32) (local.get 0))
      (func (export "end") (param i32)
        (block $caught
          (try_table (catch_all $caught) (call $drop (local.get 0))))))
    (core instance $m (instantiate $M (with "" (instance
      (export "new" (func $new)) (export "drop" (func $drop))))))
    (export $r-out "r" (type $r))
    (func (export "make") (param "rep" u32) (result (own $r-out)) (canon lift (core func $m "make")))
    (func (export "get") (param "x" (borrow $r-out)) (result u32) (canon lift (core func $m "get")))
    (func (export "end") (param "x" (own $r-out)) (canon lift (core func $m "end"))))
  (component $User
    (import "leaf" (instance $leaf
      (export "r" (type $r (sub resource)))
      (export "make" (func (param "rep" u32) (result (own $r))))
      (export "get" (func (param "x" (borrow $r)) (result u32)))
      (export "end" (func (param "x" (own $r))))))
    (alias export $leaf "r" (type $r))
    (core func $drop (canon resource.drop $r))
    (core func $make (canon lower (func $leaf "make")))
    (core func $get (canon lower (func $leaf "get")))
    (core func $end (canon lower (func $leaf "end")))
    (core module $M
      (import "" "drop" (func $drop (param i32)))
      (import "" "make" (func $make (param i32) (result i32)))
      (import "" "get" (func $get (param i32) (result i32)))
      (import "" "end" (func $end (param i32)))
      (func (export "dropped") (result i32)
        (call $drop (call $make (i32.const 8)))
        (i32.const 1))
      (func (export "dropped-7") (result i32)
        (call $drop (call $make (i32.const 7)))
        (i32.const 1))
      (func (export "caught") (result i32)
        (block $caught
          (try_table (catch_all $caught) (call $drop (call $make (i32.const 7)))))
        (i32.const 1))
      (func (export "ended-7") (result i32)
        (call $end (call $make (i32.const 7)))
        (i32.const 1)))
    (core instance $m (instantiate $M (with "" (instance
      (export "drop" (func $drop)) (export "make" (func $make)) (export "get" (func $get))
      (export "end" (func $end))))))
    (func (export "dropped") (result u32) (canon lift (core func $m "dropped")))
    (func (export "dropped-7") (result u32) (canon lift (core func $m "dropped-7")))
    (func (export "caught") (result u32) (canon lift (core func $m "caught")))
    (func (export "ended-7") (result u32) (canon lift (core func $m "ended-7"))))
  (instance $leaf (instantiate $Leaf))
  (instance $user (instantiate $User (with "leaf" (instance $leaf))))
  (export "dropped" (func $user "dropped"))
  (export "dropped-7" (func $user "dropped-7"))
  (export "caught" (func $user "caught"))
  (export "ended-7" (func $user "ended-7")))
