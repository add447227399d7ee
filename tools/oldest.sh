#!/usr/bin/env bash
# The engine's tests on the oldest NumPy and SciPy that pyproject.toml allows, in an environment of its own
# (pandas by its minor version: 2.2.0 does not go with NumPy 2).
#
#   tools/oldest.sh          make it (under bench/.oldest, once) and run the tests
set -euo pipefail
cd "$(dirname "$0")/.."

venv=bench/.oldest
python=$venv/bin/python
oldest() { sed -nE 's/^ +"('"$1"')>=([0-9.]+)",?$/\1==\2/p' pyproject.toml | head -1; }
if [ ! -f "$venv/.ready" ]; then
    "${PYTHON:-.venv/bin/python}" -m venv --clear "$venv"
    "$python" -m pip install -q "$(oldest numpy)" "$(oldest scipy)" "$(oldest pandas).*" "$(oldest formulae)" pytest hypothesis
    touch "$venv/.ready"
fi
"$python" -c 'import numpy, scipy, pandas; print("NumPy", numpy.__version__, "SciPy", scipy.__version__, "pandas", pandas.__version__)'
# pyproject's options are for plugins that are not there
PYTHONPATH=$PWD exec "$python" -m pytest -q -c /dev/null --rootdir "$PWD" -p no:cacheprovider \
    tests/test_engine_*.py tests/test_reference.py -k "not numba" "$@"
