#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh PYTHON PROGRAM MODEL: the session of the official clients, with the Python that `./dev test` installed them for.
# Without it ctest shows the test as skipped (77); CI must have it.
set -eu
if [ ! -x "$1" ]; then
  echo "the official clients are not installed in build-clients; ./dev test installs them"
  [ "${CI:-}" = true ] && exit 1
  exit 77
fi
exec "$1" "$(dirname "$0")/clients_test.py" "$2" "$3"
