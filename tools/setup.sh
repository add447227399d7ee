#!/usr/bin/env bash
# Sets up everything that `make book` and `make test` need, and says what it does before it does it.
#
#   tools/setup.sh           system packages (with root or sudo), .venv, R's packages, Chromium
#   R=0 tools/setup.sh       the same without R
#   PYTHON=python3.12 ...    another Python (3.11 is the reference, from 3.11.0 on; 3.12 and 3.13 should do)
#
# Safe to run again: when nothing has changed since the last run it ends at once.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=.venv
want_r=${R:-1}
say() { printf '\033[1m==>\033[0m %s\n' "$*"; }
have() { command -v "$1" >/dev/null 2>&1; }

# Chromium under any of its names (the browser tests look in the same places).
browser() { for b in chromium chromium-browser google-chrome google-chrome-stable; do have "$b" && echo "$b" && return; done; true; }

# A fingerprint of what the environment was made from; R or a browser that came or went changes it too.
fingerprint() {
    cat requirements.txt apt.txt pyproject.toml tools/setup.sh tools/r_link.py $(find tools/R -type f | sort) |
        { sha256sum 2>/dev/null || shasum -a 256; } | cut -c1-64
    echo "$want_r $(have Rscript && echo R || true) $(browser) ${PYTHON:-}"
}
if [ -f "$venv/.ready" ] && [ "$(cat "$venv/.ready")" = "$(fingerprint)" ]; then exit 0; fi

# --- 1. system packages ------------------------------------------------------------------------
as_root=
if [ "$(id -u)" != 0 ]; then
    if have sudo && sudo -n true 2>/dev/null; then as_root="sudo"; else as_root=none; fi
fi
need=()
have make || need+=(make)
have cc || need+=(build-essential)         # PyTensor compiles the Bayesian models
find_python() { for p in ${PYTHON:-} python3.11 python3 python3.12 python3.13; do
    have "$p" && "$p" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && echo "$p" && return; done; true; }
python=$(find_python)
if [ -z "$python" ]; then need+=(python3 python3-venv python3-dev)
else
    "$python" -c 'import venv, ensurepip' 2>/dev/null || need+=(python3-venv)
    "$python" -c 'import os, sys, sysconfig; sys.exit(not os.path.exists(os.path.join(sysconfig.get_paths()["include"], "Python.h")))' || need+=(python3-dev)
fi
[ -n "$(browser)" ] || need+=(chromium)
if [ "$want_r" != 0 ] && have dpkg-query; then
    while read -r package; do
        dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || need+=("$package")
    done < apt.txt
fi
if [ ${#need[@]} -gt 0 ]; then
    if have apt-get && [ "$as_root" != none ]; then
        say "system packages, by apt: ${need[*]}"
        $as_root apt-get update -qq
        $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${need[@]}" >/dev/null
    else
        say "not installed, for lack of rights; to add them, then run this again:  sudo apt-get install ${need[*]}"
    fi
fi
python=$(find_python)
[ -n "$python" ] || { echo "No Python 3.11, 3.12 or 3.13 here. Install one (Debian: sudo apt-get install python3 python3-venv) and run this again." >&2; exit 1; }

# --- 2. Python packages ------------------------------------------------------------------------
lock=$({ sha256sum requirements.txt 2>/dev/null || shasum -a 256 requirements.txt; } | cut -c1-64)
if [ ! -x "$venv/bin/python" ] || [ "$(cat "$venv/.lock" 2>/dev/null)" != "$lock" ]; then
    if [ ! -x "$venv/bin/python" ]; then
        say "virtual environment $venv ($("$python" --version))"
        "$python" -m venv "$venv" || { echo "Making $venv failed: the message above says why (often: sudo apt-get install python3-venv)." >&2; rm -rf "$venv"; exit 1; }
    fi
    say "Python packages from requirements.txt, hash-checked (2 GB on disk; some minutes)"
    # ABI mode: rpy2 then needs neither a compiler nor R when it is installed, and finds R when it is used.
    RPY2_CFFI_MODE=ABI "$venv/bin/python" -m pip install -qq --disable-pip-version-check --no-warn-script-location \
        --require-hashes -r requirements.txt
    echo "$lock" > "$venv/.lock"
fi
say "mmhelpers itself, editable"
"$venv/bin/python" -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation --editable .

# --- 3. R's library of the environment, and a kernel that finds it -----------------------------
"$venv/bin/python" tools/r_link.py --r "$want_r"

fingerprint > "$venv/.ready"
say "ready; what works here: $venv/bin/mmhelpers doctor"
