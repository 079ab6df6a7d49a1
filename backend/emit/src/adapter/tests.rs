//! Shapes and errors of what is generated. What it does is tested under wasmtime, in `tests/`.

use super::from_plan::{Source, from_plan};
use super::wrappers::Around;
use super::*;
use meld_component::abi::PtrWidth::{W32, W64};
use meld_component::program::{CanonicalOptions, ComponentId, OptionsId, Program, StringEncoding};
use meld_component::types::{TypeId, ValueType};
use meld_engine::plan::{Entity, Node, NodeId, PackModule, Plan};

const NARROW: MemoryShape = MemoryShape { width: W32, shared: false, page_bits: 16 };
const HEAP: SideSpec = SideSpec { memory: Some(NARROW), allocate: true, leave_flag: false };
const FLAT: SideSpec = SideSpec { memory: None, allocate: false, leave_flag: false };

fn generate_for(
    types: &Types,
    params: &[TypeId],
    passes: Vec<Pass>,
    sides: [SideSpec; 2],
) -> Result<Generated, Error> {
    let func = FuncType { async_: false, params: params.to_vec(), result: None };
    let last = passes.len() - params.len();
    let generated = generate(&AdapterSpec {
        types,
        func: &func,
        caller: sides[0],
        callee: sides[1],
        post_return: false,
        params: (last..passes.len()).map(|i| PassId(i as u32)).collect(),
        passes,
        results: vec![],
    })?;
    validate(&generated.bytes);
    Ok(generated)
}

fn validate(bytes: &[u8]) {
    let features = wasmparser::WasmFeatures::all();
    wasmparser::Validator::new_with_features(features).validate_all(bytes).unwrap();
}

#[test]
fn imports_only_what_is_needed() {
    let mut types = Types::default();
    let int = types.intern(ValueType::U32);
    let char_ = types.intern(ValueType::Char);
    let list = types.intern(ValueType::List(int));
    let check = |ty, pass, sides, expect: &[Role]| {
        assert_eq!(generate_for(&types, &[ty], vec![pass], sides).unwrap().imports, expect);
    };
    check(int, Pass::Keep, [FLAT, FLAT], &[Role::Callee]);
    check(char_, Pass::CheckChar, [HEAP, FLAT], &[Role::Callee, Role::Trap(trap::INVALID_CHAR)]);
    let flagged = SideSpec { leave_flag: true, ..FLAT };
    check(
        int,
        Pass::Keep,
        [flagged, flagged],
        &[Role::Callee, Role::Trap(trap::CANNOT_LEAVE), Role::Flag(Side::Caller)],
    );
    let reader = SideSpec { allocate: false, ..HEAP };
    check(
        list,
        Pass::Copy,
        [reader, HEAP],
        &[
            Role::Callee,
            Role::Allocate(Side::Callee),
            Role::Trap(trap::LIST_OUT_OF_BOUNDS),
            Role::Trap(trap::LIST_TOO_LONG),
            Role::Trap(trap::UNALIGNED_POINTER),
            Role::Memory(Side::Caller),
            Role::Memory(Side::Callee),
        ],
    );
}

