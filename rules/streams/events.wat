;; Waitables, the sets that they are in, and the events that wait to be taken out of a set.
;; `docs/async-modules.md` has the layout.
(module
  (import "" "sets" (global $sets i32))
  (import "" "waitables" (global $most i32))

  ;;     0  u32 for each of 1024 sets: its generation, 21 bits, odd while the set is there
  ;;  4096  for each of 1024 waitables: u32 itself, u32 its set, u32 a mask of the codes of its events
  ;;        that wait, u32 1 if it was cancelled
  ;; 20480  the events that wait, oldest first: u32 where the waitable is, u32 code
  (memory $memory (export "memory") 1)
  ;; How many waitables are registered, and how many events wait: no more than 5 a waitable, as
  ;; `cancelled` stands alone.
  (global $registered (export "registered") (mut i32) (i32.const 0))
  (global $events (export "events") (mut i32) (i32.const 0))

  ;; ── Sets ─────────────────────────────────────────────────────────────────────────────────────

  ;; A set: 21 bits of generation, 10 of its place. -3 if there is no room for one more.
  (func $meld:events-waitable-set.new (export "waitable-set.new") (result i32)
    (local $place i32) (local $generation i32)
    (loop $next
      (if (i32.ge_u (local.get $place) (global.get $sets)) (then (return (i32.const -3))))
      (local.set $generation (i32.load (i32.shl (local.get $place) (i32.const 2))))
      (if (i32.and (local.get $generation) (i32.const 1))
        (then
          (local.set $place (i32.add (local.get $place) (i32.const 1)))
          (br $next))))
    (local.set $generation (i32.add (local.get $generation) (i32.const 1)))
    (i32.store (i32.shl (local.get $place) (i32.const 2)) (local.get $generation))
    (i32.or (i32.shl (local.get $generation) (i32.const 10)) (local.get $place)))

  ;; Whether this is a set.
  (func $is-set (param $set i32) (result i32)
    (local $generation i32)
    (local.set $generation (i32.shr_u (local.get $set) (i32.const 10)))
    (i32.and
      (i32.and (local.get $generation) (i32.const 1))
      (i32.eq
        (i32.load
          (i32.shl (i32.and (local.get $set) (i32.const 1023)) (i32.const 2)))
        (local.get $generation))))

  ;; Drops a set: 0, -2 if it is none, -6 if waitables are in it.
  (func $meld:events-waitable-set.drop (export "waitable-set.drop") (param $set i32) (result i32)
    (local $entry i32)
    (if (i32.eqz (call $is-set (local.get $set))) (then (return (i32.const -2))))
    (local.set $entry (call $end))
    (block $empty
      (loop $next
        (br_if $empty (i32.eq (local.get $entry) (i32.const 4096)))
        (local.set $entry (i32.sub (local.get $entry) (i32.const 16)))
        (if (i32.eq (i32.load offset=4 (local.get $entry)) (local.get $set))
          (then (return (i32.const -6))))
        (br $next)))
    (i32.store
      (i32.shl (i32.and (local.get $set) (i32.const 1023)) (i32.const 2))
      (i32.and
        (i32.add (i32.shr_u (local.get $set) (i32.const 10)) (i32.const 1))
        (i32.const 0x1fffff)))
    (i32.const 0))

  ;; ── Waitables ────────────────────────────────────────────────────────────────────────────────

  ;; Behind the last entry.
  (func $end (result i32)
    (i32.add (i32.const 4096) (i32.shl (global.get $registered) (i32.const 4))))

  ;; The entry of a waitable, or 0.
  (func $entry (param $waitable i32) (result i32)
    (local $entry i32)
    (local.set $entry (call $end))
    (loop $next
      (if (i32.eq (local.get $entry) (i32.const 4096)) (then (return (i32.const 0))))
      (local.set $entry (i32.sub (local.get $entry) (i32.const 16)))
      (br_if $next (i32.ne (i32.load (local.get $entry)) (local.get $waitable))))
    (local.get $entry))

  ;; Puts a waitable into a set; it leaves the one that it is in, and takes its events along. 0; -2 if
  ;; that is no set; -3 if there is no room for one more waitable.
  (func $meld:events-waitable.join (export "waitable.join") (param $waitable i32) (param $set i32) (result i32)
    (local $entry i32)
    (if (i32.eqz (call $is-set (local.get $set))) (then (return (i32.const -2))))
    (local.set $entry (call $entry (local.get $waitable)))
    (if (i32.eqz (local.get $entry))
      (then
        (if (i32.ge_u (global.get $registered) (global.get $most))
          (then (return (i32.const -3))))
        (local.set $entry (call $end))
        (global.set $registered (i32.add (global.get $registered) (i32.const 1)))
        (i32.store (local.get $entry) (local.get $waitable))
        (i64.store offset=8 (local.get $entry) (i64.const 0))))
    (i32.store offset=4 (local.get $entry) (local.get $set))
    (i32.const 0))

  ;; Takes a waitable out of its set, and its events away. 0; -2 if it is in none.
  (func $meld:events-leave (export "leave") (param $waitable i32) (result i32)
    (local $entry i32)
    (local.set $entry (call $entry (local.get $waitable)))
    (if (i32.eqz (local.get $entry)) (then (return (i32.const -2))))
    (call $forget (local.get $entry))
    ;; The last one takes its place.
    (global.set $registered (i32.sub (global.get $registered) (i32.const 1)))
    (memory.copy (local.get $entry) (call $end) (i32.const 16))
    (call $moved (call $end) (local.get $entry))
    (i32.const 0))

  ;; ── Events ───────────────────────────────────────────────────────────────────────────────────

  ;; Where the event with this number stands.
  (func $event (param $number i32) (result i32)
    (i32.add (i32.const 20480) (i32.shl (local.get $number) (i32.const 3))))

  (func $append (param $entry i32) (param $code i32)
    (local $event i32)
    (local.set $event (call $event (global.get $events)))
    (i32.store (local.get $event) (local.get $entry))
    (i32.store offset=4 (local.get $event) (local.get $code))
    (global.set $events (i32.add (global.get $events) (i32.const 1))))

  (func $remove (param $number i32)
    (global.set $events (i32.sub (global.get $events) (i32.const 1)))
    (memory.copy
      (call $event (local.get $number))
      (call $event (i32.add (local.get $number) (i32.const 1)))
      (i32.shl (i32.sub (global.get $events) (local.get $number)) (i32.const 3))))

  ;; Takes away all events of the waitable with this entry.
  (func $forget (param $entry i32)
    (local $number i32)
    (local.set $number (global.get $events))
    (block $done
      (loop $next
        (br_if $done (i32.eqz (local.get $number)))
        (local.set $number (i32.sub (local.get $number) (i32.const 1)))
        (if (i32.eq (i32.load (call $event (local.get $number))) (local.get $entry))
          (then (call $remove (local.get $number))))
        (br $next))))

  ;; A waitable's entry moved: its events are told where to.
  (func $moved (param $from i32) (param $to i32)
    (local $event i32)
    (local.set $event (call $event (global.get $events)))
    (block $done
      (loop $next
        (br_if $done (i32.eq (local.get $event) (i32.const 20480)))
        (local.set $event (i32.sub (local.get $event) (i32.const 8)))
        (br_if $next (i32.ne (i32.load (local.get $event)) (local.get $from)))
        (i32.store (local.get $event) (local.get $to))
        (br $next))))

  ;; Something happened to a waitable, by its code, 1 to 5. 1: the event waits to be taken. 0: the same
  ;; one waits already. -2: the waitable is in no set. -4: it was cancelled. -6: there is no such code.
  (func $meld:events-notify (export "notify") (param $waitable i32) (param $code i32) (result i32)
    (local $entry i32) (local $codes i32) (local $bit i32)
    (if (i32.ge_u (i32.sub (local.get $code) (i32.const 1)) (i32.const 5))
      (then (return (i32.const -6))))
    (local.set $entry (call $entry (local.get $waitable)))
    (if (i32.eqz (local.get $entry)) (then (return (i32.const -2))))
    (if (i32.load offset=12 (local.get $entry)) (then (return (i32.const -4))))
    (local.set $codes (i32.load offset=8 (local.get $entry)))
    (local.set $bit (i32.shl (i32.const 1) (local.get $code)))
    (if (i32.and (local.get $codes) (local.get $bit)) (then (return (i32.const 0))))
    (i32.store offset=8 (local.get $entry) (i32.or (local.get $codes) (local.get $bit)))
    (call $append (local.get $entry) (local.get $code))
    (i32.const 1))

  ;; A waitable is cancelled: of all its events only `cancelled` is left to take, once. 1; 0 if it was
  ;; cancelled before; -2 if it is in no set.
  (func $meld:events-cancel (export "cancel") (param $waitable i32) (result i32)
    (local $entry i32)
    (local.set $entry (call $entry (local.get $waitable)))
    (if (i32.eqz (local.get $entry)) (then (return (i32.const -2))))
    (if (i32.load offset=12 (local.get $entry)) (then (return (i32.const 0))))
    (call $forget (local.get $entry))
    (i32.store offset=8 (local.get $entry) (i32.const 0x40))
    (i32.store offset=12 (local.get $entry) (i32.const 1))
    (call $append (local.get $entry) (i32.const 6))
    (i32.const 1))

  ;; Takes the oldest event of a set: its code in the low half, the waitable in the high one. 0 if there
  ;; is none, -2 if this is no set.
  (func $meld:events-waitable-set.poll (export "waitable-set.poll") (param $set i32) (result i64)
    (local $number i32) (local $event i32) (local $entry i32) (local $found i64)
    (if (i32.eqz (call $is-set (local.get $set))) (then (return (i64.const -2))))
    (loop $next
      (if (i32.eq (local.get $number) (global.get $events)) (then (return (i64.const 0))))
      (local.set $event (call $event (local.get $number)))
      (local.set $entry (i32.load (local.get $event)))
      (if (i32.ne (i32.load offset=4 (local.get $entry)) (local.get $set))
        (then
          (local.set $number (i32.add (local.get $number) (i32.const 1)))
          (br $next))))
    (local.set $found
      (i64.or
        (i64.load32_u offset=4 (local.get $event))
        (i64.shl (i64.load32_u (local.get $entry)) (i64.const 32))))
    (i32.store offset=8 (local.get $entry)
      (i32.and
        (i32.load offset=8 (local.get $entry))
        (i32.xor
          (i32.shl (i32.const 1) (i32.load offset=4 (local.get $event)))
          (i32.const -1))))
    (call $remove (local.get $number))
    (local.get $found))
)
