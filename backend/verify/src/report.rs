//! What a comparison found, for people and for programs.

use serde::Serialize;
use std::collections::{BTreeMap, HashSet};
use std::fmt;

/// What the instantiation is called among calls.
pub(crate) const INSTANTIATE: &str = "(instantiate)";

/// The export that starts a core module whose start functions are not in a start section.
pub(crate) const INITIALIZE: &str = "_initialize";

/// What a call is given up on for, where `--fuel` helps.
pub(crate) const OUT_OF_FUEL: &str = "out of fuel";

/// How the reason begins where the engine itself failed.
pub(crate) const ENGINE_PANICKED: &str = "the engine panicked, which is a fault of the engine";

/// Why a function is not called where instantiating does not get through.
pub(crate) const NO_INSTANCE: &str = "instantiating ends in a trap or is given up on";

/// What a comparison found.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// Functions that only one of the two has, or that have two types.
    pub world: Vec<String>,
    /// Every call, in order.
    pub calls: Vec<Call>,
    /// Functions that were not called.
    pub skipped: Vec<Skipped>,
}

/// One call of both components with the same arguments.
#[derive(Clone, Debug, Serialize)]
pub struct Call {
    /// Names from the root down, joined by `#`; `(instantiate)` for the instantiation.
    pub function: String,
    /// The arguments, in the manner of WAVE.
    pub arguments: String,
    /// The call was made on instances that had trapped: it must trap again.
    pub after_trap: bool,
    /// What became of the call in the original.
    pub original: Outcome,
    /// What became of it in the fused component.
    pub fused: Outcome,
    /// What the two tell.
    pub verdict: Verdict,
}

/// What two outcomes of one call tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Nobody outside could tell the two apart.
    Same,
    /// They differ.
    Different,
    /// At least one side was given up on before it ended, and up to there the two did the same.
    Inconclusive,
}

/// What became of a call.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// How it ended.
    pub ended: Ended,
    /// Calls of imported functions, in order.
    pub host_calls: Vec<HostCall>,
}

/// How a call ended.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// It returned: the result in the manner of WAVE, empty for functions without a result.
    Returned(String),
    /// It trapped: the reason in the engine's words, and what meld calls it (`meld:trap:..`) where a
    /// check of meld's trapped.
    Trapped(String),
    /// It came to no end of its own: a limit was met, which each side meets at another place, or
    /// the engine itself failed. Which limit, or how it failed.
    GivenUp(String),
}

/// A call of an imported function, or the drop of a host's resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HostCall {
    /// Names from the root down, joined by `#`.
    pub function: String,
    /// The arguments, in the manner of WAVE.
    pub arguments: String,
}

/// A function that was not called.
#[derive(Clone, Debug, Serialize)]
pub struct Skipped {
    /// Names from the root down, joined by `#`.
    pub function: String,
    /// Why.
    pub reason: String,
}

impl Outcome {
    /// Nothing came of it.
    pub(crate) fn given_up(reason: String) -> Self {
        Outcome { ended: Ended::GivenUp(reason), host_calls: Vec::new() }
    }

    /// Compares what can be seen from outside. What traps say is not compared. A side that was
    /// given up on might have gone on: only the host calls that it made count against it.
    pub fn verdict(&self, other: &Outcome) -> Verdict {
        let given_up = |outcome: &Outcome| matches!(outcome.ended, Ended::GivenUp(_));
        let (a, b) = (&self.host_calls, &other.host_calls);
        let same = match (given_up(self), given_up(other)) {
            (true, true) => a.starts_with(b) || b.starts_with(a),
            (true, false) => b.starts_with(a),
            (false, true) => a.starts_with(b),
            (false, false) => {
                a == b
                    && match (&self.ended, &other.ended) {
                        (Ended::Returned(a), Ended::Returned(b)) => a == b,
                        (Ended::Trapped(_), Ended::Trapped(_)) => true,
                        _ => false,
                    }
            }
        };
        match same {
            false => Verdict::Different,
            true if given_up(self) || given_up(other) => Verdict::Inconclusive,
            true => Verdict::Same,
        }
    }
}

impl Report {
    /// Every call was compared to its end, and nothing tells the two apart.
    pub fn same(&self) -> bool {
        !self.different() && self.count(Verdict::Inconclusive) == 0
    }

