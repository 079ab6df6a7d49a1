//! Tables of handles alone against a model: several instances with several resource types, random
//! sequences of operations, and the limits. Whatever is asked of a table, result, trap and what is
//! destroyed are the model's.

mod support;

use meld_suite::handles::{Fault, Table};
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

#[derive(Clone, Debug)]
struct Model {
    tables: Vec<Table<usize>>,
    /// Type and representation of everything that was destroyed.
    destroyed: Vec<(usize, u32)>,
}

type Answer = Result<Option<u32>, Fault>;

impl Model {
    /// Tables with memory for so many entries each.
    fn new(most: usize) -> Model {
        Model { tables: vec![Table::new(most); TABLES], destroyed: Vec::new() }
    }

    fn ask(&mut self, (verb, at, ty, number): Request) -> Answer {
        let next = (at + 1) % TABLES;
        let table = &mut self.tables[at];
        Ok(match verb {
            Verb::Give => Some(table.insert(ty, number, true)?),
            Verb::Borrow => Some(table.insert(ty, number, false)?),
            Verb::Take => Some(table.take(number, ty)?),
            Verb::Rep => Some(table.look(number, ty)?.rep),
            Verb::Lend => {
                // Calls do not overlap, so one that borrows cannot be dropped while it is lent.
                let entry = table.look(number, ty)?;
                entry.lends = u32::from(entry.owns);
                Some(entry.rep)
            }
            Verb::Drop => {
                let entry = table.drop(number, ty)?;
                self.destroyed.extend(entry.owns.then_some((ty, entry.rep)));
                None
            }
            Verb::Release => {
                table.entries().iter_mut().flatten().for_each(|entry| entry.lends = 0);
                None
            }
            Verb::Finish => {
                table.finish()?;
                None
            }
            Verb::Own => {
                let rep = table.take(number, ty)?;
                Some(self.tables[next].insert(ty, rep, true)?)
            }
            Verb::Abroad => {
                let rep = table.look(number, ty)?.rep;
                Some(self.tables[next].insert(ty, rep, false)?)
            }
        })
    }

    /// A number that says something to the table: often a handle that is, or was, somebody's.
    fn number(&mut self, table: usize, choice: u32, bits: u32) -> u32 {
        match choice {
            0 => bits,
            1 => bits % 4,
            _ => bits % self.tables[table].entries().len() as u32,
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
        expected.as_ref().map_err(|fault| fault.name()),
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
        assert_eq!(
            found.as_ref().map_err(String::as_str),
            expected.as_ref().map_err(|fault| fault.name())
        );
    };
    check(Verb::Rep, LAST - 1, Err(Fault::UnknownHandle));
    check(Verb::Give, 10, Ok(Some(LAST - 1)));
    check(Verb::Give, 11, Ok(Some(LAST)));
    check(Verb::Give, 12, Err(Fault::TooManyHandles));
    check(Verb::Borrow, 12, Err(Fault::TooManyHandles));
    check(Verb::Rep, LAST, Ok(Some(11)));
    check(Verb::Lend, LAST, Ok(Some(11)));
    check(Verb::Take, LAST, Err(Fault::HandleIsLent));
    check(Verb::Release, 0, Ok(None));
    check(Verb::Take, LAST, Ok(Some(11)));
    for handle in [LAST, LAST + 1, LAST + 2, u32::MAX, 0] {
        for verb in [Verb::Rep, Verb::Take, Verb::Lend, Verb::Drop] {
            check(verb, handle, Err(Fault::UnknownHandle));
        }
    }
    check(Verb::Give, 13, Ok(Some(LAST)));
    check(Verb::Rep, LAST - 1, Ok(Some(10)));
}
