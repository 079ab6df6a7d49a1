//! In which order active segments are written and start functions run.
//!
//! Each instance writes its element segments, then its data segments, then runs its start
//! function, before the next instance does anything. One module writes all element segments,
//! then all data segments, then runs one start function. Where the difference could be seen,
//! a segment becomes passive and is written by a generated start function, in its place.

use super::consts::{Expr, Inits};
use super::link::{Item, Linked};
use super::{Kind, MergeError};
use wasm_encoder::EntityType;
use wasmparser::{DataKind, ElementItems, ElementKind};

/// Something that instantiation does.
#[derive(Clone, Debug)]
pub enum Step {
    /// Writes an active segment.
    Write(Write),
    /// Runs a start function, by item id.
    Start(u32),
}

/// An active segment.
#[derive(Clone, Debug)]
pub struct Write {
    /// [`Kind::Memory`] for a data segment, [`Kind::Table`] for an element segment.
    pub kind: Kind,
    /// The segment's id.
    pub segment: u32,
    /// Item id of the memory or table.
    pub target: u32,
    /// Where it writes.
    pub offset: Expr,
    /// How many bytes or elements.
    pub len: u32,
    /// The module that has the segment also defines the target.
    pub own: bool,
    /// The target is the host's.
    pub host: bool,
    /// It might be out of bounds, which traps.
    pub may_trap: bool,
}

/// Everything that instantiation does, in order.
pub fn steps(linked: &Linked<'_>, inits: &Inits) -> Result<Vec<Step>, MergeError> {
    let mut steps = Vec::new();
    for (instance, module) in linked.modules.iter().enumerate() {
        let i = instance as u32;
        let malformed = |error| MergeError::malformed(linked.names[instance], error);
        for (position, element) in module.elems.iter().enumerate() {
            let ElementKind::Active { table_index, offset_expr } = &element.kind else { continue };
            let len = match &element.items {
                ElementItems::Functions(items) => items.count(),
                ElementItems::Expressions(_, items) => items.count(),
            };
            let target = linked.id(i, Kind::Table, table_index.unwrap_or(0))?;
            let offset = inits.resolve(linked, i, offset_expr)?;
            let segment = linked.elem_base[instance] + position as u32;
            steps.push(write(linked, i, Kind::Table, segment, target, offset, len)?);
        }
        for (position, data) in module.data.iter().enumerate() {
            let DataKind::Active { memory_index, offset_expr } = &data.kind else { continue };
            let len =
                u32::try_from(data.data.len()).map_err(|_| malformed("a segment over 4 GiB"))?;
            let target = linked.id(i, Kind::Memory, *memory_index)?;
            let offset = inits.resolve(linked, i, offset_expr)?;
            let segment = linked.data_base[instance] + position as u32;
            steps.push(write(linked, i, Kind::Memory, segment, target, offset, len)?);
        }
        if let Some(start) = module.start {
            steps.push(Step::Start(linked.id(i, Kind::Func, start)?));
        }
    }
    Ok(steps)
}

fn write(
    linked: &Linked<'_>,
    instance: u32,
    kind: Kind,
    segment: u32,
    target: u32,
    offset: Expr,
    len: u32,
) -> Result<Step, MergeError> {
    let size = initial_size(linked.entity_type(kind, target)?);
    let end = offset.offset().and_then(|offset| offset.checked_add(u64::from(len)));
    let item = linked.items[kind][target as usize];
    Ok(Step::Write(Write {
        kind,
        segment,
        target,
        offset,
        len,
        own: matches!(item, Item::Defined(owner, _) if owner == instance),
        host: matches!(item, Item::Host(_)),
        may_trap: end.is_none_or(|end| u128::from(end) > size),
    }))
}

/// The least size of a memory in bytes, of a table in elements.
fn initial_size(ty: EntityType) -> u128 {
    match ty {
        EntityType::Memory(ty) => match ty.page_size_log2.unwrap_or(16) {
            log2 @ 0..=16 => u128::from(ty.minimum) << log2,
            _ => 0,
        },
        EntityType::Table(ty) => u128::from(ty.minimum),
        _ => 0,
    }
}

/// Which of the steps a module does by itself, and which code has to do.
#[derive(Clone, Debug, Default)]
pub struct Schedule {
    /// What a start function has to do, in order.
    pub run: Vec<Step>,
}

impl Schedule {
    /// Divides the steps. Writes to what is `dead` are left out; they cannot trap.
    pub fn new(steps: Vec<Step>, is_live: impl Fn(&Write) -> bool) -> Self {
        let mut run = Vec::new();
        let mut seen = Seen::default();
        for step in steps {
            match step {
                Step::Start(func) => {
                    seen.start = true;
                    run.push(Step::Start(func));
                }
                Step::Write(write) if !is_live(&write) => {}
                Step::Write(write) => {
                    if seen.must_wait(&write) {
                        seen.waiting.push((write.kind, write.target));
                        run.push(Step::Write(write));
                    } else {
                        seen.data_may_trap |= write.kind == Kind::Memory && write.may_trap;
                        seen.data_to_host |= write.kind == Kind::Memory && write.host;
                    }
                }
            }
        }
        Schedule { run }
    }

    /// The one start function that is all there is to run.
    pub fn only_start(&self) -> Option<u32> {
        match self.run[..] {
            [Step::Start(func)] => Some(func),
            _ => None,
        }
    }

    /// Segments that become passive, as kind and segment id.
    pub fn passive(&self) -> impl Iterator<Item = (Kind, u32)> + '_ {
        self.run.iter().filter_map(|step| match step {
            Step::Write(write) => Some((write.kind, write.segment)),
            Step::Start(_) => None,
        })
    }
}

/// What came before a write.
#[derive(Default)]
struct Seen {
    start: bool,
    /// Targets of writes that wait for their turn.
    waiting: Vec<(Kind, u32)>,
    /// Data segments that do not wait, so that later element segments overtake them.
    data_may_trap: bool,
    data_to_host: bool,
}

impl Seen {
    /// The write could be told apart from one that happens before all that was seen.
    fn must_wait(&self, write: &Write) -> bool {
        // A start function that ran before can reach what its later user only imports, and must
        // run before a trap. What the same module defines did not exist yet.
        if self.start && (!write.own || write.may_trap) {
            return true;
        }
        // Writes to one target stay in order.
        if self.waiting.contains(&(write.kind, write.target)) {
            return true;
        }
        // Whether a trap comes before or after another write shows only in what the host owns:
        // the rest is gone after a trap.
        if !self.waiting.is_empty() && (write.host || write.may_trap) {
            return true;
        }
        write.kind == Kind::Table
            && ((self.data_to_host && write.may_trap) || (self.data_may_trap && write.host))
    }
}
