//! Canonical definitions: lifts, lowers and built-ins.

use super::env::{EnvId, Item};
use super::{LinkError, Linker};
use crate::program::{Builtin, CanonicalOptions, CoreItem, FuncDef, OptionsId, StringEncoding};
use wasmparser::{CanonicalFunction, CanonicalOption, ComponentExternalKind};

/// Canonical options of one definition, resolved.
struct Options {
    shared: OptionsId,
    post_return: Option<CoreItem>,
    callback: Option<CoreItem>,
}

impl<'a> Linker<'a> {
    pub(super) fn canon(&mut self, env: EnvId, canon: &CanonicalFunction) -> Result<(), LinkError> {
        let component = self.envs[env.0 as usize].component;
        let item = match canon {
            CanonicalFunction::Lift { core_func_index, type_index, options } => {
                let core = self.core_func(env, *core_func_index)?;
                let ty = self.func_type_at(env, *type_index)?;
                let Options { shared, post_return, callback } = self.options(env, options)?;
                let def = FuncDef::Lift { core, options: shared, post_return, callback };
                let func = self.func(ty, def);
                self.push(env, Item::Func(func));
                return Ok(());
            }
            CanonicalFunction::Lower { func_index, options } => {
                let Item::Func(func) = self.item(env, ComponentExternalKind::Func, *func_index)?
                else {
                    return Err(self.inconsistent(env, "a lower of no function"));
                };
                CoreItem::Lower { func, options: self.options(env, options)?.shared }
            }
            CanonicalFunction::ResourceNew { resource } => {
                let resource = self.resource_at(env, *resource)?;
                CoreItem::Builtin(Builtin::ResourceNew(component, resource))
            }
            CanonicalFunction::ResourceRep { resource } => {
                let resource = self.resource_at(env, *resource)?;
                CoreItem::Builtin(Builtin::ResourceRep(component, resource))
            }
            CanonicalFunction::ResourceDrop { resource } => {
                let resource = self.resource_at(env, *resource)?;
                CoreItem::Builtin(Builtin::ResourceDrop(component, resource))
            }
            CanonicalFunction::ContextGet { ty, slot }
            | CanonicalFunction::ContextSet { ty, slot } => {
                let set = matches!(canon, CanonicalFunction::ContextSet { .. });
                let wide = *ty == wasmparser::ValType::I64;
                CoreItem::Builtin(Builtin::Context { component, set, slot: *slot, wide })
            }
            other => CoreItem::Builtin(Builtin::Async(component, async_name(other).to_string())),
        };
        self.envs[env.0 as usize].core_funcs.push(item);
        Ok(())
    }

    fn options(&mut self, env: EnvId, list: &[CanonicalOption]) -> Result<Options, LinkError> {
        let mut options = CanonicalOptions::bare(self.envs[env.0 as usize].component);
        let (mut post_return, mut callback) = (None, None);
        for option in list {
            match option {
                CanonicalOption::UTF8 => options.encoding = StringEncoding::Utf8,
                CanonicalOption::UTF16 => options.encoding = StringEncoding::Utf16,
                CanonicalOption::CompactUTF16 => options.encoding = StringEncoding::Latin1Utf16,
                CanonicalOption::Memory(index) => {
                    let memory = self.core_item(env, wasmparser::ExternalKind::Memory, *index)?;
                    options.memory64 = self.is_memory64(&memory);
                    options.memory = Some(memory);
                }
                CanonicalOption::Realloc(index) => {
                    options.realloc = Some(self.core_func(env, *index)?);
                }
                CanonicalOption::PostReturn(index) => {
                    post_return = Some(self.core_func(env, *index)?);
                }
                CanonicalOption::Callback(index) => callback = Some(self.core_func(env, *index)?),
                CanonicalOption::Async => options.async_ = true,
                CanonicalOption::CoreType(_) | CanonicalOption::Gc => {
                    let what = "the GC option of the Canonical ABI";
                    return Err(LinkError::Unsupported { path: self.path(env), what });
                }
            }
        }
        let shared = OptionsId(self.options.insert_full(options).0 as u32);
        Ok(Options { shared, post_return, callback })
    }
}

/// The name of a built-in of the async ABI. Those whose definition has an `async` immediate
/// share a name with those that have not.
fn async_name(canon: &CanonicalFunction) -> &'static str {
    use CanonicalFunction as C;
    match canon {
        C::Lift { .. } => "lift",
        C::Lower { .. } => "lower",
        C::ResourceNew { .. } => "resource.new",
        C::ResourceDrop { .. } => "resource.drop",
        C::ResourceRep { .. } => "resource.rep",
        C::ThreadSpawnRef { .. } => "thread.spawn-ref",
        C::ThreadSpawnIndirect { .. } => "thread.spawn-indirect",
        C::ThreadAvailableParallelism => "thread.available-parallelism",
        C::BackpressureInc => "backpressure.inc",
        C::BackpressureDec => "backpressure.dec",
        C::TaskReturn { .. } => "task.return",
        C::TaskCancel => "task.cancel",
        C::ContextGet { .. } => "context.get",
        C::ContextSet { .. } => "context.set",
        C::ThreadYield { .. } => "thread.yield",
        C::SubtaskDrop => "subtask.drop",
        C::SubtaskCancel { .. } => "subtask.cancel",
        C::StreamNew { .. } => "stream.new",
        C::StreamRead { .. } => "stream.read",
        C::StreamWrite { .. } => "stream.write",
        C::StreamCancelRead { .. } => "stream.cancel-read",
        C::StreamCancelWrite { .. } => "stream.cancel-write",
        C::StreamDropReadable { .. } => "stream.drop-readable",
        C::StreamDropWritable { .. } => "stream.drop-writable",
        C::FutureNew { .. } => "future.new",
        C::FutureRead { .. } => "future.read",
        C::FutureWrite { .. } => "future.write",
        C::FutureCancelRead { .. } => "future.cancel-read",
        C::FutureCancelWrite { .. } => "future.cancel-write",
        C::FutureDropReadable { .. } => "future.drop-readable",
        C::FutureDropWritable { .. } => "future.drop-writable",
        C::ErrorContextNew { .. } => "error-context.new",
        C::ErrorContextDebugMessage { .. } => "error-context.debug-message",
        C::ErrorContextDrop => "error-context.drop",
        C::WaitableSetNew => "waitable-set.new",
        C::WaitableSetWait { .. } => "waitable-set.wait",
        C::WaitableSetPoll { .. } => "waitable-set.poll",
        C::WaitableSetDrop => "waitable-set.drop",
        C::WaitableJoin => "waitable.join",
        C::ThreadIndex => "thread.index",
        C::ThreadNewIndirect { .. } => "thread.new-indirect",
        C::ThreadResumeLater => "thread.resume-later",
        C::ThreadSuspend { .. } => "thread.suspend",
        C::ThreadSuspendThenResume { .. } => "thread.suspend-then-resume",
        C::ThreadYieldThenResume { .. } => "thread.yield-then-resume",
        C::ThreadSuspendThenPromote { .. } => "thread.suspend-then-promote",
        C::ThreadYieldThenPromote { .. } => "thread.yield-then-promote",
    }
}
