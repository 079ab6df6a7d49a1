//! Streams and futures of `pulseengine:async` between fused guests; `docs/streams.md` says which test
//! holds what.

mod components;
mod engines;
mod host;
mod modules;
