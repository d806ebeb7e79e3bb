# Makes man pages of the public header, section 3: a page for each block of declarations that stand together
# under their comments (the first name in it gives the page its name, the others lead there), and
# libexpstart.3, the overview, from the comment that opens the header.
#
#   awk -v out=DIRECTORY -v version=0.1.0 -f pages.awk -f roff.awk include/expstart.h
#
# The header's form is what matters here: a comment stands above what it describes, or behind it on the same
# line; blocks are parted by empty lines. What is meant for C++ only, and what begins with '#', is passed over
# but for constants and the list of errors. Everything is plain POSIX awk.

# ---- reading: lines to blocks -------------------------------------------------------------------

BEGIN {
  if (out == "" || version == "") {
    print "pages.awk: give out and version" | "cat >&2"
    exit failed = 1
  }
}

# Comments and braces hold a block together, whatever empty lines are in them.
function track(line, at, two) {
  for (at = 1; at <= length(line); at++) {
    two = substr(line, at, 2)
    if (in_comment) {
      if (two == "*/") {
        in_comment = 0
        at++
      }
    } else if (two == "/*") {
      in_comment = 1
      at++
    } else if (two ~ /^[{]/) {
      depth++
    } else if (two ~ /^[}]/) {
      depth--
    }
  }
}

