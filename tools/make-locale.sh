#!/bin/sh
# Makes a locale with a decimal comma for the tests, where the system has the sources (package "locales").
# Usage: tools/make-locale.sh FOLDER STAMP
set -eu
mkdir -p "$1"
if ! localedef -i de_DE -f UTF-8 --no-archive "$1/de_DE.UTF-8" >/dev/null 2>&1; then
    echo "no sources for a locale with a decimal comma: its tests check nothing" >&2
fi
: >"$2"