#[test]
fn refuses_what_does_not_fit() {
    let mut types = Types::default();
    let int = types.intern(ValueType::U32);
    let list = types.intern(ValueType::List(int));
    let wide = types.intern(ValueType::FixedList(int, 17));
    let own = types.intern(ValueType::Own(meld_component::program::ResourceId(0)));
    let option = types.intern(ValueType::Option(int));
    let text = types.intern(ValueType::String);
    let texts = types.intern(ValueType::List(text));
    let empty = types.intern(ValueType::Record(vec![]));
    let check = |ty, passes: Vec<Pass>, sides, expect: &str| {
        let error = generate_for(&types, &[ty], passes, sides).unwrap_err().to_string();
        assert!(error.contains(expect), "{error}");
    };
    check(int, vec![Pass::Normalise], [HEAP; 2], "the pass `normalise` does not go with");
    check(own, vec![Pass::Keep], [HEAP; 2], "the pass `keep` does not go with");
    check(empty, vec![Pass::Fields(vec![])], [HEAP; 2], "is empty");
    check(list, vec![Pass::Copy], [FLAT, HEAP], "the caller's `canon lower` names none");
    check(
        list,
        vec![Pass::Copy],
        [HEAP, SideSpec { allocate: false, ..HEAP }],
        "the callee's `canon lift`, which names no `realloc`",
    );
    check(wide, vec![Pass::Keep, Pass::Repeat(PassId(0))], [HEAP, FLAT], "names none");
    let wide_side = SideSpec { memory: Some(W64.into()), ..HEAP };
    check(texts, vec![Pass::Copy], [HEAP, wide_side], "the pass `copy` does not go with");
    check(option, vec![Pass::Cases(vec![])], [HEAP; 2], "0 passes stand for 2 values");
    check(list, vec![Pass::Each(PassId(0))], [HEAP; 2], "stands after it");
    check(int, vec![Pass::Convert(0)], [HEAP; 2], "the pass `convert` does not go with");
    check(own, vec![Pass::Keep, Pass::Scoped(PassId(0), 0)], [HEAP; 2], "the pass `keep` does not");
    let mut deep = vec![Pass::Keep];
    deep.extend((0..300).map(|i| Pass::Each(PassId(i))));
    check(list, deep, [HEAP; 2], "nested more than 256 deep");
}

/// Nothing but what a list's element may itself be is called for each element, however large it is and
/// however often such lists cross.
#[test]
fn no_element_of_a_list_costs_a_call() {
    let mut types = Types::default();
    let bool_ = types.intern(ValueType::Bool);
    let record = types.intern(ValueType::Record(vec![bool_; 100]));
    let list = types.intern(ValueType::List(record));
    let fixed = types.intern(ValueType::FixedList(record, 9));
    let both = types.intern(ValueType::List(fixed));
    let passes = vec![
        Pass::Normalise,
        Pass::Fields(vec![PassId(0); 100]),
        Pass::Repeat(PassId(1)),
        Pass::Each(PassId(1)),
        Pass::Each(PassId(1)),
        Pass::Each(PassId(2)),
    ];
    let generated = generate_for(&types, &[list, list, both], passes, [HEAP; 2]).unwrap();
    let text = wasmprinter::print_bytes(&generated.bytes).unwrap();
    let mut loops = 0;
    for part in text.split("loop ;;").skip(1) {
        loops += 1;
        // A branch to the loop ends it.
        let body = part.split("br_if").next().unwrap();
        let of_element = body.contains("list-of-type") || !body.contains("call");
        assert!(of_element, "{part}");
    }
    assert!(loops > 0, "{text}");
    assert!(generated.bytes.len() < 4096, "{} bytes", generated.bytes.len());
}

/// A type of 2^20 leaves, that shares all it can.
#[test]
fn shared_types_share_code() {
    let mut types = Types::default();
    let mut ty = types.intern(ValueType::Bool);
    let mut passes = vec![Pass::Normalise];
    for i in 0..20 {
        ty = types.intern(ValueType::Tuple(vec![ty; 2]));
        passes.push(Pass::Fields(vec![PassId(i); 2]));
    }
    let list = types.intern(ValueType::List(ty));
    passes.push(Pass::Each(PassId(20)));
    let size = generate_for(&types, &[list], passes, [HEAP; 2]).unwrap().bytes.len();
    assert!(size < 4096, "{size} bytes");
}

#[test]
fn wide_types_stay_linear() {
    let mut types = Types::default();
    let text = types.intern(ValueType::String);
    let record = types.intern(ValueType::Record(vec![text; 10_000]));
    let variant = types
        .intern(ValueType::Variant((0..10_000).map(|i| (i % 2 == 0).then_some(text)).collect()));
    let passes = vec![
        Pass::Text(0),
        Pass::Keep,
        Pass::Fields(vec![PassId(0); 10_000]),
        Pass::Cases((0..10_000).map(|i| PassId(i % 2)).collect()),
    ];
    let size = generate_for(&types, &[record, variant], passes, [HEAP; 2]).unwrap().bytes.len();
    assert!(size < 600_000, "{size} bytes");
}

