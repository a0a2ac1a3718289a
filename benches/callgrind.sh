#!/usr/bin/env bash
# Counts the instructions of the hot ways with callgrind and prints them beside their baselines.
# Counts repeat from run to run where times on a shared machine differ by half.
#   benches/callgrind.sh            # all rows
#   benches/callgrind.sh decode     # rows whose name holds this
set -euo pipefail
cd "$(dirname "$0")/.."
only=${1:-}
if ! command -v valgrind >/dev/null 2>&1; then
  echo "skipped: instruction counts need valgrind, which this machine does not have"
  exit 0
fi
binary=$(cargo bench -p dutchbook-benches --bench instructions --no-run --message-format=json |
  sed -n 's/.*"name":"instructions".*"executable":"\([^"]*\)".*/\1/p' | tail -n 1)
log=$(mktemp)
trap 'rm -f "$log"' EXIT
printf '%-40s %-36s %14s %8s\n' row way instructions ratio
last='' first=''
while IFS=$'\t' read -r row way; do
  case $row in *"$only"*) ;; *) continue ;; esac
  pieces=$(valgrind --tool=callgrind --callgrind-out-file=/dev/null \
    --toggle-collect='*count_instructions_of*' "$binary" "$row" "$way" 2>"$log") || {
    cat "$log" >&2
    exit 1
  }
  total=$(sed -n 's/.*Collected : \([0-9]*\).*/\1/p' "$log")
  if [ -z "$total" ] || [ "$total" -eq 0 ]; then
    echo "callgrind counted nothing for $row by $way" >&2
    exit 1
  fi
  each=$(awk "BEGIN { printf \"%.0f\", $total / $pieces }")
  # A ratio is to the first way of its row.
  if [ "$row" != "$last" ]; then first=$each last=$row; fi
  ratio=$(awk "BEGIN { printf \"%.1fx\", $each / $first }")
  printf '%-40s %-36s %14s %8s\n' "$row" "$way" "$each" "$ratio"
done < <("$binary" list)
