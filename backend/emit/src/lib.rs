//! Writes a decided program as one core module, or as a component around one.
//!
//! ```text
//! Plan ──wiring──▶ instances and what their imports are ──merge──▶ core module ──wrap──▶ output
//!           │
//!           └─ adapter: a core module for each adapter term
//! ```
//!
//! * `wiring` turns decided terms into instances: guests, pack modules and generated adapters
//!   alike, each import pointing at what it is.
//! * [`adapter`] generates the one kind of module whose shape follows a signature.
//! * [`merge`] merges instances into one module; it knows nothing of components.
//! * `surface` names what the module imports from and exports to its host.
//! * [`wrap`] gives the module the face that the input had.
//!
//! Nothing here chooses: a term that the backend does not know is an error.

pub mod adapter;
mod error;
mod fresh;
pub mod memory;
pub mod merge;
mod surface;
mod terms;
mod validate;
mod warnings;
mod wiring;
pub mod wrap;

pub use error::EmitError;
pub use terms::emitted;
pub use warnings::{AlwaysTraps, always_trapping, some_of};

use meld_component::program::{CoreItem, InstanceId, Program, World};
use meld_engine::plan::{Form, Node, Plan, Port};
use merge::{Merge, MergeError, Source, StartMode};
use std::io::{ErrorKind, IoSlice, Write};
use validate::{Check, Written};
use wrap::{EmbedError, Face, WitWorld};

/// What was written.
#[derive(Clone, Debug)]
pub struct Emitted {
    /// The component or the core module. It is valid.
    pub bytes: Vec<u8>,
    /// What there is to say of it.
    pub report: Report,
}

/// What there is to say of an output.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// What there is to say to the user without failing.
    pub warnings: Vec<String>,
    /// Where a function is called whose body was decided to stand in place of the call: the first port
    /// that this is about, what is called by whom, and why.
    pub not_inlined: Vec<(Port, String)>,
}

/// The export by which a starter instance runs the start functions of guests, where the module
/// cannot do so itself because its imports do not work yet.
const START: &str = "meld:start";

/// Makes the output of a decided program in the form that was decided for.
///
/// Where its function bodies have not been validated ([`Program::unvalidated`]), they are.
///
/// # Errors
///
/// See [`EmitError`]. Output that is not valid is an error, never returned.
pub fn emit(program: &Program, plan: &Plan) -> Result<Emitted, EmitError> {
    let mut bytes = Vec::new();
    let report = emit_to(program, plan, &mut bytes)?;
    Ok(Emitted { bytes, report })
}

/// Writes the output, which [`emit`] returns, as it is made: it is never in memory as a whole. What
/// was written before an error must be thrown away.
///
/// # Errors
///
/// As [`emit`], and if it cannot be written.
pub fn emit_to(
    program: &Program,
    plan: &Plan,
    out: &mut (impl Write + Send),
) -> Result<Report, EmitError> {
    validate::with_validation(program, || write(program, plan, out))
}

fn write(
    program: &Program,
    plan: &Plan,
    out: &mut (impl Write + Send),
) -> Result<Report, EmitError> {
    let hosts = surface::HostImports::new(program, plan)?;
    let wiring = wiring::Wiring::new(program, plan, &hosts);
    let surface = surface::ModuleSurface::new(program, plan, &hosts, &wiring)?;
    let core_world = matches!(program.world, World::Core { .. });
    // A plain core module starts itself. Host functions of components work only once their host
    // knows the memory of the module that calls them, which is after its instantiation.
    let start = if core_world { StartMode::Section } else { started(plan, &wiring)? };
    let instances = wiring.instances()?;
    let merge =
        Merge { name: None, instances, exports: surface.exports.into_iter().collect(), start };
    let wit = || match plan.target.form {
        Form::Component => Ok(None),
        Form::Core => WitWorld::of(program),
    };
    merge::merge_then(&merge, wit, |wit, merged| {
        let mut written = Written::default();
        for (id, position) in wiring.guests() {
            if merged.proves[position] {
                written.add(program.instances[id.index()].module, &merged.kept[position]);
            }
        }
        let not_inlined = not_inlined(&wiring, &merge, &merged.not_inlined);
        let mut warnings = Vec::new();
        warnings.extend(warnings::lost_debug_information(&merge, &merged));
        warnings.extend(warnings::told_of_trapping(program, plan));
        let mut module = merged.module;
        let face = if core_world {
            Face::default()
        } else {
            let wrapping = wrap::Wrapping {
                program,
                module: std::mem::take(&mut module.head),
                lowers: surface.lowers,
                builtins: surface.builtins,
                destructors: surface.destructors,
                supplied: surface.supplied,
                lifts: surface.lifts,
                start: merged.has_start.then(|| START.to_string()),
            };
            let face = match plan.target.form {
                Form::Component => wrap::component_face(&wrapping)?,
                Form::Core => core_face(&wrapping, wit, &mut warnings)?,
            };
            module.head = wrapping.module;
            face
        };
        let (mut check, mut size) = (Check::default(), 0);
        let mut put = |pieces: &[&[u8]], outline: &[&[u8]]| {
            size += pieces.iter().map(|piece| piece.len()).sum::<usize>();
            let write = || write_all(out, pieces);
            let (written, valid) = rayon::join(write, || check.take(outline));
            valid.map_err(EmitError::invalid)?;
            written.map_err(EmitError::Write)
        };
        let (put, others) = rayon::join(
            || face.put_on(&module, &mut put),
            || written.validate_others(program).map_err(EmitError::Input),
        );
        put.and(others)?;
        // The check does not see the bytes of data segments, on which sizes depend.
        if size != face.size(&module)? {
            return Err(EmitError::Invalid("sections do not have the sizes that they say".into()));
        }
        let valid = check.finish().map_err(EmitError::invalid)?;
        if let (World::Component(world), Form::Component) = (&program.world, plan.target.form) {
            wrap::same_world(world, &valid)?;
        }
        out.flush().map_err(EmitError::Write)?;
        Ok(Report { warnings, not_inlined })
    })
    .map_err(|error| of_guest(program, &wiring, error))?
}

