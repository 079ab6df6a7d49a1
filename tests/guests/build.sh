#!/usr/bin/env bash
# Builds every guest from its sources, on Debian 12 with Rust (rustup), and puts the components next
# to them. What comes from elsewhere: Debian packages (apt) and crates (crates.io). Everything that
# is not a component goes to one scratch folder, which may be deleted at any time.
#
#   tests/guests/build.sh [SCRATCH]
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
scratch=${1:-${TMPDIR:-/tmp}/guests-build}
mkdir -p "$scratch"
export RUST_BACKTRACE=0

# Toolchains.

# The packages that are not installed yet; the compiler for C is installed for good.
apt_install() {
  local missing=()
  for package in "$@"; do
    dpkg -s "$package" >/dev/null 2>&1 || missing+=("$package")
  done
  if ((${#missing[@]})); then
    apt-get update
    apt-get install --yes --no-install-recommends "${missing[@]}"
  fi
}
apt_install clang-22 lld-22 wasi-libc libclang-rt-22-dev-wasm32 libllvm22

# A compiler for Rust with the sources of its own std, unpacked and not installed: rustup has no
# std for wasm32 to offer everywhere that this must run.
rust=$scratch/rust
if [[ ! -x $rust/usr/bin/rustc ]]; then
  mkdir -p "$scratch/debs" "$rust"
  (cd "$scratch/debs" &&
    apt-get download rustc-web rust-web-src libstd-rust-web-1.96 libstd-rust-web-dev)
  for package in "$scratch"/debs/*.deb; do dpkg -x "$package" "$rust"; done
fi

(cd "$here/tools" && CARGO_TARGET_DIR=$scratch/tools cargo build --locked --quiet)
tools=$scratch/tools/debug/guest-tools

# component CORE OUT: the core module as a component, which may not import WASI.
component() {
  "$tools" component "$1" "$2"
  "$tools" check "$2"
}

# c_core WIT WORLD ENCODING OUT SOURCE OR OPTION...: leaves the core module's path in `core`.
c_core() {
  local wit=$1 world=$2 encoding=$3 out=$4
  shift 4
  local name work
  name=$(basename "$out" .wasm)
  work=$scratch/c/$name
  "$tools" bindings "$wit" "$world" "$encoding" "$work"
  # wasi-libc of Debian 12 knows no newer name for the target. The bindings see one type under the
  # names of several interfaces, hence no strict aliasing.
  core=$work/$name.wasm
  clang-22 --target=wasm32-wasi -Os -fno-strict-aliasing \
    -Wall -Wextra -Wno-deprecated -Wno-unused-parameter -Wno-missing-field-initializers \
    -I"$work" "$@" "$work/guest.c" "$work/guest_component_type.o" \
    -Wl,--strip-debug -o "$core"
}

# c_guest WIT WORLD ENCODING OUT SOURCE...
c_guest() {
  c_core "$@" -mexec-model=reactor
  component "$core" "$4"
}

# c_wasi WORLD command|reactor OUT SOURCE...: commands, too, are linked as reactors, or the linker would
# have every export run the constructors.
c_wasi() {
  local world=$1 adapter=$2 out=$3
  shift 3
  c_core wasi/wit "$world" utf8 "$out" "$@" -mexec-model=reactor
  "$tools" "$adapter" "$core" "$out"
}

cd "$here"

for encoding in utf8 utf16; do
  c_guest values/wit provider $encoding values/provider-c-$encoding.wasm \
    values/c/{provider,model,text}.c
  c_guest values/wit consumer $encoding values/consumer-c-$encoding.wasm \
    values/c/{consumer,relay,model,text}.c
done
c_guest chain/wit leaf utf16 chain/leaf.wasm chain/c/leaf.c
c_guest chain/wit top utf8 chain/top.wasm chain/c/top.c
c_guest hello/wit app utf8 hello/app.wasm hello/c/app.c
c_guest resources/wit leaf utf16 resources/leaf-c.wasm resources/c/leaf.c
c_guest resources/wit middle utf8 resources/middle.wasm resources/c/middle.c
c_wasi command command wasi/command-c.wasm wasi/c/command.c
c_wasi library reactor wasi/library-c.wasm wasi/c/library.c

# Once for all guests in Rust. No source location goes into a panic, hence no path of this machine.
export LD_LIBRARY_PATH=$rust/usr/lib/x86_64-linux-gnu
RUSTC=$rust/usr/bin/rustc RUSTC_BOOTSTRAP=1 CARGO_TARGET_DIR=$scratch/target \
  RUSTFLAGS="-Clinker=wasm-ld-22 -Clinker-flavor=wasm-ld -Zlocation-detail=none" \
  cargo build --locked --quiet --release --target wasm32-unknown-unknown \
  -Zbuild-std=std,panic_abort
unset LD_LIBRARY_PATH

# rust_guest CRATE OUT
rust_guest() {
  component "$scratch/target/wasm32-unknown-unknown/release/$1.wasm" "$2"
}

for world in provider consumer; do
  rust_guest values_$world values/$world-rust.wasm
done
for guest in middle wrap; do
  rust_guest chain_$guest chain/$guest.wasm
done
rust_guest hello_greeter hello/greeter.wasm
rust_guest resources_leaf resources/leaf-rust.wasm
for guest in wrap top; do
  rust_guest resources_$guest resources/$guest.wasm
done
"$tools" reactor "$scratch/target/wasm32-unknown-unknown/release/wasi_library.wasm" \
  wasi/library-rust.wasm
