# The man pages that are made when the rest is built: those of the library, section 3, from the public header
# (see man/pages.awk), and the sandbox's from its --help. `expstart_man_dir` is where they are. Where there is
# no awk there are none.

find_program(EXPSTART_AWK awk)
if(NOT EXPSTART_AWK)
  message(STATUS "No awk: man pages of the library and the sandbox are not made")
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

# A sandbox that is built for another machine cannot be asked, and one with a sanitizer not everywhere.
if(TARGET expstart-sandbox AND NOT CMAKE_CROSSCOMPILING AND NOT EXPSTART_SANITIZE)
  set(sandbox_page ${PROJECT_BINARY_DIR}/expstart-sandbox.1)
  add_custom_command(OUTPUT ${sandbox_page}
    COMMAND expstart-sandbox --help > ${sandbox_page}.help
    COMMAND ${EXPSTART_AWK} -v name=expstart-sandbox -v version=${PROJECT_VERSION}
      -v "about=a local stand-in for the ABsmartly API"
      -f ${PROJECT_SOURCE_DIR}/cmake/man/help.awk ${sandbox_page}.help > ${sandbox_page}
    DEPENDS expstart-sandbox ${PROJECT_SOURCE_DIR}/cmake/man/help.awk
    VERBATIM)
  add_custom_target(expstart_sandbox_man ALL DEPENDS ${sandbox_page})
  install(FILES ${sandbox_page} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT sandbox)
endif()
