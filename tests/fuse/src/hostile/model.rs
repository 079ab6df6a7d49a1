//! What the guests of `guests.wat` do, on tables of handles as the Canonical ABI has them ("Table
//! State", "Resource State", `lift_own` to `lower_borrow`, `canon resource.*`).

/// Why a guest trapped, as the trap that says so is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// Nobody has the handle.
    UnknownHandle,
    /// It is of another resource type.
    WrongResourceType,
    /// It borrows, and only one that owns will do.
    NotAnOwner,
    /// The same call borrows it.
    HandleIsLent,
    /// A call returns and has not dropped all that it borrowed.
    BorrowsLeft,
}

impl Fault {
    /// The name of the trap.
    pub fn name(self) -> &'static str {
        match self {
            Fault::UnknownHandle => "unknown-handle",
            Fault::WrongResourceType => "wrong-resource-type",
            Fault::NotAnOwner => "not-an-owner",
            Fault::HandleIsLent => "handle-is-lent",
            Fault::BorrowsLeft => "borrows-left",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    R,
    S,
}

#[derive(Clone, Debug)]
struct Entry {
    kind: Kind,
    rep: u32,
    owns: bool,
    lends: u32,
}

#[derive(Clone, Debug)]
struct Table {
    /// The first is never anybody's.
    entries: Vec<Option<Entry>>,
    free: Vec<u32>,
    /// How many of them borrow: all for the one task that runs.
    borrows: u32,
}

impl Table {
    fn insert(&mut self, kind: Kind, rep: u32, owns: bool) -> u32 {
        let entry = Some(Entry { kind, rep, owns, lends: 0 });
        self.borrows += u32::from(!owns);
        if let Some(handle) = self.free.pop() {
            self.entries[handle as usize] = entry;
            return handle;
        }
        self.entries.push(entry);
        self.entries.len() as u32 - 1
    }

    fn look(&mut self, handle: u32, kind: Kind) -> Result<&mut Entry, Fault> {
        match self.entries.get_mut(handle as usize) {
            Some(Some(entry)) if entry.kind == kind => Ok(entry),
            Some(Some(_)) => Err(Fault::WrongResourceType),
            _ => Err(Fault::UnknownHandle),
        }
    }

    fn remove(&mut self, handle: u32) {
        self.entries[handle as usize] = None;
        self.free.push(handle);
    }

    /// Gives an object away.
    fn take(&mut self, handle: u32, kind: Kind) -> Result<u32, Fault> {
        let entry = self.look(handle, kind)?;
        match (entry.owns, entry.lends) {
            (false, _) => Err(Fault::NotAnOwner),
            (true, 0) => {
                let rep = entry.rep;
                self.remove(handle);
                Ok(rep)
            }
            (true, _) => Err(Fault::HandleIsLent),
        }
    }
}

/// Which guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guest {
    /// The one that implements both resources.
    Leaf,
    /// A user, with the leaf behind it.
    B,
    /// A user, with B behind it.
    A,
}

impl Guest {
    /// All of them.
    pub const ALL: [Guest; 3] = [Guest::Leaf, Guest::B, Guest::A];

    fn next(self) -> Guest {
        match self {
            Guest::A => Guest::B,
            Guest::B | Guest::Leaf => Guest::Leaf,
        }
    }
}

/// What a guest is told: its `act(what, x, y)`.
#[derive(Clone, Copy, Debug)]
pub struct Act {
    /// Who.
    pub guest: Guest,
    /// Which operation, by number.
    pub what: u32,
    /// A handle, mostly.
    pub x: u32,
    /// Another one, mostly.
    pub y: u32,
}

/// The tables of all guests.
#[derive(Clone, Debug)]
pub struct Model {
    tables: [Table; 3],
    /// Which objects were destroyed, in order.
    pub destroyed: u32,
}

impl Default for Model {
    fn default() -> Self {
        let table = Table { entries: vec![None], free: Vec::new(), borrows: 0 };
        Model { tables: [table.clone(), table.clone(), table], destroyed: 0 }
    }
}

impl Model {
    /// Every handle that a guest has.
    pub fn handles(&self, guest: Guest) -> Vec<u32> {
        let entries = &self.tables[guest as usize].entries;
        (0..).zip(entries).filter(|(_, entry)| entry.is_some()).map(|(handle, _)| handle).collect()
    }

