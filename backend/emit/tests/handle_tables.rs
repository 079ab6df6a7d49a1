//! Tables of handles alone against a model: several instances with several resource types, random
//! sequences of operations, and the limits. Whatever is asked of a table, result, trap and what is
//! destroyed are the model's.

mod support;

use proptest::prelude::*;
use support::{engine, pack_module, trap_name};
use wasmtime::{
    Engine, Extern, Func, Global, GlobalType, Instance, Module, Mutability, Store, StoreLimits,
    StoreLimitsBuilder, Val, ValType,
};

const TABLES: usize = 3;
const TYPES: usize = 3;

/// What a table can be asked by those who have to do with one resource type.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Verb {
    Give,
    Take,
    Rep,
    Lend,
    Borrow,
    Drop,
    Release,
    Finish,
    /// Take here, give in the next table.
    Own,
    /// The representation here, borrowed by the next table.
    Abroad,
}

impl Verb {
    const ALL: [Verb; 10] = [
        Verb::Give,
        Verb::Take,
        Verb::Rep,
        Verb::Lend,
        Verb::Borrow,
        Verb::Drop,
        Verb::Release,
        Verb::Finish,
        Verb::Own,
        Verb::Abroad,
    ];

    fn export(self) -> &'static str {
        match self {
            Verb::Give => "give",
            Verb::Take => "take",
            Verb::Rep => "rep",
            Verb::Lend => "lend",
            Verb::Borrow => "borrow",
            Verb::Drop => "drop",
            Verb::Release => "release",
            Verb::Finish => "finish",
            Verb::Own | Verb::Abroad => "move",
        }
    }
}

/// One request: a verb, a table, a type, and a handle or a representation.
type Request = (Verb, usize, usize, u32);

// ── The model ───────────────────────────────────────────────────────────────────────────────

#[derive(Clone, Copy, Debug)]
struct Entry {
    ty: usize,
    rep: u32,
    owns: bool,
    lent: bool,
}

/// As "Table State" and "Resource State" in the Canonical ABI have it.
#[derive(Clone, Debug)]
struct Table {
    entries: Vec<Option<Entry>>,
    free: Vec<u32>,
    borrows: u32,
}

#[derive(Clone, Debug)]
struct Model {
    tables: Vec<Table>,
    /// Type and representation of everything that was destroyed.
    destroyed: Vec<(usize, u32)>,
    /// Entries beyond which there is no memory.
    most: usize,
}

type Answer = Result<Option<u32>, &'static str>;

impl Table {
    fn get(&self, ty: usize, handle: u32) -> Result<Entry, &'static str> {
        let entry = self.entries.get(handle as usize).copied().flatten();
        let entry = entry.ok_or("unknown-handle")?;
        if entry.ty == ty { Ok(entry) } else { Err("wrong-resource-type") }
    }

    fn add(&mut self, entry: Entry, most: usize) -> Result<u32, &'static str> {
        if let Some(handle) = self.free.pop() {
            self.entries[handle as usize] = Some(entry);
            return Ok(handle);
        }
        if self.entries.len() == most {
            return Err("too-many-handles");
        }
        self.entries.push(Some(entry));
        Ok(self.entries.len() as u32 - 1)
    }

    fn remove(&mut self, handle: u32) {
        self.entries[handle as usize] = None;
        self.free.push(handle);
    }
}

impl Model {
    fn new(most: usize) -> Model {
        let table = Table { entries: vec![None], free: Vec::new(), borrows: 0 };
        Model { tables: vec![table; TABLES], destroyed: Vec::new(), most }
    }

    fn ask(&mut self, (verb, at, ty, number): Request) -> Answer {
        let most = self.most;
        let next = (at + 1) % TABLES;
        let table = &mut self.tables[at];
        let new = |rep, owns| Entry { ty, rep, owns, lent: false };
        match verb {
            Verb::Give => table.add(new(number, true), most).map(Some),
            Verb::Borrow => {
                let handle = table.add(new(number, false), most)?;
                table.borrows += 1;
                Ok(Some(handle))
            }
            Verb::Take => {
                let entry = table.get(ty, number)?;
                if !entry.owns {
                    return Err("not-an-owner");
                }
                if entry.lent {
                    return Err("handle-is-lent");
                }
                table.remove(number);
                Ok(Some(entry.rep))
            }
            Verb::Rep => Ok(Some(table.get(ty, number)?.rep)),
            Verb::Lend => {
                let entry = table.get(ty, number)?;
                table.entries[number as usize] = Some(Entry { lent: entry.owns, ..entry });
                Ok(Some(entry.rep))
            }
            Verb::Drop => {
                let entry = table.get(ty, number)?;
                if entry.lent {
                    return Err("handle-is-lent");
                }
                table.remove(number);
                match entry.owns {
                    true => self.destroyed.push((ty, entry.rep)),
                    false => table.borrows -= 1,
                }
                Ok(None)
            }
            Verb::Release => {
                table.entries.iter_mut().flatten().for_each(|entry| entry.lent = false);
                Ok(None)
            }
            Verb::Finish if table.borrows > 0 => Err("borrows-left"),
            Verb::Finish => Ok(None),
            Verb::Own => match self.ask((Verb::Take, at, ty, number))? {
                Some(rep) => self.ask((Verb::Give, next, ty, rep)),
                None => Ok(None),
            },
            Verb::Abroad => match self.ask((Verb::Rep, at, ty, number))? {
                Some(rep) => self.ask((Verb::Borrow, next, ty, rep)),
                None => Ok(None),
            },
        }
    }

