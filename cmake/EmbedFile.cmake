# expstart_embed(NAME FILE OUTPUT): OUTPUT, a C source, has the file's bytes as `const unsigned char NAME[]` and
# their number as `const size_t NAME_length`. Included, it defines that; run by `cmake -P` at build time, it does
# it.
if(NOT CMAKE_SCRIPT_MODE_FILE)
  set(EXPSTART_EMBED_SCRIPT ${CMAKE_CURRENT_LIST_FILE})
  function(expstart_embed name file output)
    add_custom_command(
      OUTPUT ${output}
      COMMAND ${CMAKE_COMMAND} -D NAME=${name} -D IN=${file} -D OUT=${output}
        -P ${EXPSTART_EMBED_SCRIPT}
      DEPENDS ${file} ${EXPSTART_EMBED_SCRIPT}
      VERBATIM)
  endfunction()
  return()
endif()

file(READ "${IN}" bytes HEX)
string(LENGTH "${bytes}" digits)
math(EXPR length "${digits} / 2")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
file(WRITE "${OUT}"
  "#include <stddef.h>\n\n"
  "extern const unsigned char ${NAME}[];\n"
  "extern const size_t ${NAME}_length;\n"
  "const unsigned char ${NAME}[] = {${bytes}};\n"
  "const size_t ${NAME}_length = ${length};\n")