    /// Something tells the two apart.
    pub fn different(&self) -> bool {
        !self.world.is_empty() || self.count(Verdict::Different) > 0
    }

    /// No function was called, though there are some, or though instantiating did not get through.
    pub fn nothing_called(&self) -> bool {
        let begins = |call: &Call| [INSTANTIATE, INITIALIZE].contains(&call.function.as_str());
        let stops = |call: &Call| !matches!(call.original.ended, Ended::Returned(_));
        self.calls.iter().all(begins) && (!self.skipped.is_empty() || self.calls.iter().any(stops))
    }

    /// Functions that trapped on both sides after they had called the host, each once: its answers are
    /// generated, and a guest may stop on what no real host says.
    pub fn stopped_after_answers(&self) -> Vec<&str> {
        let stops = |outcome: &Outcome| {
            matches!(outcome.ended, Ended::Trapped(_)) && !outcome.host_calls.is_empty()
        };
        self.functions_with(|call| stops(&call.original) && stops(&call.fused))
    }

    /// Functions that were given up on, on either side, because fuel was used up, each once.
    pub fn out_of_fuel(&self) -> Vec<&str> {
        self.given_up_for(|reason| reason == OUT_OF_FUEL)
    }

    /// Functions that were given up on, on either side, because the engine itself failed, each once.
    pub fn engine_failed(&self) -> Vec<&str> {
        self.given_up_for(|reason| reason.starts_with(ENGINE_PANICKED))
    }

    /// Functions that were given up on, on either side, for any other reason, each once.
    pub fn limited(&self) -> Vec<&str> {
        self.given_up_for(|reason| reason != OUT_OF_FUEL && !reason.starts_with(ENGINE_PANICKED))
    }

    fn given_up_for(&self, why: impl Fn(&str) -> bool) -> Vec<&str> {
        let given_up = |outcome: &Outcome| match &outcome.ended {
            Ended::GivenUp(reason) => why(reason),
            _ => false,
        };
        self.functions_with(|call| given_up(&call.original) || given_up(&call.fused))
    }

    /// Functions with such a call, each once, in the order of the calls.
    fn functions_with(&self, such: impl Fn(&Call) -> bool) -> Vec<&str> {
        let calls = self.calls.iter().filter(|call| such(call));
        let (mut seen, functions) = (HashSet::new(), calls.map(|call| call.function.as_str()));
        functions.filter(|function| seen.insert(*function)).collect()
    }

    /// How many calls have a verdict.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.with(verdict).count()
    }

    fn with(&self, verdict: Verdict) -> impl Iterator<Item = &Call> {
        self.calls.iter().filter(move |call| call.verdict == verdict)
    }
}

/// At most this many calls of a verdict are written out, and at most this many functions listed.
const SHOWN: usize = 10;

/// The first few of some names, separated by commas, and how many more there are.
pub fn names(all: &[&str]) -> String {
    let shown = all.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
    match all.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for difference in &self.world {
            writeln!(f, "world: {difference}")?;
        }
        self.functions(f)?;
        for verdict in [Verdict::Different, Verdict::Inconclusive] {
            for call in self.with(verdict).take(SHOWN) {
                write!(f, "{call}")?;
            }
            let count = self.count(verdict);
            if count > SHOWN {
                writeln!(f, "... and {} more {verdict}", count - SHOWN)?;
            }
        }
        for Skipped { function, reason } in &self.skipped {
            writeln!(f, "skipped {function}: {reason}")?;
        }
        let stopped = self.stopped_after_answers();
        if !stopped.is_empty() {
            writeln!(
                f,
                "compared up to a trap, before which the host's answers were generated: {}",
                names(&stopped)
            )?;
        }
        writeln!(
            f,
            "{}, {} different, {} inconclusive; {} skipped",
            count(self.calls.len(), "call"),
            self.count(Verdict::Different),
            self.count(Verdict::Inconclusive),
            count(self.skipped.len(), "function"),
        )
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Verdict::Same => "same",
            Verdict::Different => "different",
            Verdict::Inconclusive => "inconclusive",
        })
    }
}

