//! Streams and futures of `pulseengine:async` between fused guests, and the modules beside them;
//! `docs/streams.md` and `docs/async-modules.md` say which test holds what.

mod async_modules;
mod callbacks;
mod components;
mod engines;
mod host;
mod modules;
mod packs;
