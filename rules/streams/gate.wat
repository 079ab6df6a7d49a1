;; The gate of one instance. Backpressure closes it: calls that are inside go on, others wait in line.
;; A call cannot block, so waiting is to hold a ticket and ask again. `docs/async-modules.md` says more.
(module
  (import "" "waiting" (global $most i32))

  ;; Backpressure is on.
  (global $enabled (export "enabled") (mut i32) (i32.const 0))
  ;; Calls that entered and have not left.
  (global $inside (export "inside") (mut i32) (i32.const 0))
  ;; The first ticket in line, and the one that is given out next. Wrapping, of which a ticket shows
  ;; 30 bits.
  (global $first (export "first") (mut i32) (i32.const 0))
  (global $next (export "next") (mut i32) (i32.const 0))
  ;; Which tickets in line are still waited with, by their number modulo 64. The first one always is.
  (global $held (export "held") (mut i64) (i64.const 0))

  (func $meld:gate-enable (export "enable") (global.set $enabled (i32.const 1)))
  (func $meld:gate-disable (export "disable") (global.set $enabled (i32.const 0)))
  (func $meld:gate-is-enabled (export "is-enabled") (result i32) (global.get $enabled))

  ;; How many calls entered and have not left.
  (func $meld:gate-pending (export "pending") (result i32) (global.get $inside))

  ;; The bit of a number.
  (func $bit (param $number i32) (result i64)
    (i64.shl (i64.const 1) (i64.extend_i32_u (local.get $number))))

  ;; A call comes. 0: it has entered. Above 0: the ticket that it waits with, as the gate is closed or
  ;; others are in line. -3: as many wait as may, 64 numbers are in line, or no more calls can be counted.
  (func $meld:gate-enter (export "enter") (result i32)
    (local $number i32)
    (if (i32.eq (global.get $inside) (i32.const -1)) (then (return (i32.const -3))))
    (local.set $number (global.get $next))
    (if (i32.and
          (i32.eqz (global.get $enabled))
          (i32.eq (global.get $first) (local.get $number)))
      (then
        (global.set $inside (i32.add (global.get $inside) (i32.const 1)))
        (return (i32.const 0))))
    ;; Those who gave up behind the first in line take up a number, and no room.
    (if (i32.or
          (i64.ge_u (i64.popcnt (global.get $held)) (i64.extend_i32_u (global.get $most)))
          (i32.ge_u (i32.sub (local.get $number) (global.get $first)) (i32.const 64)))
      (then (return (i32.const -3))))
    (global.set $held (i64.or (global.get $held) (call $bit (local.get $number))))
    (global.set $next (i32.add (local.get $number) (i32.const 1)))
    (i32.or (i32.const 0x40000000) (i32.and (local.get $number) (i32.const 0x3fffffff))))

  ;; Where a ticket stands in line, from 0; -2 if it is no ticket that is waited with.
  (func $place (param $ticket i32) (result i32)
    (local $place i32)
    (local.set $place
      (i32.and
        (i32.sub (local.get $ticket) (global.get $first))
        (i32.const 0x3fffffff)))
    (if (i32.or
          (i32.ne (i32.shr_u (local.get $ticket) (i32.const 30)) (i32.const 1))
          (i32.ge_u (local.get $place) (i32.sub (global.get $next) (global.get $first))))
      (then (return (i32.const -2))))
    (if (i64.eqz (i64.and (global.get $held) (call $bit (local.get $ticket))))
      (then (return (i32.const -2))))
    (local.get $place))

  ;; Takes a ticket out of the line, and from its front all that nobody waits with.
  (func $give-up (param $ticket i32)
    (global.set $held
      (i64.and
        (global.get $held)
        (i64.xor (call $bit (local.get $ticket)) (i64.const -1))))
    (block $done
      (loop $next-one
        (br_if $done (i32.eq (global.get $first) (global.get $next)))
        (br_if $done
          (i64.ne (i64.and (global.get $held) (call $bit (global.get $first))) (i64.const 0)))
        (global.set $first (i32.add (global.get $first) (i32.const 1)))
        (br $next-one))))

  ;; A waiting call asks again. 0: it has entered. -5: it waits on, as the gate is closed or others
  ;; stand before it. -2: the ticket is not one that is waited with.
  (func $meld:gate-resume (export "resume") (param $ticket i32) (result i32)
    (local $place i32)
    (local.set $place (call $place (local.get $ticket)))
    (if (i32.lt_s (local.get $place) (i32.const 0)) (then (return (local.get $place))))
    (if (i32.or
          (i32.or (global.get $enabled) (local.get $place))
          (i32.eq (global.get $inside) (i32.const -1)))
      (then (return (i32.const -5))))
    (call $give-up (local.get $ticket))
    (global.set $inside (i32.add (global.get $inside) (i32.const 1)))
    (i32.const 0))

  ;; A waiting call does not wait any longer. 1: its place is free. -2: as for `resume`.
  (func $meld:gate-cancel (export "cancel") (param $ticket i32) (result i32)
    (local $place i32)
    (local.set $place (call $place (local.get $ticket)))
    (if (i32.lt_s (local.get $place) (i32.const 0)) (then (return (local.get $place))))
    (call $give-up (local.get $ticket))
    (i32.const 1))

  ;; A call that is inside ends. -6 if none is.
  (func $meld:gate-leave (export "leave") (result i32)
    (if (i32.eqz (global.get $inside)) (then (return (i32.const -6))))
    (global.set $inside (i32.sub (global.get $inside) (i32.const 1)))
    (i32.const 0))
)
