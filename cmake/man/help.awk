# Makes a man page of what a program's --help says: usage, a description, groups of options, more words.
#
#   PROGRAM --help | awk -v name=expstart-sandbox -v version=0.1.0 -v about='what it is' -f help.awk

function text(line) {
  gsub(/\\/, "\\e", line)
  gsub(/-/, "\\-", line)
  sub(/^[.']/, "\\\\\\&&", line)
  return line
}

BEGIN {
  print ".\\\" Made from the program's --help; what is wrong here is to be mended there."
  print ".TH " toupper(name) " 1 \"\" \"expstart " version "\" \"User Commands\""
  print ".SH NAME\n" text(name) " \\- " text(about)
  print ".SH SYNOPSIS"
}

/^Usage: / {
  sub(/^Usage: /, "")
  print ".B " text($0)
  print ".SH DESCRIPTION"
  next
}

/^$/ {
  parted = 1
  next
}

# An option, and what it does from the 22nd column on or on the lines below.
/^  -/ {
  if (!options++)
    print ".SH OPTIONS"
  behind = substr($0, 21, 1) == " "
  line = substr($0, 3, behind ? 18 : length($0))
  sub(/ +$/, "", line)
  print ".TP\n.B " text(line)
  if (behind)
    print text(substr($0, 22))
  parted = 0
  in_option = 1
  next
}

/^   / && in_option {
  sub(/^ +/, "")
  print text($0)
  next
}

{
  if (/:$/)
    print (options++ ? "" : ".SH OPTIONS\n") ".SS " text($0)
  else {
    if (in_option)
      print ".SH NOTES"
    else if (parted)
      print ".PP"
    print text($0)
  }
  in_option = parted = 0
}