    /// What the guest's function returns.
    ///
    /// # Errors
    ///
    /// If it traps: why.
    pub fn act(&mut self, Act { guest, what, x, y }: Act) -> Result<u32, Fault> {
        use Kind::{R, S};
        if guest == Guest::Leaf {
            return self.act_of_the_leaf(what, x);
        }
        Ok(match what {
            0 => self.table(guest).look(x, R)?.rep,
            1 => self.make(guest, R, x)?,
            2 => self.drop(guest, x, R)?,
            3 => self.make(guest, S, x)?,
            4 => self.drop(guest, x, S)?,
            5 => self.table(guest).look(x, S)?.rep,
            6 => self.spend(guest, x)?,
            7 => {
                let entry = self.table(guest).look(x, R)?;
                entry.lends += 1;
                let lent = entry.rep;
                let spent = self.spend(guest, y)?;
                self.table(guest).look(x, R)?.lends -= 1;
                lent.wrapping_mul(1000).wrapping_add(spent)
            }
            8 => {
                let spent = self.table(guest).take(x, R)?;
                let lent = self.table(guest).look(y, R)?.rep;
                let owned = self.table(Guest::Leaf).insert(R, spent, true);
                self.drop(Guest::Leaf, owned, R)?;
                lent.wrapping_mul(1000).wrapping_add(spent)
            }
            9 => {
                let rep = self.table(guest).take(x, R)?;
                self.make(guest, R, rep)?
            }
            10 => {
                let rep = self.table(guest).take(x, R)?;
                self.table(guest.next()).insert(R, rep, true)
            }
            _ => self.lend(guest, x, what - 11, y)?,
        })
    }

    fn act_of_the_leaf(&mut self, what: u32, x: u32) -> Result<u32, Fault> {
        use Kind::{R, S};
        let table = self.table(Guest::Leaf);
        match what {
            0 => Ok(table.look(x, R)?.rep),
            1 => Ok(table.insert(R, x, true)),
            2 => self.drop(Guest::Leaf, x, R),
            3 => Ok(table.insert(S, x, true)),
            4 => self.drop(Guest::Leaf, x, S),
            _ => Ok(table.look(x, S)?.rep),
        }
    }

    fn table(&mut self, guest: Guest) -> &mut Table {
        &mut self.tables[guest as usize]
    }

    /// A new object of the leaf's, which goes through its table.
    fn make(&mut self, guest: Guest, kind: Kind, rep: u32) -> Result<u32, Fault> {
        let leaf = self.table(Guest::Leaf);
        let handle = leaf.insert(kind, rep, true);
        let rep = leaf.take(handle, kind)?;
        Ok(self.table(guest).insert(kind, rep, true))
    }

    /// Gives an object to the leaf, which drops it.
    fn spend(&mut self, guest: Guest, handle: u32) -> Result<u32, Fault> {
        let rep = self.table(guest).take(handle, Kind::R)?;
        let owned = self.table(Guest::Leaf).insert(Kind::R, rep, true);
        self.drop(Guest::Leaf, owned, Kind::R)?;
        Ok(rep)
    }

    fn drop(&mut self, guest: Guest, handle: u32, kind: Kind) -> Result<u32, Fault> {
        let table = self.table(guest);
        let entry = table.look(handle, kind)?.clone();
        if entry.lends > 0 {
            return Err(Fault::HandleIsLent);
        }
        table.remove(handle);
        if entry.owns {
            let number =
                if kind == Kind::R { entry.rep } else { entry.rep.wrapping_add(1_000_000) };
            self.destroyed = self.destroyed.wrapping_mul(31).wrapping_add(number);
        } else {
            table.borrows -= 1;
        }
        Ok(0)
    }

    /// Calls `lend` of the guest behind this one.
    fn lend(&mut self, guest: Guest, x: u32, what: u32, y: u32) -> Result<u32, Fault> {
        let entry = self.table(guest).look(x, Kind::R)?;
        entry.lends += 1;
        let rep = entry.rep;
        let next = guest.next();
        let result = if next == Guest::Leaf {
            let more = if what < 6 { self.act_of_the_leaf(what, y)? } else { 0 };
            rep.wrapping_add(more)
        } else {
            let lent = self.table(next).insert(Kind::R, rep, false);
            let result = self.with_what_is_lent(next, lent, what, y)?;
            if self.table(next).borrows > 0 {
                return Err(Fault::BorrowsLeft);
            }
            result
        };
        self.table(guest).look(x, Kind::R)?.lends -= 1;
        Ok(result)
    }

    fn with_what_is_lent(
        &mut self,
        guest: Guest,
        lent: u32,
        what: u32,
        y: u32,
    ) -> Result<u32, Fault> {
        let mut act = |what, x, y| self.act(Act { guest, what, x, y });
        let got = match what / 16 {
            0 => return act(what % 16, lent, y),
            1 => act(what % 16, lent, y)?,
            2 => act(7, lent, y)?,
            3 => act(8, y, lent)?,
            _ => act(what % 16, y, lent)?,
        };
        self.drop(guest, lent, Kind::R)?;
        Ok(got.wrapping_add(lent.wrapping_mul(7)))
    }
}
