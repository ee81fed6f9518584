# A marked block of lines in a shell script; every other byte is kept.
#
# Runs under BusyBox awk, mawk and gawk with LC_ALL=C. Standard input is the file followed by one
# sentinel character, so that a missing newline at its end is seen. From the environment:
#   OP     set     print the file with VALUE (whole lines) as the block, in front of the first line
#                  that starts dockerd
#          remove  print the file without the block
#          get     print the block
#   BEGIN_MARK, END_MARK  first and last line of the block
# Exit status: 0 done, 2 there is no place for a block, or one without an end, 3 there is no block
# (get and remove; remove then prints the file unchanged).

{ line[NR] = $0 }

END {
  op = ENVIRON["OP"]
  for (i = 1; i <= NR; i++) {
    if (line[i] == ENVIRON["BEGIN_MARK"] && !from) from = i
    else if (line[i] == ENVIRON["END_MARK"] && from && !to) to = i
    else if (!start && line[i] ~ /^[ \t]*[^# \t]/ && line[i] ~ /(^|[ \t\/"])dockerd([ \t"]|$)/ && !(from && !to)) start = i
  }
  if (from && !to) { print "a block of nas-k3s that has no end, from line " from; exit 2 }
  if (op == "get") {
    if (!from) exit 3
    for (i = from; i <= to; i++) print line[i]
    exit 0
  }
  # In front of the whole command.
  while (start > 1 && line[start - 1] ~ /\\$/) start--
  if (op == "set" && !start) { print "no line that starts dockerd"; exit 2 }
  for (i = 1; i <= NR; i++) {
    if (from && i >= from && i <= to) continue
    if (op == "set" && i == start) printf "%s", ENVIRON["VALUE"]
    # The last line ends with the sentinel instead of a line end.
    if (i < NR) print line[i]
    else printf "%s", substr(line[i], 1, length(line[i]) - 1)
  }
  if (op == "remove" && !from) exit 3
}
