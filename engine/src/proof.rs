//! Proofs of decisions: chains of steps from a seed to what was chosen.
//!
//! A step is an event at the root of the term, or congruence: equal arguments, each by a proof
//! of its own. Proofs are shared by their two ends, so that a thousand ports that rest on one
//! derivation hold it once.

use crate::error::EngineError;
use crate::graph::{Edge, Graph, Why};
use crate::term::Term;
use std::collections::{HashMap, HashSet};

/// Index into [`Proofs::all`].
pub type ProofId = u32;

/// One step from a term to an equal one.
#[derive(Clone, Debug)]
pub struct Step {
    /// The term before.
    pub from: Term,
    /// The term after.
    pub to: Term,
    /// Why they are equal.
    pub reason: Reason,
}

/// Why two terms are equal.
#[derive(Clone, Debug)]
pub enum Reason {
    /// An event, from its left to its right side or back.
    Event {
        /// Index into the events of the run.
        event: u32,
        /// From left to right.
        forward: bool,
    },
    /// The same operator on equal arguments; a proof for each argument that differs.
    Congruence(Vec<Option<ProofId>>),
}

/// A chain of steps.
#[derive(Clone, Debug)]
pub struct Proof {
    /// The first term.
    pub from: Term,
    /// The last term.
    pub to: Term,
    /// The steps; none where the two are one term.
    pub steps: Vec<Step>,
}

/// All proofs of a run; each rests only on those before it.
#[derive(Debug, Default)]
pub struct Proofs {
    /// The proofs.
    pub all: Vec<Proof>,
    known: HashMap<(Term, Term), ProofId>,
}

/// A proof under construction.
struct Frame {
    from: Term,
    to: Term,
    links: Vec<Link>,
}

/// A step whose arguments are not proved yet.
struct Link {
    from: Term,
    to: Term,
    why: Why,
    forward: bool,
}

impl Proofs {
    /// Proves that two terms are equal, and all that this rests on.
    pub fn prove(&mut self, graph: &Graph, from: Term, to: Term) -> Result<ProofId, EngineError> {
        let mut open: HashSet<(Term, Term)> = HashSet::from([(from, to)]);
        let mut stack = vec![self.frame(graph, from, to)?];
        while let Some(frame) = stack.last() {
            let missing = frame
                .links
                .iter()
                .filter(|link| link.why == Why::Congruence)
                .flat_map(|link| arguments(graph, link))
                .find(|(a, b)| a != b && !self.known.contains_key(&(*a, *b)));
            if let Some((a, b)) = missing {
                if !open.insert((a, b)) {
                    return Err(EngineError::Internal("a proof rests on itself".into()));
                }
                stack.push(self.frame(graph, a, b)?);
                continue;
            }
            let steps = frame.links.iter().map(|link| self.step(graph, link)).collect();
            let id = self.all.len() as ProofId;
            self.known.insert((frame.from, frame.to), id);
            self.all.push(Proof { from: frame.from, to: frame.to, steps });
            stack.pop();
        }
        Ok(self.known[&(from, to)])
    }

    fn frame(&self, graph: &Graph, from: Term, to: Term) -> Result<Frame, EngineError> {
        let path = graph
            .path(from, to)
            .ok_or_else(|| EngineError::Internal("two terms of a class have no proof".into()))?;
        let mut links: Vec<Link> = Vec::new();
        for Edge { from, to, why, forward } in path {
            match links.last_mut() {
                // Neighbouring congruences are one: same operator, equal arguments throughout.
                Some(last) if last.why == Why::Congruence && why == Why::Congruence => {
                    last.to = to;
                }
                _ => links.push(Link { from, to, why, forward }),
            }
        }
        Ok(Frame { from, to, links })
    }

    fn step(&self, graph: &Graph, link: &Link) -> Step {
        let reason = match link.why {
            Why::Event(event) => Reason::Event { event, forward: link.forward },
            Why::Congruence => Reason::Congruence(
                arguments(graph, link)
                    .map(|(a, b)| (a != b).then(|| self.known[&(a, b)]))
                    .collect(),
            ),
        };
        Step { from: link.from, to: link.to, reason }
    }

    /// The proof behind an id.
    pub fn get(&self, id: ProofId) -> &Proof {
        &self.all[id as usize]
    }
}

fn arguments<'g>(graph: &'g Graph, link: &Link) -> impl Iterator<Item = (Term, Term)> + 'g {
    let bank = graph.bank();
    bank.children(link.from).iter().copied().zip(bank.children(link.to).iter().copied())
}
