# The man pages of the library, section 3, made from the public header when it is built: see man/pages.awk.
# `expstart_man_dir` is where they are. Where there is no awk there are none.

find_program(EXPSTART_AWK awk)
if(NOT EXPSTART_AWK)
  message(STATUS "No awk: the library's man pages are not made")
  return()
endif()

set(expstart_man_dir ${PROJECT_BINARY_DIR}/man)
set(header ${PROJECT_SOURCE_DIR}/include/expstart.h)
set(scripts ${PROJECT_SOURCE_DIR}/cmake/man/pages.awk ${PROJECT_SOURCE_DIR}/cmake/man/roff.awk)
# Which pages there are is the header's affair: one that is no longer made is not left behind either.
add_custom_command(OUTPUT ${expstart_man_dir}/made
  COMMAND ${CMAKE_COMMAND} -E rm -rf ${expstart_man_dir}
  COMMAND ${CMAKE_COMMAND} -E make_directory ${expstart_man_dir}/man3
  COMMAND ${EXPSTART_AWK} -v out=${expstart_man_dir}/man3 -v version=${PROJECT_VERSION}
    -f ${PROJECT_SOURCE_DIR}/cmake/man/pages.awk -f ${PROJECT_SOURCE_DIR}/cmake/man/roff.awk ${header}
  COMMAND ${CMAKE_COMMAND} -E touch ${expstart_man_dir}/made
  DEPENDS ${header} ${scripts}
  COMMENT "Man pages from expstart.h"
  VERBATIM)
add_custom_target(expstart_man ALL DEPENDS ${expstart_man_dir}/made)
install(DIRECTORY ${expstart_man_dir}/man3 DESTINATION ${CMAKE_INSTALL_MANDIR}
  COMPONENT development)
