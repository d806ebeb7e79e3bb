# Turns the file IN into the C array `start_200_json` in OUT; run by `cmake -P` at build time.
file(READ "${IN}" bytes HEX)
string(LENGTH "${bytes}" digits)
math(EXPR length "${digits} / 2")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
file(WRITE "${OUT}"
  "#include \"start_200.h\"\n\n"
  "const unsigned char start_200_json[] = {${bytes}};\n"
  "const size_t start_200_json_length = ${length};\n")
