#!/bin/sh
# Makes .venv with everything that tests and lab need. Usage: venv.sh PYTHON
set -eu
python=$1

fail() {
  echo "setup: error: $1" >&2
  exit 1
}

command -v "$python" >/dev/null 2>&1 || fail "there is no $python; install Python 3.11 or newer"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
  fail "$("$python" --version) is too old; install Python 3.11 or newer, or: make PYTHON=/path/to/it"
"$python" -c 'import venv, ensurepip' 2>/dev/null ||
  fail "$python has no venv module; install it (Debian: apt-get install python3-venv)"
if [ ! -x .venv/bin/pip ]; then
  echo "setup: making .venv with $("$python" --version)" >&2
  rm -rf .venv
  "$python" -m venv .venv
fi
echo "setup: installing the Python packages (a minute or two the first time)" >&2
# pip has time-outs of its own for each transfer; this one is for the whole.
limit=
if command -v timeout >/dev/null 2>&1; then limit="timeout 1200"; fi
$limit .venv/bin/pip install --quiet --disable-pip-version-check -e '.[dev]' ||
  fail "the Python packages could not be installed; the lines above say why"
touch .venv/installed
