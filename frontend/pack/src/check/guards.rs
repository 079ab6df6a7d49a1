//! Guards that cannot all hold.
//!
//! Only certain cases are reported: a fact and its negation, comparisons of constants, a pattern
//! compared with itself, and comparisons of one pattern with numbers that leave no number. An
//! error here is a rule that provably never fires, whatever the input.

use super::Checker;
use super::node::{GuardKind, GuardNode, Node, NodeKind};
use crate::ast::Span;
use crate::diagnostic::Code;
use crate::ruleset::Comparison;

/// Guards of one rule that are compared with each other; packs with more are not written by hand.
const MAX_GUARDS: usize = 256;

impl Checker<'_> {
    /// Reports the first contradiction.
    pub(super) fn possible(&mut self, guards: &[GuardNode]) {
        let guards = &guards[..guards.len().min(MAX_GUARDS)];
        for (position, guard) in guards.iter().enumerate() {
            if never(guard) {
                self.sink
                    .error(Code::Impossible, "the guard never holds")
                    .label(guard.span, "never true");
                return;
            }
            if let Some(other) = guards[..position].iter().find(|other| contradict(guard, other)) {
                self.sink
                    .error(Code::Impossible, "the guards cannot both hold")
                    .label(guard.span, "this contradicts")
                    .context(other.span, "this");
                return;
            }
        }
        if let Some((guard, other)) = empty_range(guards) {
            self.sink
                .error(Code::Impossible, "no number is left that the guards allow")
                .label(guard, "this leaves none")
                .context(other, "of what this leaves");
        }
    }
}

/// Whether a guard is false for every match.
fn never(guard: &GuardNode) -> bool {
    let GuardKind::Compare { left, op, right } = &guard.kind else { return false };
    match (&left.kind, &right.kind) {
        (NodeKind::Int(a), NodeKind::Int(b)) => !holds(*a, *op, *b),
        (NodeKind::Str(a), NodeKind::Str(b)) => (a == b) != (*op == Comparison::Equal),
        _ => {
            let strict =
                matches!(op, Comparison::NotEqual | Comparison::Less | Comparison::Greater);
            strict && left.same(right)
        }
    }
}

fn holds(a: i64, op: Comparison, b: i64) -> bool {
    match op {
        Comparison::Equal => a == b,
        Comparison::NotEqual => a != b,
        Comparison::Less => a < b,
        Comparison::LessOrEqual => a <= b,
        Comparison::Greater => a > b,
        Comparison::GreaterOrEqual => a >= b,
    }
}

/// Whether two guards never hold together.
pub(super) fn contradict(a: &GuardNode, b: &GuardNode) -> bool {
    match (&a.kind, &b.kind) {
        (
            GuardKind::Fact { fact: f, args: x, negated: p },
            GuardKind::Fact { fact: g, args: y, negated: n },
        ) => {
            let (positive, negative) = if *p { (y, x) } else { (x, y) };
            f == g && p != n && positive.iter().zip(negative).all(|(p, n)| covers(n, p))
        }
        (
            GuardKind::Compare { left: a, op: p, right: b },
            GuardKind::Compare { left: c, op: q, right: d },
        ) => {
            let same = (a.same(c) && b.same(d)) && exclude(*p, *q);
            let mirrored = (a.same(d) && b.same(c)) && exclude(*p, mirror(*q));
            same || mirrored
        }
        _ => false,
    }
}

/// Whether everything that `special` stands for is among what `general` matches.
fn covers(general: &Node, special: &Node) -> bool {
    match (&general.kind, &special.kind) {
        (NodeKind::Wildcard, _) => true,
        (NodeKind::Term(a, xs), NodeKind::Term(b, ys)) => {
            a == b && xs.len() == ys.len() && xs.iter().zip(ys).all(|(x, y)| covers(x, y))
        }
        _ => general.same(special),
    }
}

/// Whether `x P y` and `x Q y` are never both true.
fn exclude(p: Comparison, q: Comparison) -> bool {
    // Which of `x < y`, `x == y`, `x > y` a comparison allows.
    let allows = |op| match op {
        Comparison::Equal => 0b010,
        Comparison::NotEqual => 0b101,
        Comparison::Less => 0b100,
        Comparison::LessOrEqual => 0b110,
        Comparison::Greater => 0b001,
        Comparison::GreaterOrEqual => 0b011,
    };
    allows(p) & allows(q) == 0
}

/// The comparison with its sides exchanged.
fn mirror(op: Comparison) -> Comparison {
    match op {
        Comparison::Less => Comparison::Greater,
        Comparison::LessOrEqual => Comparison::GreaterOrEqual,
        Comparison::Greater => Comparison::Less,
        Comparison::GreaterOrEqual => Comparison::LessOrEqual,
        same => same,
    }
}

/// Two comparisons of one pattern with numbers, between which no number is.
fn empty_range(guards: &[GuardNode]) -> Option<(Span, Span)> {
    let bounds: Vec<(&Node, i128, i128, Span)> = guards
        .iter()
        .filter_map(|guard| {
            let GuardKind::Compare { left, op, right } = &guard.kind else { return None };
            let (subject, op, number) = match (&left.kind, &right.kind) {
                (_, NodeKind::Int(number)) => (left, *op, i128::from(*number)),
                (NodeKind::Int(number), _) => (right, mirror(*op), i128::from(*number)),
                _ => return None,
            };
            let (low, high) = (i128::from(i64::MIN), i128::from(i64::MAX));
            let (low, high) = match op {
                Comparison::Equal => (number, number),
                Comparison::NotEqual => return None,
                Comparison::Less => (low, number - 1),
                Comparison::LessOrEqual => (low, number),
                Comparison::Greater => (number + 1, high),
                Comparison::GreaterOrEqual => (number, high),
            };
            Some((subject, low, high, guard.span))
        })
        .collect();
    for (position, (subject, low, high, span)) in bounds.iter().enumerate() {
        for (other, other_low, other_high, other_span) in &bounds[..position] {
            if subject.same(other) && low.max(other_low) > high.min(other_high) {
                return Some((*span, *other_span));
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `exclude` and `mirror` against what the comparisons say of numbers.
    #[test]
    fn comparisons() {
        use Comparison::*;
        let all = [Equal, NotEqual, Less, LessOrEqual, Greater, GreaterOrEqual];
        let pairs = [(1, 2), (2, 2), (2, 1)];
        for p in all {
            for (a, b) in pairs {
                assert_eq!(holds(a, p, b), holds(b, mirror(p), a), "{p:?}");
            }
            for q in all {
                let both = pairs.iter().any(|(a, b)| holds(*a, p, *b) && holds(*a, q, *b));
                assert_eq!(exclude(p, q), !both, "{p:?} {q:?}");
            }
        }
    }
}