    /// A number that says something to the table: often a handle that is, or was, somebody's.
    fn number(&self, table: usize, choice: u32, bits: u32) -> u32 {
        match choice {
            0 => bits,
            1 => bits % 4,
            _ => bits % self.tables[table].entries.len() as u32,
        }
    }
}

// ── The modules ─────────────────────────────────────────────────────────────────────────────

struct Modules {
    engine: Engine,
    traps: Module,
    table: Module,
    view: Module,
    moved: Module,
}

struct World {
    limits: StoreLimits,
    destroyed: Vec<(usize, u32)>,
}

/// The modules as rules wire them.
struct Wired {
    store: Store<World>,
    tables: Vec<Instance>,
    /// By table and type.
    views: Vec<Vec<Instance>>,
    /// What moves ownership, and borrows, from a table to the next, by table and type.
    owns: Vec<Vec<Instance>>,
    abroad: Vec<Vec<Instance>>,
}

impl Modules {
    fn new() -> Modules {
        let engine = engine();
        let module = |name| pack_module(&engine, name);
        Modules {
            traps: module("traps"),
            table: module("handle-table"),
            view: module("handle-view"),
            moved: module("moved"),
            engine,
        }
    }

    fn wire(&self, pages: usize) -> Wired {
        let limits = StoreLimitsBuilder::new().memory_size(pages << 16).build();
        let mut store = Store::new(&self.engine, World { limits, destroyed: Vec::new() });
        store.limiter(|world| &mut world.limits);
        let traps = Instance::new(&mut store, &self.traps, &[]).unwrap();
        let mut link =
            |module: &Module, supply: &mut dyn FnMut(&mut Store<World>, &str, &str) -> Extern| {
                let imports: Vec<Extern> = module
                    .imports()
                    .map(|import| match import.module() {
                        "traps" => traps.get_export(&mut store, import.name()).unwrap(),
                        from => supply(&mut store, from, import.name()),
                    })
                    .collect();
                Instance::new(&mut store, module, &imports).unwrap()
            };
        let tables: Vec<Instance> = (0..TABLES)
            .map(|_| link(&self.table, &mut |_, from, name| panic!("{from} {name}")))
            .collect();
        let views: Vec<Vec<Instance>> = tables
            .iter()
            .map(|table| {
                let view = |ty: usize| {
                    link(&self.view, &mut |store, _, name| match name {
                        "type" => {
                            let global = GlobalType::new(ValType::I32, Mutability::Const);
                            Global::new(store, global, Val::I32(ty as i32 + 1)).unwrap().into()
                        }
                        "destroy" => Func::wrap(
                            store,
                            move |mut caller: wasmtime::Caller<'_, World>, rep: u32| {
                                caller.data_mut().destroyed.push((ty, rep));
                            },
                        )
                        .into(),
                        name => table.get_export(store, name).unwrap(),
                    })
                };
                (0..TYPES).map(view).collect()
            })
            .collect();
        let mut movers = |from: &str, to: &str| -> Vec<Vec<Instance>> {
            let mover = |at: usize, ty: usize| {
                let (here, there) = (views[at][ty], views[(at + 1) % TABLES][ty]);
                link(&self.moved, &mut |store, _, name| match name {
                    "from" => here.get_export(store, from).unwrap(),
                    _ => there.get_export(store, to).unwrap(),
                })
            };
            let mut mover = mover;
            (0..TABLES).map(|at| (0..TYPES).map(|ty| mover(at, ty)).collect()).collect()
        };
        let owns = movers("take", "give");
        let abroad = movers("rep", "borrow");
        Wired { store, tables, views, owns, abroad }
    }
}

