# Edits one member of the JSON object in a file and keeps every other byte.
#
# Runs under BusyBox awk, mawk and gawk with LC_ALL=C. Standard input is the file followed by one
# sentinel character, so that a missing newline at its end is seen. From the environment:
#   OP     keys   print the names of the top-level members, one a line
#          get    print the value of member KEY as it stands in the file
#          set    print the file with member KEY set to VALUE (JSON text)
#          remove print the file without member KEY
# Exit status: 0 done, 2 the file cannot be edited (why, with its line, on standard output),
# 3 the member is absent (get and remove; remove then prints the file unchanged).
# Set on a file without the member, then remove, gives the original bytes.

function die(why,    before) {
  before = substr(text, 1, pos - 1)
  printf "line %d: %s\n", gsub(/\n/, "\n", before) + 1, why
  status = 2
  exit 2
}

function skip_space(    c) {
  while (pos <= size) {
    c = substr(text, pos, 1)
    if (c != " " && c != "\t" && c != "\n" && c != "\r") break
    pos++
  }
  if (pos < size && c == "/" && index("/*", substr(text, pos + 1, 1))) die("a comment, which JSON does not have")
  if (c == "#") die("a comment, which JSON does not have")
}

function expect(wanted) {
  skip_space()
  if (substr(text, pos, 1) != wanted) die("expected '" wanted "', found " shown())
  pos++
}

function shown() {
  return pos > size ? "the end of the file" : "'" substr(text, pos, 1) "'"
}

# Returns the decoded text of the string at pos; only what the name of a member needs is decoded.
function parse_string(    c, out, hex) {
  expect("\"")
  out = ""
  while (pos <= size) {
    c = substr(text, pos, 1)
    if (c == "\"") { pos++; return out }
    if (c < " ") die("a control character inside a string")
    if (c == "\\") {
      pos++
      c = substr(text, pos, 1)
      if (c == "u") {
        hex = substr(text, pos + 1, 4)
        if (hex !~ /^[0-9A-Fa-f][0-9A-Fa-f][0-9A-Fa-f][0-9A-Fa-f]$/) die("a damaged \\u escape")
        c = decoded(tolower(hex))
        pos += 4
      } else if (c == "" || !index("\"\\/bfnrt", c)) die("an unknown escape in a string")
      else if (c == "b" || c == "f" || c == "n" || c == "r" || c == "t") c = "\\" c
    }
    out = out c
    pos++
  }
  die("a string that does not end")
}

function decoded(hex,    high, low) {
  if (substr(hex, 1, 2) != "00") return "\\u" hex
  high = index("0123456789abcdef", substr(hex, 3, 1)) - 1
  low = index("0123456789abcdef", substr(hex, 4, 1)) - 1
  return high >= 2 && high < 8 ? sprintf("%c", high * 16 + low) : "\\u" hex
}

function parse_value(    c, rest) {
  skip_space()
  c = substr(text, pos, 1)
  if (c == "{") { parse_object(0); return }
  if (c == "[") { parse_array(); return }
  if (c == "\"") { parse_string(); return }
  rest = substr(text, pos, 400)
  if (match(rest, /^(true|false|null)/) || match(rest, /^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?/)) {
    pos += RLENGTH
    return
  }
  die("expected a value, found " shown())
}

function parse_array() {
  expect("[")
  skip_space()
  if (substr(text, pos, 1) == "]") { pos++; return }
  while (1) {
    parse_value()
    skip_space()
    if (substr(text, pos, 1) == "]") { pos++; return }
    expect(",")
  }
}

# top: the members of the outermost object are recorded in name[], name_at[], value_at[], end_at[].
function parse_object(top,    name, from) {
  expect("{")
  skip_space()
  if (substr(text, pos, 1) == "}") { pos++; return }
  while (1) {
    skip_space()
    from = pos
    name = parse_string()
    expect(":")
    skip_space()
    if (top) {
      members++
      names[members] = name
      name_at[members] = from
      value_at[members] = pos
      if (name == key) {
        if (found) die("a second \"" key "\" in the same object")
        found = members
      }
    }
    parse_value()
    if (top) end_at[members] = pos - 1
    skip_space()
    if (substr(text, pos, 1) == "}") { pos++; return }
    expect(",")
  }
}

function cut(from, to) {
  return substr(text, 1, from - 1) substr(text, to + 1)
}

function with_member(    last, gap, i) {
  if (blank) return text "{\"" key "\": " value "}"
  if (found) return substr(text, 1, value_at[found] - 1) value substr(text, end_at[found] + 1)
  if (!members) return substr(text, 1, open_at) "\"" key "\": " value substr(text, open_at + 1)
  last = end_at[members]
  # The new member starts as the last one does: behind the same line break and indentation.
  i = name_at[members]
  while (index(" \t\r\n", substr(text, i - 1, 1))) i--
  gap = substr(text, i, name_at[members] - i)
  return substr(text, 1, last) "," gap "\"" key "\": " value substr(text, last + 1)
}

function without_member() {
  if (members == 1) return cut(open_at + 1, end_at[found])
  if (found == 1) return cut(name_at[1], name_at[2] - 1)
  return cut(end_at[found - 1] + 1, end_at[found])
}

{ text = text (NR > 1 ? "\n" : "") $0 }

END {
  if (status) exit status
  text = substr(text, 1, length(text) - 1)
  size = length(text)
  key = ENVIRON["KEY"]
  value = ENVIRON["VALUE"]
  op = ENVIRON["OP"]
  pos = substr(text, 1, 3) == "\357\273\277" ? 4 : 1
  skip_space()
  blank = pos > size
  if (!blank) {
    open_at = pos
    if (substr(text, pos, 1) != "{") die("expected an object, found " shown())
    parse_object(1)
    skip_space()
    if (pos <= size) die("something behind the closing '}'")
  }
  if (op == "keys") { for (i = 1; i <= members; i++) print names[i]; exit 0 }
  if (op == "set") { printf "%s", with_member(); exit 0 }
  if (!found) { if (op == "remove") printf "%s", text; exit 3 }
  if (op == "get") { printf "%s", substr(text, value_at[found], end_at[found] - value_at[found] + 1); exit 0 }
  if (op == "remove") { printf "%s", without_member(); exit 0 }
  exit 4
}