!in_comment && /^#ifdef __cplusplus/ { foreign = 1 }
foreign {
  if (/^#(else|endif)/)
    foreign = 0
  next
}

# X(EINVAL, -1, "invalid argument"): the list of errors.
in_macro && /X\(E[A-Z0-9]*, *-?[0-9]*, *"/ {
  split($0, parts, /[(,]/)
  error_name[++errors] = parts[2]
  match($0, /".*"/)
  error_text[errors] = substr($0, RSTART + 1, RLENGTH - 2)
}
# #define EXPSTART_NAME value, with a comment behind it that may take several lines.
in_define {
  track($0)
  constant[constants] = constant[constants] "\n" $0
  in_define = in_comment
  next
}
in_macro || (!in_comment && /^[ \t]*#/) {
  if (!in_macro && depth == 0 && /^#define EXPSTART_[A-Z0-9_]+ +[^ ]/ && !/_VERSION_|_API/) {
    constant[++constants] = substr($0, 9)
    track($0)
    in_define = in_comment
    # A comment alone above it is its own.
    if (!in_define && block ~ /^ *\/\*/ && block ~ /\*\/\n$/) {
      constant[constants] = constant[constants] block
      block = ""
    }
  }
  in_macro = /\\$/
  next
}

{
  if ($0 ~ /^[ \t]*$/ && !in_comment && depth == 0) {
    end_block()
    next
  }
  track($0)
  block = block $0 "\n"
}

function end_block() {
  if (block != "")
    blocks[++block_count] = block
  block = ""
}

# ---- a block to its items: comments and statements ----------------------------------------------

# split_items(text, ends): item[1..items] with item_kind "comment", "behind" (a comment on the line of what it
# is about) or "code". ends: the characters that end a statement outside of all brackets.
function split_items(text, ends, at, c, two, close_at, code, level, line_start) {
  items = 0
  code = ""
  level = 0
  line_start = 1
  for (at = 1; at <= length(text); at++) {
    c = substr(text, at, 1)
    two = substr(text, at, 2)
    if (two == "/*") {
      close_at = index(substr(text, at + 2), "*/")
      if (level > 0)
        code = code substr(text, at, close_at + 3)
      else if (code ~ /[^ \t\n]/) {
        pending_comment = pending_comment substr(text, at + 2, close_at - 1)
      } else
        add_item(line_start ? "comment" : "behind", substr(text, at + 2, close_at - 1))
      at += close_at + 2
      continue
    }
    if (c == "\n")
      line_start = 1
    else if (c !~ /[ \t]/)
      line_start = 0
    if (c ~ /[{(]/)
      level++
    if (c ~ /[})]/)
      level--
    if (level == 0 && index(ends, c) > 0) {
      add_code(code)
      code = ""
      continue
    }
    code = code c
    # The body of an inline function has no semicolon behind it.
    if (c == "}" && level == 0 && code ~ /static inline/) {
      sub(/[{].*/, "", code)
      add_code(code)
      code = ""
    }
  }
  add_code(code)
}

function add_code(code) {
  if (code ~ /[^ \t\n]/)
    add_item("code", code)
  if (pending_comment != "")
    add_item("behind", pending_comment)
  pending_comment = ""
}

function add_item(kind, text) {
  item[++items] = text
  item_kind[items] = kind
}

# ---- what a statement declares ------------------------------------------------------------------

function one_line(code, at, close_at) {
  while ((at = index(code, "/*")) > 0) {
    close_at = index(substr(code, at), "*/")
    code = substr(code, 1, at - 1) " " substr(code, at + close_at + 1)
  }
  gsub(/[ \t\n]+/, " ", code)
  sub(/^ /, "", code)
  sub(/ $/, "", code)
  return code
}

# Sets kind ("function", "type", "fields", "values" or "" for what gets no page) and name.
function declares(code, line, rest) {
  line = one_line(code)
  kind = name = ""
  if (line ~ /^EXPSTART_API / || line ~ /^static inline /) {
    if (!match(line, /expstart_[a-z0-9_]+ ?\(/))
      return
    kind = "function"
    name = substr(line, RSTART, RLENGTH)
  } else if (line ~ /^typedef [^{]*\(\* ?expstart_[a-z0-9_]+\)/) {
    match(line, /\(\* ?expstart_[a-z0-9_]+/)
    kind = "type"
    name = substr(line, RSTART, RLENGTH)
  } else if (line ~ /^typedef [^{(]* expstart_[a-z0-9_]+$/ && line !~ /^typedef (struct|enum)/) {
    match(line, /expstart_[a-z0-9_]+$/)
    kind = "type"
    name = substr(line, RSTART, RLENGTH)
  } else if (line ~ /^(typedef )?(struct|enum)[^{;(]*[{]/) {
    kind = line ~ /^(typedef )?enum/ ? "values" : "fields"
    rest = line
    sub(/^.*[}]/, "", rest)
    name = line ~ /^typedef/ ? rest : line
    sub(/[{].*/, "", name)
    sub(/^(struct|enum) /, "", name)
  }
  gsub(/[^a-z0-9_]/, "", name)
  if (name !~ /^expstart_/)
    kind = name = ""
}

# The statement as it is shown: without the library's marks, and without fields and values.
function shown(code, line) {
  line = one_line(code)
  sub(/^EXPSTART_API /, "", line)
  sub(/^static inline /, "", line)
  while (sub(/__attribute__ ?\(\([^()]*(\([^()]*\))?[^()]*\)\) ?/, "", line)) {
  }
  if (line ~ /[{]/) {
    sub(/[{].*[}]/, "{ ... }", line)
  }
  return line ";"
}

# ---- structs and enums --------------------------------------------------------------------------

# The members, each with what is said behind it; a run of them that has nothing of the kind shares what stands
# above it.
function members(text, kind, body, i) {
  body = text
  sub(/^[^{]*[{]/, "", body)
  sub(/[}][^}]*$/, "", body)
  split_items(body, kind == "values" ? "," : ";")
  run_length = 0
  above = ""
  for (i = 1; i <= items; i++) {
    if (item_kind[i] == "comment") {
      end_run("")
      above = above (above == "" ? "" : "\n\n") item[i]
    } else if (item_kind[i] == "behind") {
      end_run(item[i])
    } else {
      if (i < items && item_kind[i + 1] == "behind")
        end_run("")
      run[++run_length] = one_line(item[i])
    }
  }
  end_run("")
}

function end_run(behind, i) {
  if (run_length == 0)
    return
  for (i = 1; i <= run_length; i++) {
    emit(i == 1 ? ".TP" : ".TQ")
    emit("\\fB" code(run[i]) "\\fR")
  }
  if (above == "" && behind == "")
    emit("\\&")
  if (above != "")
    plain(above)
  if (above != "" && behind != "")
    emit(".IP")
  if (behind != "")
    plain(behind)
  run_length = 0
  above = ""
}

# ---- all blocks to pages ------------------------------------------------------------------------

END {
  if (failed)
    exit 1
  end_block()
  for (b = 1; b <= block_count; b++) {
    split_items(blocks[b], ";")
    for (i = 1; i <= items; i++) {
      if (item_kind[i] != "code")
        continue
      declares(item[i])
      if (name == "")
        continue
      if (page[b] == "")
        page[b] = name
      page_of[name] = page[b]
      kind_of[name] = kind
      names[b] = names[b] (names[b] == "" ? "" : " ") name
    }
  }
  for (b = 1; b <= block_count; b++)
    if (page[b] != "")
      write_page(b)
  write_overview()
}
