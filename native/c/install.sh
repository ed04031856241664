#!/bin/sh
# Builds the C library with cargo and installs it: header, static and shared library, pkg-config file.
#   native/c/install.sh [PREFIX]      default /usr/local
set -eu

prefix=${1:-/usr/local}
here=$(cd "$(dirname "$0")" && pwd)
workspace=$(dirname "$here")
target=${CARGO_TARGET_DIR:-$workspace/target}
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' "$workspace/Cargo.toml")

cargo build --release --locked --manifest-path "$workspace/Cargo.toml" --package tasker-c
mkdir -p "$prefix/include" "$prefix/lib/pkgconfig"
prefix=$(cd "$prefix" && pwd)
cp "$here/include/tasker.h" "$prefix/include/"
cp "$target/release/libtasker.a" "$prefix/lib/"
if [ -f "$target/release/libtasker.so" ]; then
  # by name, never in place: a program may have the old one mapped
  cp "$target/release/libtasker.so" "$prefix/lib/libtasker.so.1.new"
  mv "$prefix/lib/libtasker.so.1.new" "$prefix/lib/libtasker.so.1"
  ln -sf libtasker.so.1 "$prefix/lib/libtasker.so"
else
  cp "$target/release/libtasker.dylib" "$prefix/lib/"
fi
sed "s|@PREFIX@|$prefix|; s|@VERSION@|$version|" "$here/tasker.pc.in" >"$prefix/lib/pkgconfig/tasker.pc"