#[test]
fn wrappers_are_valid() {
    let mut types = Types::default();
    let text = types.intern(ValueType::String);
    let func = FuncType { async_: false, params: vec![text; 9], result: Some(text) };
    for width in [W32, W64] {
        let always = wrappers::always(&types, &func, width).unwrap();
        assert_eq!(always.imports, [Role::Callee]);
        validate(&always.bytes);
        let check = wrappers::check_leave(&types, &func, width).unwrap();
        let cannot_leave = Role::Trap(trap::CANNOT_LEAVE);
        assert_eq!(check.imports, [Role::Callee, cannot_leave, Role::Flag(Side::Caller)]);
        validate(&check.bytes);
        let after = wrappers::without_leave(&types, &func, width).unwrap();
        assert_eq!(after.imports, [Role::Callee, Role::Flag(Side::Callee)]);
        validate(&after.bytes);
        for around in [Around::Function, Around::PostReturn] {
            let caught = wrappers::catch_all(&types, &func, width, around).unwrap();
            assert_eq!(caught.imports, [Role::Callee, Role::Trap(trap::UNCAUGHT_EXCEPTION)]);
            validate(&caught.bytes);
            let entered = wrappers::enter(&types, &func, width, around).unwrap();
            let roles = [Role::Callee, Role::Trap(trap::CANNOT_ENTER), Role::MayEnter];
            assert_eq!(entered.imports, roles);
            validate(&entered.bytes);
        }
        let lifted = wrappers::as_lifted(&types, &func, width).unwrap();
        assert_eq!(lifted.imports, [Role::Callee, Role::Allocate(Side::Caller)]);
        validate(&lifted.bytes);
        let discard = wrappers::discard(&types, &func, width).unwrap();
        assert_eq!(discard.imports, [Role::Callee]);
        validate(&discard.bytes);
        let imported = wrappers::imported(&types, &func, width).unwrap();
        assert_eq!(imported.imports, [Role::Callee]);
        validate(&imported.bytes);
    }
}

/// Every term of the table is read under its name, with its arguments.
#[test]
fn terms_are_those_of_the_table() {
    let mut terms = Terms::default();
    let module = terms.memory_module(false);
    let function = terms.add(Node::Export(module, "f".into()));
    let memory = terms.add(Node::Export(module, "memory".into()));
    let options = terms.add(Node::Entity(Entity::Options(OptionsId(0))));
    let ty = terms.term("u32", &[]);
    let (one, none) = (terms.add(Node::List(vec![ty])), terms.add(Node::List(vec![])));
    let signature = terms.term("func", &[one, none]);
    let leave = terms.term("flag", &[function]);
    let side = terms.term("flat-side", &[leave]);
    let after = terms.term("no-post-return", &[]);
    let done = terms.term("done", &[]);
    let keep = terms.term("keep", &[ty, options, options]);
    let passes = terms.term("then", &[keep, done]);
    let of_sort = |sort: &str| match sort {
        "Func" | "Global" => Some(function),
        "Memory" => Some(memory),
        "Instance" => Some(module),
        "Options" => Some(options),
        "Signature" => Some(signature),
        "Type" => Some(ty),
        "Leave" => Some(leave),
        "Side" => Some(side),
        "PostReturn" => Some(after),
        "Pass" => Some(keep),
        "Passes" => Some(passes),
        _ => None,
    };
    let mut adapters = Vec::new();
    // How a function is called is read where instances are wired.
    let wired = ["separate", "inline", "by-way"];
    for shape in crate::terms::emitted().filter(|shape| !wired.contains(&shape.name)) {
        let args: Option<Vec<NodeId>> = shape.params.iter().map(|sort| of_sort(sort)).collect();
        let Some(args) = args else { continue };
        let term = terms.term(shape.name, &args);
        // What stands inside of an adapter is read there.
        let mut parts = [function, signature, side, side, after, passes, done, module];
        match shape.result {
            "Func" => {
                adapters.push((shape.name, term));
                continue;
            }
            "Leave" => parts[2] = terms.term("flat-side", &[term]),
            "Side" => parts[2] = term,
            "PostReturn" => parts[4] = term,
            "Pass" => parts[5] = terms.term("then", &[term, done]),
            "Passes" => parts[5] = term,
            _ => continue,
        }
        adapters.push((shape.name, terms.term("adapter", &parts)));
    }
    assert!(adapters.len() > 25, "{}", adapters.len());
    let (program, plan) = (program(), terms.0);
    for (name, term) in adapters {
        match from_plan(&program, &plan, term) {
            Err(Error::Term { why, .. }) => panic!("`{name}`: {why}"),
            Ok(None) => panic!("`{name}` is not generated"),
            // That the passes do not go with the types is another matter.
            _ => {}
        }
    }
}

