#!/usr/bin/env bash
# Builds the kernels with sanitizers and ends with an error at the first report:
# the thread sanitizer on driver.cpp, address and undefined behaviour on tests of tests/native.
#   PYTHON: the interpreter of an environment with fullrank; CXX: a compiler with the sanitizers.
set -euo pipefail
cd "$(dirname "$0")/../../.."
python="${PYTHON:-.venv/bin/python}"
compiler="${CXX:-g++}"
kernels=src/fullrank/native/kernels
built="$(mktemp -d)"
trap 'rm -rf "$built"' EXIT
flags=(-std=c++17 -O1 -g -march=native -fno-math-errno -pthread -Wall -Wextra -Werror)

$compiler "${flags[@]}" -fsanitize=thread -I "$kernels" tests/native/sanitize/driver.cpp -o "$built/driver" &
threads=$!
$compiler "${flags[@]}" -fPIC -shared -fsanitize=address,undefined,float-cast-overflow \
    -fno-sanitize-recover=all "$kernels/kernels.cpp" -o "$built/kernels.so"
wait "$threads"

TSAN_OPTIONS=halt_on_error=1 "$built/driver"

# The interpreter is not built with the sanitizer, so its library comes first. Python's own leaks at
# exit are not ours.
preload="$($compiler -print-file-name=libasan.so) $($compiler -print-file-name=libstdc++.so)"
LD_PRELOAD="$preload" ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1 \
    FULLRANK_KERNELS_LIBRARY="$built/kernels.so" "$python" -m pytest -q --capture=sys -p no:cacheprovider \
    tests/native/test_border.py tests/native/test_kernels.py tests/encoders/test_factored.py \
    tests/encoders/test_least_squares.py \
    -k "border or (threads and not (on_lightgcn and ccl)) or near_pairs or (those_of_torch and 3)"
