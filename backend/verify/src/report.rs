//! What a comparison found, for people and for programs.

use serde::Serialize;
use std::fmt;

/// What the instantiation is called among calls.
pub(crate) const INSTANTIATE: &str = "(instantiate)";

/// The export that starts a core module whose start functions are not in a start section.
pub(crate) const INITIALIZE: &str = "_initialize";

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
        let mut functions = Vec::new();
        for call in &self.calls {
            let stops = |outcome: &Outcome| {
                matches!(outcome.ended, Ended::Trapped(_)) && !outcome.host_calls.is_empty()
            };
            let function = call.function.as_str();
            if stops(&call.original) && stops(&call.fused) && !functions.contains(&function) {
                functions.push(function);
            }
        }
        functions
    }

    /// How many calls have a verdict.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.with(verdict).count()
    }

    fn with(&self, verdict: Verdict) -> impl Iterator<Item = &Call> {
        self.calls.iter().filter(move |call| call.verdict == verdict)
    }
}

/// At most this many calls of a verdict are written out.
const SHOWN: usize = 10;

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
            let shown = stopped.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
            let more = match stopped.len().saturating_sub(SHOWN) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            writeln!(
                f,
                "compared up to a trap, before which the host's answers were generated: {shown}{more}"
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
    /// One line a function that went alike: how often it was called, and its first call.
    fn functions(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.calls.as_slice();
        while let Some((first, _)) = rest.split_first() {
            let count = rest.iter().take_while(|call| call.function == first.function).count();
            let (calls, others) = rest.split_at(count);
            rest = others;
            if calls.iter().all(|call| call.verdict == Verdict::Same) {
                let times = if count == 1 { "once".to_string() } else { format!("{count} times") };
                let (function, arguments) = (&first.function, around(&first.arguments, 0));
                writeln!(
                    f,
                    "same, {times}: {function}{arguments} {}",
                    ended(&first.fused.ended, 0)
                )?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let again = if self.after_trap { ", after a trap" } else { "" };
        let arguments = around(&self.arguments, 0);
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
