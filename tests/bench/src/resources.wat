;; A component that implements a resource and one that uses it. `run(calls, bytes)` does that many
;; times what `cases.rs` puts into the gaps in braces.
(component
  (component $Callee
    (core module $Dtor
      (global $dropped (export "dropped") (mut i32) (i32.const 0))
      (func (export "dtor") (param i32)
        (global.set $dropped (i32.add (global.get $dropped) (i32.const 1)))))
    (core instance $dtor (instantiate $Dtor))
    (type $r (resource (rep i32) (dtor (core func $dtor "dtor"))))
    (core func $new (canon resource.new $r))
    (core module $Guest
      (import "" "new" (func $new (param i32) (result i32)))
      (func (export "make") (param $rep i32) (result i32) (call $new (local.get $rep)))
      (func (export "get") (param $rep i32) (result i32) (local.get $rep))
      (func (export "both") (param i32 i32)))
    (core instance $guest (instantiate $Guest (with "" (instance (export "new" (func $new))))))
    (export $r-out "r" (type $r))
    (func (export "make") (param "rep" u32) (result (own $r-out))
      (canon lift (core func $guest "make")))
    (func (export "get") (param "self" (borrow $r-out)) (result u32)
      (canon lift (core func $guest "get")))
    (func (export "both") (param "self" (borrow $r-out)) (param "other" (own $r-out))
      (canon lift (core func $guest "both"))))

  ;; Somebody else who is lent such: a handle, which has to be dropped.
  (component $Abroad
    (import "r" (type $r (sub resource)))
    (core func $drop (canon resource.drop $r))
    (core module $Guest
      (import "" "drop" (func $drop (param i32)))
      (func (export "get") (param $handle i32) (result i32)
        (call $drop (local.get $handle))
        (local.get $handle)))
    (core instance $guest (instantiate $Guest (with "" (instance (export "drop" (func $drop))))))
    (export $r-out "r" (type $r))
    (func (export "get") (param "self" (borrow $r-out)) (result u32)
      (canon lift (core func $guest "get"))))

  (component $Caller
    (import "callee" (instance $callee
      (export "r" (type $r (sub resource)))
      (export "make" (func (param "rep" u32) (result (own $r))))
      (export "get" (func (param "self" (borrow $r)) (result u32)))
      (export "both" (func (param "self" (borrow $r)) (param "other" (own $r))))))
    (alias export $callee "r" (type $r))
    (core func $drop (canon resource.drop $r))
    (core func $make (canon lower (func $callee "make")))
    (core func $get (canon lower (func $callee "get")))
    (core func $both (canon lower (func $callee "both")))
    (core module $Guest
      (import "" "drop" (func $drop (param i32)))
      (import "" "make" (func $make (param i32) (result i32)))
      (import "" "get" (func $get (param i32) (result i32)))
      {import}
      (func (export "run") (param $calls i32) (param $bytes i32) (result i32)
        (local $handle i32) (local $sum i32)
        {before}
        (loop $again
          {before-each}
          (local.set $sum (i32.add (local.get $sum) (call $get (local.get $handle))))
          {after-each}
          (br_if $again (local.tee $calls (i32.sub (local.get $calls) (i32.const 1)))))
        {after}
        (local.get $sum)))
    (core instance $guest (instantiate $Guest (with "" (instance
      (export "drop" (func $drop)) (export "make" (func $make)) (export "get" (func $get))
      (export "both" (func $both))))))
    (func (export "run") (param "calls" u32) (param "bytes" u32) (result u32)
      (canon lift (core func $guest "run"))))

  (instance $callee (instantiate $Callee))
  (instance $abroad (instantiate $Abroad (with "r" (type $callee "r"))))
  (instance $caller (instantiate $Caller (with "callee" (instance
    (export "r" (type $callee "r")) (export "make" (func $callee "make"))
    (export "get" (func {get} "get")) (export "both" (func $callee "both"))))))
  (export "run" (func $caller "run")))
