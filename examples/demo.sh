#!/usr/bin/env bash
# Renders a copy of a package and shows the result: which policies each of its environments gets.
# Usage: demo.sh TIERWALL PACKAGE
set -euo pipefail
tierwall=$1
package=$2

"$tierwall" render "$package"
echo
