//! The order of instantiation: providers first.

use super::{CoreLinkError, Links};
use crate::decode::CoreInput;
use crate::program::CoreKind;

/// Positions of the inputs in the order in which they are instantiated: every input after those
/// it imports from, otherwise as given. Inputs that import from each other in a circle are
/// ordered by what they import apart from functions, which need no order.
pub(super) fn instances(inputs: &[CoreInput], links: &Links) -> Result<Vec<usize>, CoreLinkError> {
    let count = inputs.len();
    // needs[i][j]: i imports from j; hard[i][j]: something that is not a function.
    let mut needs = vec![vec![false; count]; count];
    let mut hard = vec![vec![false; count]; count];
    for (i, input) in inputs.iter().enumerate() {
        for (import, link) in input.module.imports.iter().zip(&links[i]) {
            if let Some((provider, _)) = link {
                needs[i][*provider] = true;
                hard[i][*provider] |= !matches!(import.kind, CoreKind::Func(_));
            }
        }
    }
    let reaches: Vec<Vec<bool>> = (0..count).map(|i| reachable(&needs, i)).collect();
    let circle = |i: usize, j: usize| i == j || reaches[i][j] && reaches[j][i];

    let mut placed = vec![false; count];
    let mut order = Vec::with_capacity(count);
    while order.len() < count {
        let ready = |i: usize| {
            (0..count).all(|j| {
                let waits = if circle(i, j) { hard[i][j] } else { reaches[i][j] };
                !waits || placed[j]
            })
        };
        let Some(next) = (0..count).find(|i| !placed[*i] && ready(*i)) else {
            // Whoever waits for nobody outside of its circle is stuck in it.
            let outside =
                |i: usize| (0..count).any(|j| !circle(i, j) && reaches[i][j] && !placed[j]);
            let stuck = (0..count).find(|i| !placed[*i] && !outside(*i)).unwrap_or(0);
            let circle = (0..count).filter(|j| circle(stuck, *j) && !placed[*j]);
            let inputs = circle.map(|j| inputs[j].name.clone()).collect();
            return Err(CoreLinkError::Cycle { inputs });
        };
        placed[next] = true;
        order.push(next);
    }
    Ok(order)
}

/// What can be reached from `from` in at least one step.
fn reachable(needs: &[Vec<bool>], from: usize) -> Vec<bool> {
    let mut seen = vec![false; needs.len()];
    let mut todo = vec![from];
    while let Some(at) = todo.pop() {
        for (j, needed) in needs[at].iter().enumerate() {
            if *needed && !seen[j] {
                seen[j] = true;
                todo.push(j);
            }
        }
    }
    seen
}
