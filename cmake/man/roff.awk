# The second half of pages.awk: text and pages in the man macros.

function emit(line) {
  print line > file
}

# No character of the text is taken for a request or an escape.
function escape(text, result, at) {
  result = ""
  while ((at = index(text, "\\")) > 0) {
    result = result substr(text, 1, at - 1) "\\e"
    text = substr(text, at + 1)
  }
  return result text
}

function code(text) {
  text = escape(text)
  gsub(/-/, "\\-", text)
  return text
}

# One line of running text, with the names of functions and types in bold; notes which have pages.
function running(text, result, word) {
  text = escape(text)
  result = ""
  while (match(text, /expstart_[a-z0-9_]+/)) {
    word = substr(text, RSTART, RLENGTH)
    result = result substr(text, 1, RSTART - 1)
    if (word in page_of) {
      result = result "\\fB" word "\\fR"
      mention(word)
    } else
      result = result word
    text = substr(text, RSTART + RLENGTH)
  }
  text = result text
  if (text ~ /^[.']/)
    text = "\\&" text
  emit(text)
}

function mention(word) {
  if (page_of[word] != this_page && !(word in mentioned)) {
    mentioned[word] = 1
    see_also = see_also (see_also == "" ? "" : " ") word
  }
}

# ---- a comment ----------------------------------------------------------------------------------

# Cuts a comment to lines, without what decorates them; indent[] is what each begins with.
function comment_lines(text, i, line) {
  sub(/[ \t\n]+$/, "", text)
  line_count = split(text, line_text, "\n")
  base = 999
  for (i = 1; i <= line_count; i++) {
    line = line_text[i]
    if (i > 1)
      sub(/^ \*( |$)/, "  ", line)
    match(line, /^[ \t]*/)
    indent[i] = RLENGTH
    line = substr(line, RLENGTH + 1)
    sub(/[ \t]+$/, "", line)
    line_text[i] = line
    if (i > 1 && line != "" && indent[i] < base)
      base = indent[i]
  }
  indent[1] = base
}

# Behind a field, or between an item's marks: paragraphs and nothing else.
function plain(text, i) {
  comment_lines(text)
  for (i = 1; i <= line_count; i++) {
    if (line_text[i] != "")
      running(line_text[i])
    else if (i < line_count)
      emit(".IP")
  }
}

# A whole docstring: paragraphs, numbered and dashed lists, tables, examples, and "Errors:" as a section of its
# own. `head`: lines in capitals alone are headings (they are in the overview).
function document(text, head, i, line, item_indent, mark, quoted, last, begun) {
  comment_lines(text)
  item_indent = -1
  last = "" # what the last line was; an empty line parts paragraphs
  begun = 0
  for (i = 1; i <= line_count; i++) {
    line = line_text[i]
    if (line == "") {
      item_indent = -1
      if (last != "heading")
        last = ""
      continue
    }
    if (head && line ~ /^[A-Z][A-Z ]+$/ && length(line) > 5 && last == "") {
      emit(".SH " line)
      last = "heading"
    } else if (match(line, /^([0-9]+\.|-) +/) && (last != "text" || item_indent >= 0)) {
      mark = substr(line, 1, RLENGTH)
      gsub(/ +/, "", mark)
      emit(mark == "-" ? ".IP \\(bu 3" : ".IP " mark " 4")
      running(substr(line, RLENGTH + 1))
      item_indent = indent[i]
      last = "item"
    } else if (item_indent >= 0 && indent[i] > item_indent) {
      running(line)
    } else if (indent[i] >= base + 2) {
      quoted = quote(i)
      i += quoted - 1
      item_indent = -1
      last = "quoted"
    } else if (line ~ /^Errors?: /) {
      emit(".SH ERRORS")
      sub(/^Errors?: +/, "", line)
      running(line)
      last = "text"
      item_indent = -1
    } else {
      if (last == "quoted" || last == "item" || (last == "" && begun))
        emit(".PP")
      running(line)
      last = "text"
      item_indent = -1
    }
    begun = 1
  }
}

# Lines set in further than the text, from the i-th: a table if a line of dashes says where its columns are,
# else shown as they are. Returns how many lines that were.
function quote(i, n, j, dashes) {
  dashes = 0
  for (n = 0; i + n <= line_count; n++) {
    if (line_text[i + n] == "" || indent[i + n] < base + 2)
      break
    if (line_text[i + n] ~ /^--+( +--+)+$/)
      dashes = i + n
  }
  if (dashes == i + 1) {
    table(i, n)
    return n
  }
  emit(".PP")
  emit(".in +4n")
  emit(".nf")
  for (j = i; j < i + n; j++)
    emit("\\&" sprintf("%" (indent[j] - indent[i] > 0 ? indent[j] - indent[i] : 0) "s", "") code(line_text[j]))
  emit(".fi")
  emit(".in")
  return n
}

# A row a paragraph, so that it fits whatever the terminal's width: the first cell is its tag, and the others
# follow under the names of their columns. A line whose first cell is set in goes on with the row before.
function table(i, n, columns, from, to, k, j, cell, row) {
  columns = 0
  j = 1
  while (match(substr(line_text[i + 1], j), /--+/)) {
    from[++columns] = j + RSTART - 1 # in the line without its indentation
    j += RSTART + RLENGTH - 1
    to[columns] = j
  }
  for (k = 1; k <= columns; k++) {
    head_cell[k] = cell_of(i, from[k], k < columns ? from[k + 1] : 999, indent[i])
    row_cell[k] = ""
  }
  for (j = i + 2; j < i + n; j++) {
    if (indent[j] == indent[i])
      end_row(columns)
    for (k = 1; k <= columns; k++) {
      cell = cell_of(j, from[k], k < columns ? from[k + 1] : 999, indent[i])
      if (cell != "")
        row_cell[k] = row_cell[k] (row_cell[k] == "" ? "" : " ") cell
    }
  }
  end_row(columns)
}

function cell_of(j, from, to, left, line) {
  line = sprintf("%" (indent[j] - left > 0 ? indent[j] - left : 0) "s", "") line_text[j]
  line = substr(line, from, to - from)
  gsub(/^ +| +$/, "", line)
  return line
}

function end_row(columns, k) {
  if (row_cell[1] != "") {
    emit(".TP")
    running(row_cell[1])
    for (k = 2; k <= columns; k++)
      running(head_cell[k] ": " row_cell[k] (k < columns ? ";" : "."))
  }
  for (k = 1; k <= columns; k++)
    row_cell[k] = ""
}

# ---- pages --------------------------------------------------------------------------------------

function begin_page(page_name) {
  this_page = page_name
  file = out "/" page_name ".3"
  see_also = ""
  split("", mentioned)
  printf "" > file
  emit(".\\\" Made from expstart.h; what is wrong here is to be mended there.")
  emit(".TH " toupper(page_name) " 3 \"\" \"expstart " version "\" \"libexpstart\"")
}

function end_page(first, words, count, i) {
  emit(".SH SEE ALSO")
  count = split(see_also, words, " ")
  for (i = 1; i <= count; i++)
    emit(".BR " words[i] " (3),")
  emit(first)
  close(file)
}

# The first sentence of a docstring, for the line that apropos shows.
function summary(text, line, i) {
  comment_lines(text)
  for (i = 1; i <= line_count && line_text[i] != ""; i++)
    line = line (line == "" ? "" : " ") line_text[i]
  if (match(line, /\. +["A-Z0-9]/))
    line = substr(line, 1, RSTART - 1)
  sub(/[.:]$/, "", line)
  return line
}

# Breaks a declaration after commas, so that it fits a terminal.
function declaration(text, parts, count, i, line) {
  count = split(text, parts, /, /)
  line = ""
  for (i = 1; i <= count; i++) {
    parts[i] = parts[i] (i < count ? "," : "")
    if (line != "" && length(line " " parts[i]) > 72) {
      emit(code(line))
      line = "    " parts[i]
    } else
      line = line (line == "" ? "" : " ") parts[i]
  }
  emit(code(line))
}

function write_page(b, count, list, i, said, line, text_kind) {
  count = split(names[b], list, " ")
  for (i = 2; i <= count; i++) {
    print ".so man3/" page[b] ".3" > (out "/" list[i] ".3")
    close(out "/" list[i] ".3")
  }
  split_items(blocks[b], ";")
  begin_page(page[b])
  said = ""
  for (i = 1; i <= items && item_kind[i] != "code"; i++)
    if (!is_rule(item[i]))
      said = summary(item[i])
  if (said == "")
    said = kind_of[page[b]] == "function" ? "of libexpstart" : "a type of libexpstart"
  summary_of[page[b]] = said
  line = names[b]
  gsub(/ /, ", ", line)
  emit(".SH NAME")
  emit(line " \\- " escape(said))
  emit(".SH SYNOPSIS")
  emit(".nf")
  emit(".B #include <expstart.h>")
  for (i = 1; i <= items; i++) {
    declares(item[i])
    if (item_kind[i] == "code" && name in page_of) {
      emit(".PP")
      emit(".ft B")
      declaration(shown(item[i]))
      emit(".ft R")
    }
  }
  emit(".fi")
  emit(".SH DESCRIPTION")
  describe(b)
  end_page(".BR libexpstart (3)")
}

function is_rule(text) {
  return text ~ /^ *---.*---* *$/
}

# Each item's own text; where more than one docstring is in the block each says which names it is about.
function describe(b, i, j, docs, count, about, kept, kept_kind) {
  docs = 0
  count = items
  for (i = 1; i <= count; i++) {
    kept[i] = item[i]
    kept_kind[i] = item_kind[i]
    if (item_kind[i] != "code" && !is_rule(item[i]))
      docs++
    else if (item_kind[i] == "code" && docs == 0)
      docs++ # it has none, and the next one's is not its own
  }
  for (i = 1; i <= count; i++) {
    if (kept_kind[i] == "code") {
      declares(kept[i])
      if (kind == "fields" || kind == "values") {
        members(kept[i], kind)
      }
    } else if (!is_rule(kept[i])) {
      about = ""
      for (j = i + 1; docs > 1 && j <= count && kept_kind[j] == "code"; j++) {
        declares(kept[j])
        about = about (about == "" || name == "" ? "" : ", ") name
      }
      if (about != "")
        emit(".SS " about)
      document(kept[i], 0)
    }
  }
}

# libexpstart(3): the comment that opens the header, then what has no page of its own.
function write_overview(i, b, about) {
  begin_page("libexpstart")
  split_items(blocks[1], ";")
  sub(/^ *expstart: /, " ", item[1])
  about = item[1]
  emit(".SH NAME")
  emit("libexpstart, expstart \\- " escape(summary(about)))
  emit(".SH SYNOPSIS")
  emit(".nf")
  emit(".B #include <expstart.h>")
  emit(".PP")
  emit(".B cc program.c $(pkg\\-config \\-\\-cflags \\-\\-libs expstart)")
  emit(".fi")
  emit(".SH DESCRIPTION")
  sub(/^[^\n]*\n[ *]*\n/, "\n", about) # the line that is the summary
  document(about, 1)
  emit(".SH FUNCTIONS AND TYPES")
  for (b = 1; b <= block_count; b++)
    if (page[b] != "") {
      emit(".TP")
      gsub(/ /, ", ", names[b])
      emit("\\fB" names[b] "\\fR(3)")
      emit(escape(summary_of[page[b]]) ".")
    }
  emit(".SH CONSTANTS")
  for (i = 1; i <= constants; i++) {
    emit(".TP")
    if (match(constant[i], /\/\*.*\*\//)) {
      emit("\\fB" code(one_line(constant[i])) "\\fR")
      plain(substr(constant[i], RSTART + 2, RLENGTH - 4))
    } else {
      emit("\\fB" code(one_line(constant[i])) "\\fR")
      emit("\\&")
    }
  }
  emit(".SH ERRORS")
  emit("Functions that return int return EXPSTART_OK (0) or one of these, which are negative:")
  for (i = 1; i <= errors; i++) {
    emit(".TP")
    emit("\\fBEXPSTART_" error_name[i] "\\fR")
    emit(escape(error_text[i]))
  }
  see_also = ""
  end_page(".BR expstart (1)")
  print ".so man3/libexpstart.3" > (out "/expstart.3")
  close(out "/expstart.3")
}
