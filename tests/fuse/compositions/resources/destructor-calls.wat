;; A destructor calls an import, and so tells how often and with what it runs: once for each
;; object that is dropped, by its implementer or another, and not for those that are not.
;; expect by-the-user => 213
;; expect by-the-owner => 45
;; expect never => 0
(component
  (component $Log
    (core module $M
      (global $log (mut i32) (i32.const 0))
      (func (export "note") (param i32)
        (global.set $log (i32.add (i32.mul (global.get $log) (i32.const 10)) (local.get 0))))
      (func (export "seen") (result i32) (global.get $log)))
    (core instance $m (instantiate $M))
    (func (export "note") (param "x" u32) (canon lift (core func $m "note")))
    (func (export "seen") (result u32) (canon lift (core func $m "seen"))))
  (component $Leaf
    (import "log" (instance $log (export "note" (func (param "x" u32)))))
    (core func $note (canon lower (func $log "note")))
    (core module $Dtor
      (import "" "note" (func $note (param i32)))
      (func (export "dtor") (param i32) (call $note (local.get 0))))
    (core instance $dtor (instantiate $Dtor (with "" (instance (export "note" (func $note))))))
    (type $r (resource (rep i32) (dtor (core func $dtor "dtor"))))
    (core func $new (canon resource.new $r))
    (core func $drop (canon resource.drop $r))
    (core module $M
      (import "" "new" (func $new (param i32) (result i32)))
      (import "" "drop" (func $drop (param i32)))
      (func (export "make") (param i32) (result i32) (call $new (local.get 0)))
      (func (export "end") (param i32) (call $drop (local.get 0)))
      (func (export "keep") (param i32)))
    (core instance $m (instantiate $M (with "" (instance
      (export "new" (func $new)) (export "drop" (func $drop))))))
    (export $r-out "r" (type $r))
    (func (export "make") (param "rep" u32) (result (own $r-out)) (canon lift (core func $m "make")))
    (func (export "end") (param "x" (own $r-out)) (canon lift (core func $m "end")))
    (func (export "keep") (param "x" (own $r-out)) (canon lift (core func $m "keep"))))
  (component $User
    (import "leaf" (instance $leaf
      (export "r" (type $r (sub resource)))
      (export "make" (func (param "rep" u32) (result (own $r))))
      (export "end" (func (param "x" (own $r))))
      (export "keep" (func (param "x" (own $r))))))
    (import "log" (instance $log
      (export "seen" (func (result u32)))))
    (alias export $leaf "r" (type $r))
    (core func $drop (canon resource.drop $r))
    (core func $make (canon lower (func $leaf "make")))
    (core func $end (canon lower (func $leaf "end")))
    (core func $keep (canon lower (func $leaf "keep")))
    (core func $seen (canon lower (func $log "seen")))
    (core module $M
      (import "" "drop" (func $drop (param i32)))
      (import "" "make" (func $make (param i32) (result i32)))
      (import "" "end" (func $end (param i32)))
      (import "" "keep" (func $keep (param i32)))
      (import "" "seen" (func $seen (result i32)))
      (func (export "by-the-user") (result i32)
        (drop (call $make (i32.const 1))) (drop (call $make (i32.const 2))) (drop (call $make (i32.const 3)))
        (call $drop (i32.const 2)) (call $drop (i32.const 1)) (call $drop (i32.const 3))
        (call $seen))
      (func (export "by-the-owner") (result i32)
        (call $end (call $make (i32.const 4))) (call $end (call $make (i32.const 5)))
        (call $seen))
      (func (export "never") (result i32)
        (drop (call $make (i32.const 1))) (call $keep (call $make (i32.const 2)))
        (call $seen)))
    (core instance $m (instantiate $M (with "" (instance
      (export "drop" (func $drop)) (export "make" (func $make)) (export "end" (func $end))
      (export "keep" (func $keep)) (export "seen" (func $seen))))))
    (func (export "by-the-user") (result u32) (canon lift (core func $m "by-the-user")))
    (func (export "by-the-owner") (result u32) (canon lift (core func $m "by-the-owner")))
    (func (export "never") (result u32) (canon lift (core func $m "never"))))
  (instance $log (instantiate $Log))
  (instance $leaf (instantiate $Leaf (with "log" (instance $log))))
  (instance $user (instantiate $User (with "leaf" (instance $leaf)) (with "log" (instance $log))))
  (export "by-the-user" (func $user "by-the-user"))
  (export "by-the-owner" (func $user "by-the-owner"))
  (export "never" (func $user "never")))
