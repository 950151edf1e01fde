#!/usr/bin/env bash
# All checks: formatting, lints, tests. Installs what is missing first (a C compiler, the software adapters that stand
# in for GPUs, Valgrind, Node.js and Chromium), where apt-get is there and may be used. Runs on a fresh Debian with nothing but
# Rust.
#
#     SEGMINT_REQUIRE_ADAPTERS   adapters whose absence is a failure; set it empty to test without any
#     SEGMINT_REQUIRE_VALGRIND   1, the default on Linux: counts of the kernels' instructions that could not be made are a
#                                failure
#     SEGMINT_REQUIRE_RADV       1, the default here on Linux: kernels that were not compiled for AMD are a failure
#     SEGMINT_REQUIRE_BROWSER    1, the default here: a report that no browser could be found for is a failure
#     SEGMINT_REQUIRE_DUCKDB     1, the default here: a query that no database could be found for is a failure
#     SEGMINT_ACCEPTANCE         folder with further data sets and their expected figures; unset: those are skipped by name
#     SEGMINT_NIGHTLY=1          the long sweeps
set -euo pipefail
cd "$(dirname "$0")/.."

missing=()
{ command -v cc && command -v make; } > /dev/null || missing+=(build-essential)
if [ "$(uname -s)" = Linux ]; then
    has_library() { ldconfig -p 2> /dev/null | grep -q "$1" || ls /usr/lib/*/"$1" > /dev/null 2>&1; }
    has_library libvulkan.so.1 || missing+=(libvulkan1)
    has_library libEGL.so.1 || missing+=(libegl1)
    ls /usr/share/vulkan/icd.d/lvp_icd*.json > /dev/null 2>&1 || missing+=(mesa-vulkan-drivers)
    ls /usr/share/vulkan/icd.d/radeon_icd*.json > /dev/null 2>&1 || missing+=(mesa-vulkan-drivers)
    ls /usr/lib/*/dri/swrast_dri.so > /dev/null 2>&1 || missing+=(libgl1-mesa-dri)
    ls /usr/lib/chromium*/libvk_swiftshader.so > /dev/null 2>&1 || [ -n "${SEGMINT_SWIFTSHADER:-}" ] || missing+=(chromium)
    ls /usr/lib/chromium*/chromium > /dev/null 2>&1 || [ -n "${SEGMINT_CHROMIUM:-}" ] || missing+=(chromium)
    command -v valgrind > /dev/null || missing+=(valgrind)
    command -v node > /dev/null || missing+=(nodejs)
    command -v npm > /dev/null || missing+=(npm)
    adapters=lavapipe,llvmpipe-gl,swiftshader
    radv=1
else
    adapters=
    radv=
fi

if [ "${#missing[@]}" -gt 0 ]; then
    as_root=()
    [ "$(id -u)" = 0 ] || as_root=(sudo -n)
    if command -v apt-get > /dev/null && "${as_root[@]}" true 2> /dev/null; then
        echo "installing: ${missing[*]}"
        "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -q
        "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "${missing[@]}" < /dev/null
    else
        echo "missing, and apt-get cannot be used here: ${missing[*]}" >&2
    fi
fi

eval "$(.ci/adapters.sh)"
export SEGMINT_REQUIRE_ADAPTERS="${SEGMINT_REQUIRE_ADAPTERS-$adapters}"
if [ "$(uname -sm)" = "Linux x86_64" ]; then
    export SEGMINT_REQUIRE_VALGRIND="${SEGMINT_REQUIRE_VALGRIND-1}"
fi
export SEGMINT_REQUIRE_RADV="${SEGMINT_REQUIRE_RADV-$radv}"

stage() {
    echo "== $*"
    local start=$SECONDS
    "$@"
    echo "== done in $((SECONDS - start)) s"
}

# The page is looked at in a real browser: two small packages, pinned, that only this test uses.
export SEGMINT_REQUIRE_BROWSER="${SEGMINT_REQUIRE_BROWSER-1}"
if [ "$SEGMINT_REQUIRE_BROWSER" = 1 ]; then
    stage npm ci --prefix tests/browser --ignore-scripts --no-audit --no-fund
fi

# The queries of `explain` run in a real database, which comes as one pinned package.
export SEGMINT_REQUIRE_DUCKDB="${SEGMINT_REQUIRE_DUCKDB-1}"
if [ "$SEGMINT_REQUIRE_DUCKDB" = 1 ]; then
    stage npm ci --prefix tests/duckdb --ignore-scripts --no-audit --no-fund
fi

stage cargo fmt --check
stage cargo clippy --all-targets --locked -- -D warnings
stage cargo test --locked --no-fail-fast
