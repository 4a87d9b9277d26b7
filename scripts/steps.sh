# SPDX-License-Identifier: MIT OR Apache-2.0
# Sourced: numbered steps with a line each, their output in out/log/, shown only when a step fails.
#
#   steps_begin COUNT               before the first step
#   step NAME TITLE COMMAND...      runs COMMAND; "[2/6] TITLE ... 12 s"; on failure shows the end of out/log/NAME.log and exits with 1
#   steps_end TEXT                  the last line, with the total time

steps_failed_cases='^FAIL |^\[ +(ERROR|LINE) +\]|\*\*\*(Failed|Timeout|Exception)'

steps_begin()
{
    steps_total=$1
    steps_done=0
    steps_started=$(date +%s)
    mkdir -p out/log
}

step()
{
    step_name=$1
    step_title=$2
    shift 2
    steps_done=$((steps_done + 1))
    step_started=$(date +%s)
    printf '[%d/%d] %s ... ' "$steps_done" "$steps_total" "$step_title"
    if "$@" >"out/log/$step_name.log" 2>&1; then
        printf '%d s\n' $(($(date +%s) - step_started))
    else
        step_status=$?
        printf 'FAILED (exit status %d)\n' "$step_status"
        printf -- '--- the end of out/log/%s.log:\n' "$step_name" >&2
        # The compiler's command lines are long and say nothing that the messages do not.
        grep -v -E '^(/[^ ]*/)?(clang|cc|gcc)[-0-9]* |^/usr/bin/(clang|cc|gcc)' "out/log/$step_name.log" | tail -n 60 >&2
        # Last, and by name: the cases of tests (e2e.py, cmocka) that may stand far above the end.
        if grep -q -E "$steps_failed_cases" "out/log/$step_name.log"; then
            printf -- '--- what failed:\n' >&2
            grep -E -A 1 "$steps_failed_cases" "out/log/$step_name.log" | grep -v '^--$' | tail -n 20 >&2
        fi
        exit 1
    fi
}

steps_end()
{
    printf '%s (%d s)\n' "$1" $(($(date +%s) - steps_started))
}

# build PRESET [TARGET...]: configures when needed, then builds with as many jobs as there are processors. ENFORCE_FIXED_LAYOUT, 0 or 1 (the
# default), applies to the presets that do not set it themselves; a build folder that was configured for the other is configured again.
build()
{
    build_preset=$1
    shift
    build_dir=out/build/$build_preset
    case $build_preset in
    *-any-layout | host*) build_layout= ;;
    *) build_layout=-DENFORCE_FIXED_LAYOUT=${ENFORCE_FIXED_LAYOUT:-1} ;;
    esac
    if [ ! -f "$build_dir/build.ninja" ]; then
        cmake --preset "$build_preset" $build_layout || return 1
    elif [ -n "$build_layout" ] && ! grep -q "^ENFORCE_FIXED_LAYOUT:.*=${build_layout#*=}\$" "$build_dir/CMakeCache.txt"; then
        cmake --preset "$build_preset" "$build_layout" || return 1
    fi
    if [ $# -gt 0 ]; then
        cmake --build "$build_dir" --parallel "$(nproc)" --target "$@"
    else
        cmake --build "$build_dir" --parallel "$(nproc)"
    fi
}