/// A plan built term by term.
#[derive(Default)]
struct Terms(Plan);

impl Terms {
    fn add(&mut self, node: Node) -> NodeId {
        self.0.nodes.push(node);
        NodeId(self.0.nodes.len() as u32 - 1)
    }

    fn term(&mut self, name: &str, args: &[NodeId]) -> NodeId {
        self.add(Node::Term(name.into(), args.to_vec()))
    }

    fn memory_module(&mut self, memory64: bool) -> NodeId {
        let kind = if memory64 { "i64 " } else { "" };
        let text = format!("(module (memory (export \"memory\") {kind}1) (func (export \"f\")))");
        self.0.modules.push(PackModule {
            name: "test.memory".into(),
            binaries: vec![wat::parse_str(text).unwrap().into()],
            follows: vec![],
            imports: vec![],
        });
        self.add(Node::Module(self.0.modules.len() as u32 - 1, vec![]))
    }
}

fn program() -> Program {
    Program {
        inputs: vec![],
        composed: Vec::new(),
        unvalidated: false,
        types: Types::default(),
        modules: vec![],
        instances: vec![],
        components: vec![],
        funcs: vec![],
        options: vec![CanonicalOptions {
            component: ComponentId(0),
            encoding: StringEncoding::Utf8,
            memory: None,
            realloc: None,
            async_: false,
            memory64: true,
        }],
        resources: vec![],
        host_modules: vec![],
        host_instances: vec![],
        host_exports: Default::default(),
        host_funcs: vec![],
        root_exports: vec![],
        world: meld_component::program::World::Core { exports: vec![] },
        border: None,
    }
}

/// What copies lists of one type is wrong for lists of another, though they may be laid out alike, and so
/// is what makes a handle of one resource for another.
#[test]
fn passes_are_of_the_types_that_they_stand_for() {
    let mut terms = Terms::default();
    let module = terms.memory_module(true);
    let function = terms.add(Node::Export(module, "f".into()));
    let memory = terms.add(Node::Export(module, "memory".into()));
    let unobserved = terms.term("unobserved", &[]);
    let side = terms.term("heap-side", &[memory, function, unobserved]);
    let options = terms.add(Node::Entity(Entity::Options(OptionsId(0))));
    let after = terms.term("no-post-return", &[]);
    let (none, done) = (terms.add(Node::List(vec![])), terms.term("done", &[]));
    let [bool_, byte] = ["bool", "u8"].map(|name| terms.term(name, &[]));
    let [bools, bytes] = [bool_, byte].map(|element| terms.term("list", &[element]));
    let owns = [0, 1].map(|number| {
        let resource = Entity::Resource(meld_component::program::ResourceId(number));
        let resource = terms.add(Node::Entity(resource));
        terms.term("own", &[resource])
    });
    let of = |terms: &mut Terms, name, ty| terms.term(name, &[ty, function, options, options]);
    let copies = [bools, bytes].map(|ty| of(&mut terms, "copy-by", ty));
    let converts = owns.map(|ty| of(&mut terms, "convert", ty));
    let keep = terms.term("normalise", &[byte, options, options]);
    let each = of(&mut terms, "each", bools);
    let Node::Term(_, args) = &mut terms.0.nodes[each.0 as usize] else { unreachable!() };
    args[1] = keep;
    for (ty, pass, wrong) in [
        (bools, copies[0], None),
        (bools, copies[1], Some("of list<u8>, and stands for list<bool>")),
        (bytes, copies[0], Some("of list<bool>, and stands for list<u8>")),
        (owns[0], converts[0], None),
        (owns[0], converts[1], Some("of own<resource 1>, and stands for own<resource 0>")),
        (bools, each, Some("of u8, and stands for bool")),
    ] {
        let params = terms.add(Node::List(vec![ty]));
        let signature = terms.term("func", &[params, none]);
        let passes = terms.term("then", &[pass, done]);
        let args = [function, signature, side, side, after, passes, done, module];
        let adapter = terms.term("adapter", &args);
        match from_plan(&program(), &terms.0, adapter) {
            Ok(_) => assert_eq!(wrong, None),
            Err(error) => {
                assert!(wrong.is_some_and(|text| error.to_string().contains(text)), "{error}");
            }
        }
    }
}