impl Wired {
    fn ask(&mut self, (verb, at, ty, number): Request) -> Result<Option<u32>, String> {
        let instance = match verb {
            Verb::Own => self.owns[at][ty],
            Verb::Abroad => self.abroad[at][ty],
            _ => self.views[at][ty],
        };
        let function = instance.get_func(&mut self.store, verb.export()).unwrap();
        let ty = function.ty(&self.store);
        let arguments = [Val::I32(number as i32)];
        let mut results = vec![Val::I32(0); ty.results().len()];
        function
            .call(&mut self.store, &arguments[..ty.params().len()], &mut results)
            .map_err(|error| trap_name(&error))?;
        Ok(results.first().map(|result| result.unwrap_i32() as u32))
    }
}

// ── Tests ───────────────────────────────────────────────────────────────────────────────────

/// Asks both, and says what both said.
fn ask(model: &mut Model, wired: &mut Wired, request: Request) -> Answer {
    let expected = model.ask(request);
    let found = wired.ask(request);
    assert_eq!(
        found.as_ref().map_err(String::as_str),
        expected.as_ref().map_err(|e| *e),
        "{request:?}"
    );
    assert_eq!(wired.store.data().destroyed, model.destroyed, "{request:?}");
    expected
}

#[test]
fn random_sequences() {
    let modules = Modules::new();
    let request = (0..Verb::ALL.len(), 0..TABLES, 0..TYPES, 0..8u32, any::<u32>());
    let sequences = prop::collection::vec(request, 1..400);
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: 64,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let run = |sequence: Vec<(usize, usize, usize, u32, u32)>| {
        let (mut model, mut wired) = (Model::new(1 << 16), modules.wire(16));
        for (verb, at, ty, choice, bits) in sequence {
            let number = model.number(at, choice, bits);
            let _ = ask(&mut model, &mut wired, (Verb::ALL[verb], at, ty, number));
        }
        Ok(())
    };
    runner.run(&sequences, run).unwrap();
}

/// Every page that there is memory for is filled, and no entry lies behind it.
#[test]
fn memory_runs_out() {
    let modules = Modules::new();
    let (mut model, mut wired) = (Model::new(2 << 12), modules.wire(2));
    let mut last = 0;
    while let Ok(Some(handle)) = ask(&mut model, &mut wired, (Verb::Give, 0, 0, last)) {
        last = handle;
    }
    assert_eq!(last, (2 << 12) - 1);
    ask(&mut model, &mut wired, (Verb::Rep, 0, 0, last + 1)).unwrap_err();
    ask(&mut model, &mut wired, (Verb::Drop, 0, 0, 7)).unwrap();
    assert_eq!(ask(&mut model, &mut wired, (Verb::Give, 0, 1, 1)), Ok(Some(7)));
    ask(&mut model, &mut wired, (Verb::Give, 0, 1, 1)).unwrap_err();
    for handle in 1..=last {
        let ty = usize::from(handle == 7);
        ask(&mut model, &mut wired, (Verb::Rep, 0, ty, handle)).unwrap();
    }
}

/// The last handle of all is 2^28 - 1. The test starts with a table that has given out all but two.
#[test]
fn the_last_handle() {
    const LAST: u32 = (1 << 28) - 1;
    let modules = Modules::new();
    let mut wired = modules.wire(1 << 16);
    let entries = wired.tables[0].get_memory(&mut wired.store, "entries").unwrap();
    entries.grow(&mut wired.store, (1 << 16) - 1).unwrap();
    let length = wired.tables[0].get_global(&mut wired.store, "length").unwrap();
    length.set(&mut wired.store, Val::I32(LAST as i32 - 1)).unwrap();
    let mut check = |verb, number, expected: Answer| {
        let found = wired.ask((verb, 0, 0, number));
        assert_eq!(found.as_ref().map_err(String::as_str), expected.as_ref().map_err(|e| *e));
    };
    check(Verb::Rep, LAST - 1, Err("unknown-handle"));
    check(Verb::Give, 10, Ok(Some(LAST - 1)));
    check(Verb::Give, 11, Ok(Some(LAST)));
    check(Verb::Give, 12, Err("too-many-handles"));
    check(Verb::Borrow, 12, Err("too-many-handles"));
    check(Verb::Rep, LAST, Ok(Some(11)));
    check(Verb::Lend, LAST, Ok(Some(11)));
    check(Verb::Take, LAST, Err("handle-is-lent"));
    check(Verb::Release, 0, Ok(None));
    check(Verb::Take, LAST, Ok(Some(11)));
    for handle in [LAST, LAST + 1, LAST + 2, u32::MAX, 0] {
        for verb in [Verb::Rep, Verb::Take, Verb::Lend, Verb::Drop] {
            check(verb, handle, Err("unknown-handle"));
        }
    }
    check(Verb::Give, 13, Ok(Some(LAST)));
    check(Verb::Rep, LAST - 1, Ok(Some(10)));
}
