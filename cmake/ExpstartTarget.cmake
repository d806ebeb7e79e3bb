# What every target of the project is compiled with; nothing is set globally, so that a project that
# includes this one by add_subdirectory keeps its own flags.

set(EXPSTART_SANITIZE "" CACHE STRING "Sanitizers to build with, e.g. address,undefined or thread")
option(EXPSTART_WERROR "Treat compiler warnings as errors" OFF)

function(expstart_target_defaults target)
  set_target_properties(${target} PROPERTIES
    C_STANDARD 11 C_STANDARD_REQUIRED ON C_EXTENSIONS OFF
    C_VISIBILITY_PRESET hidden
    CXX_STANDARD 17 CXX_STANDARD_REQUIRED ON CXX_EXTENSIONS OFF)
  target_compile_definitions(${target} PRIVATE _POSIX_C_SOURCE=200809L)
  target_compile_options(${target} PRIVATE
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion
    $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes> $<$<COMPILE_LANGUAGE:C>:-Wmissing-prototypes>)
  if(EXPSTART_WERROR)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
  if(EXPSTART_SANITIZE)
    target_compile_options(${target} PRIVATE
      -fsanitize=${EXPSTART_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    target_link_options(${target} PRIVATE -fsanitize=${EXPSTART_SANITIZE})
  endif()
endfunction()