impl Report {
    /// One line for each way in which calls of a function went, but for those that differ: how often,
    /// and the first such call. Functions come in the order of their first calls, and so do the ways
    /// of one function.
    fn functions(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut functions, mut ways) = (BTreeMap::new(), BTreeMap::new());
        for (number, call) in self.calls.iter().enumerate() {
            let function = *functions.entry(&call.function).or_insert(number);
            if call.verdict != Verdict::Different {
                ways.entry((function, call.way())).or_insert((number, call, 0)).2 += 1;
            }
        }
        let mut lines: Vec<_> = ways.into_iter().collect();
        lines.sort_by_key(|((function, _), (number, ..))| (*function, *number));
        for (_, (_, call, count)) in lines {
            let times = if count == 1 { "once".to_string() } else { format!("{count} times") };
            let Call { verdict, function, .. } = call;
            let (arguments, again) = (around(&call.arguments, 0), call.again());
            let outcome = ended(call.outcome(), 0);
            let comma = if call.after_trap { "," } else { "" };
            writeln!(f, "{verdict}, {times}: {function}{arguments}{again}{comma} {outcome}")?;
        }
        Ok(())
    }
}

/// In which way a call went: whether after a trap, how it ended, and the reason unless it returned.
type Way<'a> = (bool, u8, &'a str);

impl Call {
    /// What a line says of both sides: that one was given up on, or what became of the fused one.
    fn outcome(&self) -> &Ended {
        match &self.original.ended {
            given_up @ Ended::GivenUp(_) => given_up,
            _ => &self.fused.ended,
        }
    }

    fn way(&self) -> Way<'_> {
        let (kind, reason) = match self.outcome() {
            Ended::Returned(_) => (0, ""),
            Ended::Trapped(reason) => (1, reason.as_str()),
            Ended::GivenUp(reason) => (2, reason.as_str()),
        };
        (self.after_trap, kind, reason)
    }

    fn again(&self) -> &'static str {
        if self.after_trap { ", after a trap" } else { "" }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (arguments, again) = (around(&self.arguments, 0), self.again());
        writeln!(f, "{}: {}{arguments}{again}", self.verdict, self.function)?;
        let (a, b) = (&self.original, &self.fused);
        let differ = match (&a.ended, &b.ended) {
            (Ended::Returned(a), Ended::Returned(b)) => first_difference(a, b),
            _ => 0,
        };
        writeln!(f, "  original: {}", ended(&a.ended, differ))?;
        writeln!(f, "  fused:    {}", ended(&b.ended, differ))?;
        if a.host_calls != b.host_calls {
            let same = a.host_calls.iter().zip(&b.host_calls).take_while(|(a, b)| a == b).count();
            for (side, calls) in [("original:", &a.host_calls), ("fused:   ", &b.host_calls)] {
                match calls.get(same) {
                    Some(HostCall { function, arguments }) => {
                        let arguments = around(arguments, 0);
                        writeln!(f, "  {side} host call {same} is {function}{arguments}")?;
                    }
                    None => writeln!(f, "  {side} makes {}", count(same, "host call"))?,
                }
            }
        }
        Ok(())
    }
}

fn ended(ended: &Ended, differ: usize) -> String {
    match ended {
        Ended::Returned(value) if value.is_empty() => "returned".to_string(),
        Ended::Returned(value) => format!("returned {}", around(value, differ)),
        Ended::Trapped(reason) => format!("trapped: {reason}"),
        Ended::GivenUp(reason) => format!("given up: {reason}"),
    }
}

fn count(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

fn first_difference(a: &str, b: &str) -> usize {
    a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count()
}

/// The part of a long text around a byte offset.
fn around(text: &str, at: usize) -> String {
    const BEFORE: usize = 40;
    const LENGTH: usize = 160;
    if text.len() <= LENGTH {
        return text.to_string();
    }
    let floor = |i: usize| (0..=i.min(text.len())).rev().find(|&i| text.is_char_boundary(i));
    let start = floor(at.saturating_sub(BEFORE)).unwrap_or(0);
    let end = floor(start + LENGTH).unwrap_or(text.len());
    let before = if start > 0 { "..." } else { "" };
    let after = if end < text.len() { "..." } else { "" };
    format!("{before}{}{after}", &text[start..end])
}
