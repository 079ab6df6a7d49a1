//! Streams and futures of `pulseengine:async` between fused guests, and the modules beside them;
//! `docs/streams.md` and `docs/async-modules.md` say which test holds what. And packs of a user that answer in the host's place.

mod async_modules;
mod callbacks;
mod components;
#[path = "../engines/mod.rs"]
mod engines;
mod guests;
mod host;
mod intrinsics;
mod modules;
mod other_types;
mod own_packs;
mod packs;
mod root_modules;
