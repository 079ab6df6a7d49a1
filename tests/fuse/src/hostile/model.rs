//! What the guests of `guests.wat` do, on tables of handles as the Canonical ABI has them.

use meld_suite::handles::{Fault, Table};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    R,
    S,
    /// What A and B implement, each its own: no handle of it goes anywhere.
    Q,
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
    tables: [Table<Kind>; 3],
    /// Which objects were destroyed, in order.
    pub destroyed: u32,
}

impl Default for Model {
    fn default() -> Self {
        // More than there are operations.
        Model { tables: [(); 3].map(|()| Table::new(1 << 16)), destroyed: 0 }
    }
}

impl Model {
    /// Every handle that a guest has.
    pub fn handles(&self, guest: Guest) -> Vec<u32> {
        self.tables[guest as usize].handles()
    }

    /// What the guest's function returns.
    ///
    /// # Errors
    ///
    /// If it traps: why.
    pub fn act(&mut self, Act { guest, what, x, y }: Act) -> Result<u32, Fault> {
        use Kind::{Q, R, S};
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
                let owned = self.table(Guest::Leaf).insert(R, spent, true)?;
                self.drop(Guest::Leaf, owned, R)?;
                lent.wrapping_mul(1000).wrapping_add(spent)
            }
            9 => {
                let rep = self.table(guest).take(x, R)?;
                self.make(guest, R, rep)?
            }
            10 => {
                let rep = self.table(guest).take(x, R)?;
                self.table(guest.next()).insert(R, rep, true)?
            }
            11 => {
                let first = self.table(guest).look(x, R)?.rep;
                let second = self.table(guest).look(y, R)?.rep;
                first.wrapping_mul(1000).wrapping_add(second)
            }
            12 => self.table(guest).insert(Q, x, true)?,
            13 => self.table(guest).look(x, Q)?.rep,
            // There is no destructor.
            14 => self.table(guest).drop(x, Q).map(|_| 0)?,
            _ => self.lend(guest, x, what - 15, y)?,
        })
    }

    fn act_of_the_leaf(&mut self, what: u32, x: u32) -> Result<u32, Fault> {
        use Kind::{R, S};
        let table = self.table(Guest::Leaf);
        match what {
            0 => Ok(table.look(x, R)?.rep),
            1 => table.insert(R, x, true),
            2 => self.drop(Guest::Leaf, x, R),
            3 => table.insert(S, x, true),
            4 => self.drop(Guest::Leaf, x, S),
            _ => Ok(table.look(x, S)?.rep),
        }
    }

    fn table(&mut self, guest: Guest) -> &mut Table<Kind> {
        &mut self.tables[guest as usize]
    }

    /// A new object of the leaf's, which goes through its table.
    fn make(&mut self, guest: Guest, kind: Kind, rep: u32) -> Result<u32, Fault> {
        let leaf = self.table(Guest::Leaf);
        let handle = leaf.insert(kind, rep, true)?;
        let rep = leaf.take(handle, kind)?;
        self.table(guest).insert(kind, rep, true)
    }

    /// Gives an object to the leaf, which drops it.
    fn spend(&mut self, guest: Guest, handle: u32) -> Result<u32, Fault> {
        let rep = self.table(guest).take(handle, Kind::R)?;
        let owned = self.table(Guest::Leaf).insert(Kind::R, rep, true)?;
        self.drop(Guest::Leaf, owned, Kind::R)?;
        Ok(rep)
    }

    fn drop(&mut self, guest: Guest, handle: u32, kind: Kind) -> Result<u32, Fault> {
        let entry = self.table(guest).drop(handle, kind)?;
        if entry.owns {
            let number =
                if kind == Kind::R { entry.rep } else { entry.rep.wrapping_add(1_000_000) };
            self.destroyed = self.destroyed.wrapping_mul(31).wrapping_add(number);
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
            let lent = self.table(next).insert(Kind::R, rep, false)?;
            let result = self.with_what_is_lent(next, lent, what, y)?;
            self.table(next).finish()?;
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
        let got = match what / 32 {
            0 => return act(what % 32, lent, y),
            1 => act(what % 32, lent, y)?,
            2 => act(7, lent, y)?,
            3 => act(8, y, lent)?,
            _ => act(what % 32, y, lent)?,
        };
        self.drop(guest, lent, Kind::R)?;
        Ok(got.wrapping_add(lent.wrapping_mul(7)))
    }
}