/// Writes pieces, which are many, with few calls.
fn write_all(out: &mut impl Write, pieces: &[&[u8]]) -> std::io::Result<()> {
    let mut slices: Vec<IoSlice<'_>> = pieces.iter().map(|piece| IoSlice::new(piece)).collect();
    let mut slices = &mut slices[..];
    // What is empty is passed over, so that nothing written means that nothing can be.
    IoSlice::advance_slices(&mut slices, 0);
    while !slices.is_empty() {
        match out.write_vectored(slices) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(written) => IoSlice::advance_slices(&mut slices, written),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// How start functions are run by the export [`START`].
fn started(plan: &Plan, wiring: &wiring::Wiring<'_>) -> Result<StartMode, EmitError> {
    let start = START.to_string();
    match plan.ports.get(&Port::Start).map(|node| plan.node(*node)) {
        Some(Node::Term(name, arguments)) if &**name == "start-caught" => {
            Ok(StartMode::Caught(start, wiring.source(arguments[0])?))
        }
        _ => Ok(StartMode::Export(start)),
    }
}

/// A guest says itself what type a function has that it leaves to the host. So where a pack answers for
/// the host, what does not fit is the guest's import.
fn of_guest(program: &Program, wiring: &wiring::Wiring<'_>, error: MergeError) -> EmitError {
    let MergeError::Type { import: (instance, position), pack_module: Some(_), .. } = error else {
        return error.into();
    };
    let to_host = |id: InstanceId| {
        let item = program.instances[id.index()].imports.get(position as usize);
        matches!(item, Some(CoreItem::Host { .. }))
    };
    let guest = wiring.guests().find(|(_, position)| *position == instance);
    match error {
        MergeError::Type { user, source_item: answer, reason, .. }
            if guest.is_some_and(|(id, _)| to_host(id)) =>
        {
            EmitError::Answer { user, answer, reason }
        }
        error => error.into(),
    }
}

/// Names of wit-component for the module, and its world embedded where WIT can say it.
fn core_face(
    wrapping: &wrap::Wrapping<'_>,
    wit: Result<Option<WitWorld>, EmbedError>,
    warnings: &mut Vec<String>,
) -> Result<Face, EmitError> {
    let (mut face, encoding) = wrap::core_face(wrapping)?;
    let embed =
        |wit: Option<WitWorld>| wit.map_or(Ok(()), |wit| wit.embed(&mut face.tail, encoding));
    if let Err(reason) = wit.and_then(embed) {
        warnings.push(format!("the module carries no WIT: {reason}"));
    }
    Ok(face)
}

/// Says where a function is called whose body should stand there, each at a port that this is about.
fn not_inlined(
    wiring: &wiring::Wiring<'_>,
    merge: &Merge<'_>,
    not_inlined: &[merge::NotInlined],
) -> Vec<(Port, String)> {
    if not_inlined.is_empty() {
        return Vec::new();
    }
    let port_of = wiring.port_of();
    let note = |&merge::NotInlined { instance, import, reason }: &merge::NotInlined| {
        let Source::Inline { instance: of, name } = &merge.instances[instance].imports[import]
        else {
            return None;
        };
        let [by, of] = [instance, *of].map(|position| &merge.instances[position].name);
        let note = format!("{by} calls {of}.{name}, and has no body in its place: {reason}");
        Some((port_of(instance, import)?, note))
    };
    not_inlined.iter().filter_map(note).collect()
}
