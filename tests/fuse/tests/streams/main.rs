//! Streams and futures of `pulseengine:async` between fused guests, and the modules beside them;
//! `docs/streams.md` and `docs/async-modules.md` say which test holds what.

mod async_modules;
mod callbacks;
mod components;
#[path = "../engines/mod.rs"]
mod engines;
mod guests;
mod harness;
mod host;
mod intrinsics;
mod other_types;
mod own_packs;
mod root_modules;
mod roots;
mod streams;
