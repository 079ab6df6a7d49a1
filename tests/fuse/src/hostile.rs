//! Guests that pass wrong, stale, foreign and huge handles, and right ones, in random order: an
//! unfused and fused components, and a [model](model) that knows which objects are named, agree on
//! every result, every trap and every object that is destroyed. Nobody's memory is written to.

pub mod model;

use crate::batch::{Live, Subject, trap_name};
use meld_suite::handles::Fault;
use meld_verify::Rng;
use model::{Act, Guest, Model};

/// The guests, as one component in text.
pub const GUESTS: &str = include_str!("hostile/guests.wat");

const UNFUSED: &str = "unfused";

/// More operations than most sequences come to.
const MOST: usize = 60;

/// Handles that are nobody's, among them such whose entries would lie where another's does if an
/// address were cut to 32 bits.
const FAR: [u32; 9] = [
    0,
    1 << 28,
    (1 << 28) - 1,
    (1 << 28) + 1,
    (1 << 28) + 2,
    (1 << 30) + 1,
    (1 << 31) + 1,
    (15 << 28) + 2,
    u32::MAX,
];

/// What one sequence came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// Operations that returned.
    pub returned: usize,
    /// Why the last one did not, if it did not.
    pub fault: Option<Fault>,
}

/// Draws operations, most of which are all right, and runs them until one traps.
///
/// # Errors
///
/// If they do not agree: all operations, and what the last one did.
pub fn sequence(
    unfused: &Subject,
    fused: &[(&'static str, Subject)],
    seed: u64,
    number: u64,
) -> Result<Ran, String> {
    let mut rng = Rng::new(seed, "hostile guests", number);
    let mut model = Model::default();
    let live = |subject: &Subject| subject.live().map_err(|error| format!("{error:#}"));
    let mut components = vec![(UNFUSED, live(unfused)?)];
    for (name, subject) in fused {
        components.push((name, live(subject)?));
    }
    let mut acts = Vec::new();
    for returned in 0..MOST {
        let (act, expected, after) = draw(&mut rng, &model, returned as u32);
        acts.push(act);
        let wrong = |what: String| Err(format!("{acts:#?}\n{what}"));
        for (name, live) in &mut components {
            match (&expected, perform(live, act)) {
                (Ok(expected), Ok(found)) if *expected == found => {}
                (Err(expected), Err(why)) => {
                    // Unfused, a trap is in words of the engine.
                    let told = format!("meld:trap:{}", expected.name());
                    if *name != UNFUSED && !why.contains(&told) {
                        return wrong(format!("{name} trapped in {why}, not in {told}"));
                    }
                    if live.call::<_, (u32,)>("destroyed", ()).is_ok() {
                        return wrong(format!("{name} can be called after a trap"));
                    }
                    continue;
                }
                (_, found) => {
                    return wrong(format!("expected {expected:?}, {name} did {found:?}"));
                }
            }
            let destroyed = live.call::<_, (u32,)>("destroyed", ());
            if !matches!(&destroyed, Ok((destroyed,)) if *destroyed == after.destroyed) {
                let expected = after.destroyed;
                return wrong(format!("{name} destroyed {destroyed:?}, not {expected}"));
            }
            for guest in ["intact-a", "intact-b", "intact-leaf"] {
                if !matches!(live.call::<_, (u32,)>(guest, ()), Ok((1,))) {
                    return wrong(format!("{name}: not {guest}"));
                }
            }
        }
        if let Err(fault) = expected {
            return Ok(Ran { returned, fault: Some(fault) });
        }
        model = after;
    }
    Ok(Ran { returned: MOST, fault: None })
}

/// Calls the guest; if it traps, the name of the function in which it does.
fn perform(live: &mut Live, Act { guest, what, x, y }: Act) -> Result<u32, String> {
    let name = match guest {
        Guest::Leaf => "leaf",
        Guest::B => "b",
        Guest::A => "a",
    };
    let called = live.call::<_, (u32,)>(name, (what, x, y));
    called.map(|(result,)| result).map_err(|error| trap_name(&error))
}

/// An operation, what the model says of it, and the model after it. Of those that trap most are
/// drawn again, or no sequence would get far.
fn draw(rng: &mut Rng, model: &Model, fresh: u32) -> (Act, Result<u32, Fault>, Model) {
    let mut drawn = None;
    for _ in 0..16 {
        let guest = rng.pick(&Guest::ALL);
        let what = match (guest, rng.below(4)) {
            (Guest::Leaf, _) => rng.below(6),
            // Lending, by A with all that B can do meanwhile.
            (Guest::A, 0 | 1) => 15 + rng.below(160),
            (Guest::B, 0) => 15 + rng.below(7),
            _ => rng.below(15),
        } as u32;
        // Numbers of objects stay apart from handles.
        let x = match what {
            1 | 3 | 12 => 1000 + fresh,
            _ => handle(rng, model, guest),
        };
        // What is done meanwhile is done by the next.
        let of = if guest == Guest::A && what >= 15 { Guest::B } else { guest };
        let act = Act { guest, what, x, y: handle(rng, model, of) };
        let mut after = model.clone();
        let result = after.act(act);
        let take_it = match &result {
            Ok(_) => true,
            Err(Fault::UnknownHandle | Fault::WrongResourceType) => rng.below(80) == 0,
            // Rarer, as it takes more to get there.
            Err(_) => rng.below(4) == 0,
        };
        drawn = Some((act, result, after));
        if take_it {
            break;
        }
    }
    drawn.expect("something was drawn")
}

/// Mostly one that the guest has.
fn handle(rng: &mut Rng, model: &Model, guest: Guest) -> u32 {
    let its = model.handles(guest);
    match rng.below(10) {
        0 => rng.pick(&FAR),
        1 => rng.below(10) as u32,
        2 => {
            let theirs = model.handles(rng.pick(&Guest::ALL));
            if theirs.is_empty() { 2 } else { rng.pick(&theirs) }
        }
        _ if its.is_empty() => 1,
        _ => rng.pick(&its),
    }
}
