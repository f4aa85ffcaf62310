#!/bin/sh
# Runs the desktop program's end-to-end tests on a screen nobody sees.
#
#   crates/salotto-desktop/e2e/run.sh                 all of them
#   crates/salotto-desktop/e2e/run.sh --test-name-pattern=mission_13
#
# Needs: node 20, Xvfb, WebKitWebDriver (webkit2gtk-driver), and both programs built:
#   (cd web && npm ci && npm run build)
#   cargo build -p salotto-desktop --features custom-protocol
#   cargo build -p salotto
set -eu
here=$(dirname "$0")
exec node --test --test-concurrency=1 --test-reporter=spec "$@" "$here"/*.test.mjs
