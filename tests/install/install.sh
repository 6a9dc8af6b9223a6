#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# install.sh WAY BUILD LIBDIR: one way from an installation to a running program.
# "prefix" comes first: it installs into BUILD/installed/both and .../static.

set -euo pipefail
way=$1 build=$2 libdir=$3
here=$(cd "$(dirname "$0")" && pwd)
both=$build/installed/both static=$build/installed/static
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

compile() # compiler pkg-config-options prefix source
{
    export PKG_CONFIG_PATH=$3/$libdir/pkgconfig
    # shellcheck disable=SC2046,SC2086
    $1 -Wall -Wextra -Werror "$4" -o "$work/hello" $(pkg-config $2 --cflags --libs tulle)
}

consume() # prefix cmake-options...
{
    cmake -G Ninja -S "$here/consumer" -B "$work" -DCMAKE_PREFIX_PATH="$1" "${@:2}"
    cmake --build "$work"
}

is_static()
{
    if ldd "$work/hello" | grep libtulle; then
        echo "the program needs the shared library"
        return 1
    fi
}

export LD_LIBRARY_PATH=$both/$libdir
case $way in
prefix)
    rm -rf "$build/installed"
    cmake --install "$build" --prefix "$both"
    cmake --install "$build" --prefix "$static" --component static
    exit 0
    ;;
pkgconfig) compile "cc -std=c11" "" "$both" "$here/consumer/hello.c" ;;
pkgconfig_static) compile "cc -std=c11" "--static" "$static" "$here/consumer/hello.c" && is_static ;;
cmake) consume "$both" ;;
cmake_static) consume "$both" -DSTATIC=ON && is_static ;;
cxx) compile "c++ -std=c++17 -pedantic" "" "$both" "$here/consumer/hello.cc" ;;
hpp) compile "c++ -std=c++17 -pedantic" "" "$both" "$here/consumer/hello_hpp.cc" ;;
*) echo "unknown way: $way" && exit 2 ;;
esac
"$work/hello"
