//! Tables of handles as the Canonical ABI has them: "Table State", "Resource State", `lift_own` to
//! `lower_borrow`, `canon resource.*`.

/// Why an operation traps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// Nobody has the handle.
    UnknownHandle,
    /// It is of another resource type.
    WrongResourceType,
    /// It borrows, and only one that owns will do.
    NotAnOwner,
    /// A call that has not returned borrows it.
    HandleIsLent,
    /// A call returns and has not dropped all that it borrowed.
    BorrowsLeft,
    /// There is no memory for another one.
    TooManyHandles,
}

impl Fault {
    /// The name of the trap, behind `meld:trap:`.
    pub fn name(self) -> &'static str {
        match self {
            Fault::UnknownHandle => "unknown-handle",
            Fault::WrongResourceType => "wrong-resource-type",
            Fault::NotAnOwner => "not-an-owner",
            Fault::HandleIsLent => "handle-is-lent",
            Fault::BorrowsLeft => "borrows-left",
            Fault::TooManyHandles => "too-many-handles",
        }
    }
}

/// What a handle stands for. Resource types are told apart by a `K`.
#[derive(Clone, Debug)]
pub struct Entry<K> {
    /// The resource's type.
    pub kind: K,
    /// Its representation.
    pub rep: u32,
    /// It owns; if not, it borrows.
    pub owns: bool,
    /// Calls that borrow it.
    pub lends: u32,
}

/// The handles of one instance.
#[derive(Clone, Debug)]
pub struct Table<K> {
    /// The first is never anybody's.
    entries: Vec<Option<Entry<K>>>,
    free: Vec<u32>,
    /// How many of them borrow: all for the one task that runs.
    borrows: u32,
    most: usize,
}

impl<K: Copy + Eq> Table<K> {
    /// An empty table, with memory for so many entries, the first among them.
    pub fn new(most: usize) -> Self {
        Table { entries: vec![None], free: Vec::new(), borrows: 0, most }
    }

    /// Makes a handle.
    ///
    /// # Errors
    ///
    /// If there is no memory for it.
    pub fn insert(&mut self, kind: K, rep: u32, owns: bool) -> Result<u32, Fault> {
        let entry = Some(Entry { kind, rep, owns, lends: 0 });
        let handle = if let Some(handle) = self.free.pop() {
            self.entries[handle as usize] = entry;
            handle
        } else if self.entries.len() < self.most {
            self.entries.push(entry);
            self.entries.len() as u32 - 1
        } else {
            return Err(Fault::TooManyHandles);
        };
        self.borrows += u32::from(!owns);
        Ok(handle)
    }

    /// What a handle stands for.
    ///
    /// # Errors
    ///
    /// If it is nobody's, or of another type.
    pub fn look(&mut self, handle: u32, kind: K) -> Result<&mut Entry<K>, Fault> {
        match self.entries.get_mut(handle as usize) {
            Some(Some(entry)) if entry.kind == kind => Ok(entry),
            Some(Some(_)) => Err(Fault::WrongResourceType),
            _ => Err(Fault::UnknownHandle),
        }
    }

    /// Gives an object away; its representation.
    ///
    /// # Errors
    ///
    /// If the handle does not own it, or is lent.
    pub fn take(&mut self, handle: u32, kind: K) -> Result<u32, Fault> {
        let entry = self.look(handle, kind)?;
        if !entry.owns {
            return Err(Fault::NotAnOwner);
        }
        Ok(self.drop(handle, kind)?.rep)
    }

    /// Drops a handle; what it stood for.
    ///
    /// # Errors
    ///
    /// If it is lent.
    pub fn drop(&mut self, handle: u32, kind: K) -> Result<Entry<K>, Fault> {
        let entry = self.look(handle, kind)?.clone();
        if entry.lends > 0 {
            return Err(Fault::HandleIsLent);
        }
        self.entries[handle as usize] = None;
        self.free.push(handle);
        self.borrows -= u32::from(!entry.owns);
        Ok(entry)
    }

    /// The task returns.
    ///
    /// # Errors
    ///
    /// If it has handles that borrow.
    pub fn finish(&self) -> Result<(), Fault> {
        if self.borrows > 0 { Err(Fault::BorrowsLeft) } else { Ok(()) }
    }

    /// Every place in the table, with what is there.
    pub fn entries(&mut self) -> &mut [Option<Entry<K>>] {
        &mut self.entries
    }

    /// Every handle there is.
    pub fn handles(&self) -> Vec<u32> {
        let entries = (0..).zip(&self.entries);
        entries.filter(|(_, entry)| entry.is_some()).map(|(handle, _)| handle).collect()
    }
}