#[test]
fn reads_decided_terms() {
    let mut terms = Terms::default();
    let string = terms.term("string", &[]);
    let unit = terms.term("unit", &[]);
    let result = terms.term("result", &[string, unit]);
    let params = terms.add(Node::List(vec![result]));
    let none = terms.add(Node::List(vec![]));
    let signature = terms.term("func", &[params, none]);
    let narrow = terms.memory_module(false);
    let wide = terms.memory_module(true);
    let function = terms.add(Node::Export(narrow, "f".into()));
    let caller_memory = terms.add(Node::Export(narrow, "memory".into()));
    let callee_memory = terms.add(Node::Export(wide, "memory".into()));
    let flag = terms.term("flag", &[function]);
    let unobserved = terms.term("unobserved", &[]);
    let caller = terms.term("memory-side", &[caller_memory, flag]);
    let callee = terms.term("heap-side", &[callee_memory, function, unobserved]);
    let after = terms.term("post-return", &[function]);
    let options = terms.add(Node::Entity(Entity::Options(OptionsId(0))));
    let text = terms.term("text", &[string, function, options, options]);
    let keep = terms.term("keep", &[unit, options, options]);
    let done = terms.term("done", &[]);
    let passes = terms.term("then", &[keep, done]);
    let passes = terms.term("then", &[text, passes]);
    let cases = terms.term("cases", &[result, passes, options, options]);
    let passes = terms.term("then", &[cases, done]);
    let traps = narrow;
    let args = [function, signature, caller, callee, after, passes, done, traps];
    let adapter = terms.term("adapter", &args);
    let always = terms.term("always", &[signature, options, function]);
    let check = terms.term("check-leave", &[function, signature, options, flag, function]);
    let lower = terms.term("without-leave", &[function, signature, options, flag]);
    let wrong = terms.term("adapter", &args[1..]);
    let swapped = terms.term("always", &[options, signature, function]);
    let (program, plan) = (program(), terms.0);

    let read = from_plan(&program, &plan, adapter).unwrap().unwrap();
    validate(&read.module.bytes);
    assert_eq!(
        read.sources,
        [
            Source::Node(function),
            Source::Node(function),
            Source::Node(function),
            Source::Export(traps, trap::CANNOT_LEAVE),
            Source::Export(traps, trap::INVALID_DISCRIMINANT),
            Source::Node(function),
        ]
    );
    assert_eq!(read.module.imports[2], Role::Transcoder(0));
    for (term, sources) in [(always, 1), (check, 3), (lower, 2)] {
        let read = from_plan(&program, &plan, term).unwrap().unwrap();
        validate(&read.module.bytes);
        assert_eq!(read.sources.len(), sources);
        assert_eq!(read.module.imports.len(), sources);
    }
    assert_eq!(from_plan(&program, &plan, string), Ok(None));
    assert!(from_plan(&program, &plan, wrong).is_err());
    let error = from_plan(&program, &plan, swapped).unwrap_err().to_string();
    assert!(error.contains("`always` cannot be emitted: ") && error.contains("`Signature`"));
}
